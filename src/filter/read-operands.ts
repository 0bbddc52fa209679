/** Readers of the operands of `dev`, `fwmark` and `cgroup`. */

import { leadingInteger, U32_MAX, unsigned } from "../bytes/c-numbers.ts";
import { FilterError } from "./errors.ts";
import { interfaceIndex } from "./number-hosts.ts";
import type { CgroupOperand, DeviceOperand, MarkOperand } from "./operands.ts";
import { type Reading, refuse } from "./reading.ts";
import type { FilterWord } from "./source.ts";

/** Reads the operand of `dev`: an interface's name or index. @throws FilterError */
export function readDevice(word: FilterWord, { context }: Reading): DeviceOperand {
  const index = unsigned(word.text, U32_MAX) ?? interfaceIndex(word.text, context.lookups);
  return index === undefined ? refuse(word, "device", "an interface") : { index };
}

const LONG_MAX = 2n ** 63n - 1n;

/** The low 32 bits of a number as scanf's `%i` reads it: beyond 64 bits it becomes the largest or smallest `long`. */
function scanned(value: bigint): number {
  const long = value > LONG_MAX ? LONG_MAX : value < -LONG_MAX ? -LONG_MAX - 1n : value;
  return Number(BigInt.asUintN(32, long));
}

/** Reads the operand of `fwmark`: `MARK` or `MARK/MASK`. Like ss it ignores text behind a number. @throws FilterError */
export function readMark(word: FilterWord): MarkOperand {
  const mark = leadingInteger(word.text);
  if (mark !== undefined && !word.text.includes("/")) return { mark: scanned(mark.value), mask: U32_MAX };
  const mask = mark?.rest.startsWith("/") ? leadingInteger(mark.rest.slice(1)) : undefined;
  if (mark === undefined || mask === undefined) return refuse(word, "mark", "a mark");
  return { mark: scanned(mark.value), mask: scanned(mask.value) };
}

/** Reads the operand of `cgroup`: a path. @throws FilterError */
export function readCgroup(word: FilterWord, { context }: Reading): CgroupOperand {
  const { text } = word;
  const id = context.lookups.cgroupId(text);
  if (typeof id !== "string") return { path: text, id };
  throw new FilterError({
    kind: "cgroup",
    position: word,
    expected: "the path of a control group",
    text,
    reason: id,
  });
}

/** Checks that the kernel can filter by control group. @throws FilterError if it cannot */
export function requireCgroups(word: FilterWord, { context }: Reading): void {
  const known = context.lookups.knowsCgroups();
  if (known === true) return;
  throw new FilterError({
    kind: "unsupported",
    position: word,
    expected: "a predicate that the kernel knows",
    text: word.text,
    ...(known !== false && { reason: known }),
  });
}
