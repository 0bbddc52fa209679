import { expect, test } from "bun:test";
import { fixtureNames, readCases, readList } from "./cases.ts";
import { comparable, expected, replay } from "./replay.ts";

const pending = readList("pending.txt");

for (const fixture of fixtureNames()) {
  for (const golden of readCases(fixture)) {
    if (pending.has(golden.id)) {
      test(`${golden.id} is pending: ss ${golden.args.join(" ")}`, async () => {
        const outcome = await replay(fixture, golden).then(
          (result) => comparable(golden, result),
          () => undefined,
        );
        // Remove a case that passes from the list.
        expect(outcome).not.toEqual(expected(golden));
      });
    } else {
      test(`${golden.id}: ss ${golden.args.join(" ")}`, async () => {
        expect(comparable(golden, await replay(fixture, golden))).toEqual(expected(golden));
      });
    }
  }
}
