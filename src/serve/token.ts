/** Tokens: who has one may read everything that the server shows. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN_BYTES = 32;
/** The characters of a token: those of `Authorization: Bearer`, RFC 6750. */
const TOKEN = /^[A-Za-z0-9._~+/-]{22,512}={0,2}$/;

/** A new token: 256 random bits, in characters that need no escape in the fragment of an address. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** Whether a text can be a token: at least 22 characters, which hold 128 bits. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/**
 * Makes the test of a token. It takes the same time for every wrong token, whatever it has in common with the right
 * one.
 */
export function tokenTest(token: string): (given: string) => boolean {
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}

/** The token of an `Authorization` header; undefined if there is none. */
export function bearerToken(header: string | null): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
}
