import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PROTOCOL, ProtocolError, type Question } from "../protocol.ts";
import { makeKey, readSigningKey, readTrusted } from "./nkey.ts";
import { gatekeeper, QUERY_LIMIT, type Query, splitQuery, writeQuery } from "./query.ts";

const NOW = 1_800_000_000_000;
const question: Question = {
  protocol: PROTOCOL,
  args: ["--tcp"],
  words: [],
  form: "rows",
  maxRows: 10,
  budgetMs: 1000,
};
const query: Query = {
  id: "AAAAAAAAAAAAAAAAAAAAAA",
  issuedMs: NOW,
  expiresMs: NOW + 30_000,
  inlineBytes: 4096,
  question,
};
const trustedKey = readSigningKey(makeKey().seed);
const trusted = readTrusted(trustedKey.publicKey);

/** Why a message is refused; "" if it is admitted, undefined if it is for others. */
function refusal(
  message: Uint8Array,
  { keeper = gatekeeper("web1", undefined, () => NOW) } = {},
): string | undefined {
  try {
    return keeper.admit(splitQuery(message)) === undefined ? undefined : "";
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as Error).message;
  }
}

describe("without keys", () => {
  test("a question is admitted as it was sent", () => {
    expect(gatekeeper("web1", undefined, () => NOW).admit(splitQuery(writeQuery(query, undefined)))).toEqual(
      query,
    );
  });

  test.each<[string, Partial<Query>, string | undefined]>([
    ["for this host", { to: ["web1", "web2"] }, ""],
    ["for others", { to: ["web2"] }, undefined],
    ["for nobody", { to: [] }, undefined],
    ["expired", { issuedMs: NOW, expiresMs: NOW - 1 }, "the question has expired"],
    [
      "from the future",
      { issuedMs: NOW + 61_000, expiresMs: NOW + 62_000 },
      "the question is from the future",
    ],
    ["that never expires", { expiresMs: NOW + 600_001 }, "the question lives too long"],
    [
      "with a name that could be another subject",
      { id: "a.b.c.>.AAAAAAAAAAAAAAAAAA" },
      "the question is malformed",
    ],
    ["without a name", { id: "" }, "the question is malformed"],
    [
      "of another protocol",
      { question: { ...question, protocol: 9 } },
      "the question is in protocol 9, this agent speaks 1",
    ],
  ])("one %s", (_, changes, expected) => {
    expect(refusal(writeQuery({ ...query, ...changes }, undefined))).toBe(expected);
  });

  test("one that was sent before the agent started", () => {
    let now = NOW + 1000;
    const keeper = gatekeeper("web1", undefined, () => now);
    now += 1;
    expect(refusal(writeQuery(query, undefined), { keeper })).toBe("the question is older than this agent");
  });

  test("one that was answered before, until it has expired", () => {
    let now = NOW;
    const keeper = gatekeeper("web1", undefined, () => now);
    const message = writeQuery(query, undefined);
    expect(refusal(message, { keeper })).toBe("");
    expect(refusal(message, { keeper })).toBe("the question was answered before");
    now += 30_001;
    expect(refusal(message, { keeper })).toBe("the question has expired");
  });

  test("the memory for answered questions is bounded", () => {
    let now = NOW;
    const keeper = gatekeeper("web1", undefined, () => now);
    const numbered = (number: number) =>
      writeQuery(
        { ...query, id: String(number).padStart(22, "A"), issuedMs: now, expiresMs: now + 1000 },
        undefined,
      );
    for (let number = 0; number < 10_000; number++) expect(refusal(numbered(number), { keeper })).toBe("");
    expect(refusal(numbered(10_000), { keeper })).toBe("too many questions");
    now += 1001;
    expect(refusal(numbered(10_001), { keeper })).toBe("");
  });

  test("any bytes give a question or an error of the protocol", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refusal(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        refusal(new TextEncoder().encode(`\n${json}`));
      }),
    );
    expect(refusal(new Uint8Array(QUERY_LIMIT + 1))).toBe("the question is too long");
  });
});

describe("with keys", () => {
  const keeper = () => gatekeeper("web1", trusted, () => NOW);

  test("a question that a trusted key has signed is admitted", () => {
    expect(refusal(writeQuery(query, trustedKey), { keeper: keeper() })).toBe("");
  });

  test("one without a signature, or with that of a stranger, is refused", () => {
    expect(refusal(writeQuery(query, undefined), { keeper: keeper() })).toBe("the question is not signed");
    const stranger = readSigningKey(makeKey().seed);
    expect(refusal(writeQuery(query, stranger), { keeper: keeper() })).toBe(
      "the question is signed with a key that is not trusted",
    );
  });

  test("no byte of a signed question can be changed", () => {
    const message = writeQuery(query, trustedKey);
    const end = message.indexOf(0x0a);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: message.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const changed = message.slice();
          changed[at] = changed[at]! ^ flip;
          // The last digit of a signature has bits that do not count.
          if (at === end - 1 || at === end) return;
          expect(refusal(changed, { keeper: keeper() })).not.toBe("");
        },
      ),
    );
  });

  test("a signature for one question is not one for another", () => {
    const [line] = new TextDecoder().decode(writeQuery(query, trustedKey)).split("\n");
    const [, body] = new TextDecoder().decode(writeQuery({ ...query, to: ["web1"] }, undefined)).split("\n");
    expect(refusal(new TextEncoder().encode(`${line}\n${body}`), { keeper: keeper() })).toBe(
      "the signature of the question is wrong",
    );
  });

  test("a question that is refused can be sent again, signed", () => {
    const own = keeper();
    expect(refusal(writeQuery(query, undefined), { keeper: own })).toBe("the question is not signed");
    expect(refusal(writeQuery(query, trustedKey), { keeper: own })).toBe("");
  });
});
