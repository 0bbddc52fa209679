/** The width of the screen that COLUMNS asks for, where standard output is no terminal. */
import { expect, test } from "bun:test";
import { readCases } from "../golden/cases.ts";
import { replay } from "../golden/replay.ts";

const golden = readCases("mixed-500")[0]!;

/** A listing of TCP sockets in a screen of as many columns. */
async function listing(columns: string | undefined): Promise<string> {
  const env = columns === undefined ? {} : { COLUMNS: columns };
  const { stdout, stderr } = await replay("mixed-500", { ...golden, args: ["-tan"], env });
  expect(stderr).toBe("");
  return stdout;
}

test("COLUMNS widens the rows", async () => {
  expect(await listing("120")).not.toBe(await listing("80"));
});

test.each([
  ["4294967376", "80"],
  ["80 columns", "80"],
  ["99999999", "65535"],
  ["-5", undefined],
  ["wide", undefined],
  ["", undefined],
])("COLUMNS=%s is as atoi(3) reads it", async (columns, same) => {
  expect(await listing(columns)).toBe(await listing(same));
});
