import { expect, test } from "bun:test";
import fc from "fast-check";
import { hostOfToken, hostToken, replyFrom, replyToken } from "./subjects.ts";

test("names of hosts are tokens that permissions can name", () => {
  expect(hostToken("web1")).toBe("web1");
  expect(hostToken("db-1.example")).toBe("db-1=2Eexample");
  expect(hostToken("bücher")).toBe("b=C3=BCcher");
  for (const name of ["", "*", ">", "a b", "a\nb", "\u001b[31m", "web[1-2]", "a,b", "a\u202eb", "\udc80"])
    expect(() => hostToken(name)).toThrow(RangeError);
  expect(hostOfToken("=1B=5B31m")).toBeUndefined();
  expect(() => hostToken("x".repeat(256))).toThrow(RangeError);
});

test("no two names have the same token, and no token breaks out of its place in a subject", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9._@:äßжω東-]{1,20}$/u), (host) => {
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
