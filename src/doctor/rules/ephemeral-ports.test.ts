import { expect, test } from "bun:test";
import { portsToChooseFrom } from "./ephemeral-ports.ts";

const choose = (range: readonly number[], reserved: string | undefined) =>
  portsToChooseFrom({ numbers: () => range, file: () => reserved });

test.each<[range: number[], reserved: string | undefined, ports: number | undefined]>([
  [[32768, 60999], undefined, 28232],
  [[32768, 60999], "\n", 28232],
  [[1000, 1009], "1001,1005-1006\n", 7],
  [[1000, 1009], "1-1000,1009-2000,5000\n", 8],
  [[1000, 1009], "junk,1001-x,9-1\n", 10],
  [[], undefined, undefined],
  [[2000, 1000], undefined, undefined],
])("portsToChooseFrom() of %p without %p", (range, reserved, ports) => {
  expect(choose(range, reserved)).toBe(ports as number);
});
