import { expect, test } from "bun:test";
import { nkeys } from "@nats-io/transport-node";
import fc from "fast-check";
import { KeyError, makeKey, readPublicKey, readSigningKey, readTrusted } from "./nkey.ts";

const bytes = new TextEncoder().encode("text that is signed");

test("keys are those of NATS, in both directions", () => {
  const { seed, publicKey } = makeKey();
  const pair = nkeys.fromSeed(new TextEncoder().encode(seed));
  expect(pair.getPublicKey()).toBe(publicKey);
  const own = readSigningKey(`# a comment\n${seed}\n`);
  expect(own.publicKey).toBe(publicKey);
  expect(pair.verify(bytes, Buffer.from(own.sign(bytes), "base64url"))).toBe(true);

  const theirs = nkeys.createUser();
  const signature = Buffer.from(theirs.sign(bytes)).toString("base64url");
  expect(readPublicKey(theirs.getPublicKey()).verifies(bytes, signature)).toBe(true);
  expect(readSigningKey(new TextDecoder().decode(theirs.getSeed())).publicKey).toBe(theirs.getPublicKey());
});

test("another key, other bytes or another signature do not verify", () => {
  const key = readSigningKey(makeKey().seed);
  const signature = key.sign(bytes);
  const own = readPublicKey(key.publicKey);
  expect(own.verifies(bytes, signature)).toBe(true);
  expect(own.verifies(bytes.slice(1), signature)).toBe(false);
  expect(readPublicKey(makeKey().publicKey).verifies(bytes, signature)).toBe(false);
  for (const wrong of ["", "AAAA", `${signature}AAAA`, signature.slice(0, -4), "\u0000".repeat(86)])
    expect(own.verifies(bytes, wrong)).toBe(false);
});

test("a key with a wrong character is not one", () => {
  const { publicKey, seed } = makeKey();
  fc.assert(
    fc.property(
      fc.nat({ max: 55 }),
      fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ234567018=\n\u00e9"),
      (at, other) => {
        const text = publicKey.slice(0, at) + other + publicKey.slice(at + 1);
        if (text === publicKey) return;
        expect(() => readPublicKey(text)).toThrow(KeyError);
      },
    ),
  );
  expect(() => readPublicKey(seed)).toThrow(KeyError);
  expect(() => readSigningKey(publicKey)).toThrow(KeyError);
  // An account's seed is not a user's.
  expect(() => readSigningKey(new TextDecoder().decode(nkeys.createAccount().getSeed()))).toThrow(KeyError);
});

test("a file of trusted keys has one in each line, and names the line that is wrong", () => {
  const [a, b] = [makeKey().publicKey, makeKey().publicKey];
  expect([...readTrusted(`# us\n${a}  ops\n\n${b} # night shift\n`).keys()]).toEqual([a, b]);
  expect(() => readTrusted(`${a}\nnobody\n`)).toThrow("line 2 is not a public key");
  expect(() => readTrusted("# none\n")).toThrow("no key");
});
