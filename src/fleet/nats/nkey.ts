/**
 * Keys that sign questions: Ed25519, written as NKeys, so that the keys of a NATS server's users can be used, too.
 *
 * An NKey is base32 (RFC 4648, without padding) of a prefix, the 32 bytes of the key and a CRC-16. A public key of a user
 * begins with `U`, its seed with `SU`.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const KEY_SIZE = 32;
const SIGNATURE_SIZE = 64;
/** Prefix of a user's public key, and the two bytes before a user's seed. */
const USER = 20 << 3;
const USER_SEED = [(18 << 3) | (USER >> 5), (USER & 31) << 3] as const;

/** A text that is not a key. */
export class KeyError extends Error {
  override readonly name = "KeyError";
  /** Distinguishes this error from others. */
  readonly code = "nkey";
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}

/** @returns undefined for a character that is not of the alphabet */
function fromBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Uint8Array.from(bytes);
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

function encode(prefix: readonly number[], key: Uint8Array): string {
  const bytes = Uint8Array.of(...prefix, ...key, 0, 0);
  const body = bytes.subarray(0, -2);
  new DataView(bytes.buffer).setUint16(body.length, crc16(body), true);
  return base32(bytes);
}

/** The 32 bytes of a key. @throws KeyError */
function decode(text: string, prefix: readonly number[], what: string): Uint8Array {
  const bytes = fromBase32(text);
  const end = prefix.length + KEY_SIZE;
  const isKey =
    bytes?.length === end + 2 &&
    prefix.every((byte, at) => bytes[at] === byte) &&
    new DataView(bytes.buffer).getUint16(end, true) === crc16(bytes.subarray(0, end));
  if (!isKey) throw new KeyError(`not ${what}`);
  return bytes.slice(prefix.length, end);
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

/** A key that signs. */
export interface SigningKey {
  /** The public key that belongs to it, as text. */
  readonly publicKey: string;
  /** The signature of bytes, in base64url. */
  sign(bytes: Uint8Array): string;
}

/** The public half of a private key, as text. */
function publicText(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return encode([USER], Buffer.from(x!, "base64url"));
}

/** PKCS #8 of an Ed25519 key, before its 32 bytes. RFC 8410. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** The key of a seed's file: the first line that is a seed counts. @throws KeyError if there is none */
export function readSigningKey(file: string): SigningKey {
  const seed = /^S[A-Z2-7]{57}\s*$/m.exec(file)?.[0].trim();
  if (seed === undefined) throw new KeyError("no line is the seed of a key");
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, decode(seed, USER_SEED, "the seed of a user's key")]),
    format: "der",
    type: "pkcs8",
  });
  return { publicKey: publicText(key), sign: (bytes) => base64url(sign(null, bytes, key)) };
}

/** Makes a new key. @returns its seed, and its public key, as text */
export function makeKey(): { readonly seed: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d } = privateKey.export({ format: "jwk" });
  return { seed: encode(USER_SEED, Buffer.from(d!, "base64url")), publicKey: publicText(privateKey) };
}

/** A public key that checks signatures. */
export interface VerifyingKey {
  /** Whether a signature in base64url is this key's signature of the bytes. */
  verifies(bytes: Uint8Array, signature: string): boolean;
}

/** The key of a public key's text. @throws KeyError */
export function readPublicKey(text: string): VerifyingKey {
  const x = base64url(decode(text, [USER], "a public key, which begins with U"));
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return {
    verifies(bytes, signature) {
      const decoded = Buffer.from(signature, "base64url");
      return decoded.length === SIGNATURE_SIZE && verify(null, bytes, key, decoded);
    },
  };
}

/**
 * The keys of a file: one in each line, `#` begins a comment.
 *
 * @throws KeyError that names the line of one that is not a key
 */
export function readTrusted(file: string): ReadonlyMap<string, VerifyingKey> {
  const keys = new Map<string, VerifyingKey>();
  for (const [index, line] of file.split("\n").entries()) {
    const [word = ""] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (word === "") continue;
    try {
      keys.set(word, readPublicKey(word));
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      throw new KeyError(`line ${index + 1} is ${error.message}`);
    }
  }
  if (keys.size === 0) throw new KeyError("there is no key in it");
  return keys;
}
