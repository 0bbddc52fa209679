import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseArguments } from "./getopt.ts";
import { readTerm, TermError } from "./internet.ts";
import { lsofOptions, lsofWords } from "./options.ts";
import { printable } from "./printable.ts";

const services = () => ({
  name: () => undefined,
  port: (name: string) => (name === "http" ? 80 : undefined),
});

test("a value of -i may be left out, attached or the next argument", () => {
  const values = (...args: string[]) =>
    parseArguments(lsofOptions, lsofWords, args).options.map(({ value }) => value);
  expect(values("-i", "-n")).toEqual([undefined, undefined]);
  expect(values("-nPi:80")).toEqual([undefined, undefined, ":80"]);
  expect(values("-i", "tcp:80")).toEqual(["tcp:80"]);
});

test("any arguments are parsed without an exception", () => {
  const arg = fc.oneof(
    fc.string(),
    fc.string().map((text) => `-${text}`),
    fc.string().map((text) => `+${text}`),
  );
  fc.assert(
    fc.property(fc.array(arg), (args) => parseArguments(lsofOptions, lsofWords, args).names.length >= 0),
  );
});

test("any term of -i is read or refused with a message", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^[46]?(tcp|udp)?(@[^:]*)?(:[0-9,-]*)?$/)),
      (term) => {
        try {
          expect(readTerm(term, services).text).toBe(term);
        } catch (error) {
          expect(error).toBeInstanceOf(TermError);
        }
      },
    ),
  );
});

test("no bytes print a control character, nor more columns than there are", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.boolean(), fc.nat(40), (bytes, utf8, limit) => {
      const text = printable(bytes, { utf8, terminal: true }, limit);
      expect(text.length).toBeLessThanOrEqual(limit);
      for (const character of text) {
        const code = character.codePointAt(0)!;
        expect(code < 0x20 || (code >= 0x7f && code < 0xa0)).toBe(false);
      }
    }),
  );
});
