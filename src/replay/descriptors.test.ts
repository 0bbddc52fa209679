import { expect, test } from "bun:test";
import { formatDescriptors, parseDescriptors } from "./descriptors.ts";

const parse = (text: string) => parseDescriptors(new TextEncoder().encode(text));
const entries = (text: string, folder: string) => {
  const found = parse(text).in(folder);
  return found && [...found];
};

test("descriptors survive being written and read", () => {
  const links = [
    ["1/fd/0", "/dev/null"],
    ["1/fd/3", "socket:[77]"],
    ["1/task/2/fd/3", "/a\\b\tc\nd"],
    ["12/fd/3", undefined],
  ] as const;
  const text = formatDescriptors(links);
  expect(parse(text).empty).toBe(false);
  expect(entries(text, "1/fd")).toEqual([
    ["0", "/dev/null"],
    ["3", "socket:[77]"],
  ]);
  expect(entries(text, "1/task/2/fd")).toEqual([["3", "/a\\b\tc\nd"]]);
  expect(entries(text, "12/fd")).toEqual([["3", undefined]]);
  expect(entries(text, "2/fd")).toBeUndefined();
});

test("lines of a directory may stand apart, of two for a descriptor the last counts", () => {
  const text = "1/fd/0\ta\n2/fd/0\tb\n1/fd/1\tc\n1/fd/0\td";
  expect(entries(text, "1/fd")).toEqual([
    ["0", "d"],
    ["1", "c"],
  ]);
  expect(entries(text, "2/fd")).toEqual([["0", "b"]]);
});

test("malformed lines are skipped", () => {
  const text = "\nx\n1/fd/\ty\n1/fd/2\ta\n1/fd/x\tb\n1/fd/3/4\tc\n1/fd\td\n\u00e4/fd/1\te\n1/fd/4\tf\n";
  expect(entries(text, "1/fd")).toEqual([
    ["2", "a"],
    ["4", "f"],
  ]);
  expect(entries(text, "\u00e4/fd")).toEqual([["1", "e"]]);
  expect(parse("").empty).toBe(true);
  expect(parse("x\n\n").empty).toBe(true);
});
