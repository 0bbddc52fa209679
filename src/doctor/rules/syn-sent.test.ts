import { expect, test } from "bun:test";
import fc from "fast-check";
import { hostNamesIn } from "./syn-sent.ts";

test.each<[commandLine: string, names: string[]]>([
  ["psql postgres://me:secret@db.example:5432/shop", ["db.example"]],
  ["app --url=https://api.example:5432/x", ["api.example"]],
  ["app db.example:5432", ["db.example"]],
  ["app db.example:80", []],
  ["nc db 5432", ["db"]],
  ["psql -h db.example shop", ["db.example"]],
  ["app --host=db.example", ["db.example"]],
  ["app --password=hunter2.example", []],
  ["app hunter2", []],
  ["app --password hunter2", []],
  ["app 10.0.0.1:5432", []],
  ["nc 10.0.0.1 5432", []],
  ["db.example:5432", []],
])("hostNamesIn() of %p", (commandLine, names) => {
  expect(hostNamesIn(commandLine.split(" "), 5432)).toEqual(names);
});

test("hostNamesIn() accepts any arguments in linear time, and returns host names only", () => {
  const piece = fc.constantFrom("a", "-", ".", "/", ":", "@", "=", "--host", "http://", "5432", "é", "\n");
  const argument = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (commandLine) => {
      for (const name of hostNamesIn(commandLine, 5432)) expect(name).toMatch(/^[a-z0-9.-]+$/i);
    }),
    { numRuns: 1000 },
  );
  const long = "a-".repeat(50_000);
  expect(hostNamesIn(["nc", long, `http://${long}`, "--host", `${"a.".repeat(50_000)}`], 5432)).toEqual([]);
});
