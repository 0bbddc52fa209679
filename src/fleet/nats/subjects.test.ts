import { expect, test } from "bun:test";
import fc from "fast-check";
import { hostOfToken, hostToken, replyFrom, replyToken } from "./subjects.ts";

test("names of hosts are tokens that permissions can name", () => {
  expect(hostToken("web1")).toBe("web1");
  expect(hostToken("db-1.example")).toBe("db-1=2Eexample");
  expect(hostToken("*")).toBe("=2A");
  expect(hostToken("bücher")).toBe("b=C3=BCcher");
  expect(() => hostToken("")).toThrow(RangeError);
  expect(() => hostToken("x".repeat(256))).toThrow(RangeError);
});

test("no two names have the same token, and no token breaks out of its place in a subject", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (host) => {
      const token = hostToken(host);
      expect(token).toMatch(/^[-\w=]+$/);
      expect(hostOfToken(token)).toBe(host);
      expect(replyToken(replyFrom(token, "id"))).toBe(token);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (token) => {
      const host = hostOfToken(token);
      return host === undefined || hostToken(host) === token;
    }),
  );
});
