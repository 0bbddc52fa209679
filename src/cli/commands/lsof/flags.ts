/** The flags of a descriptor: /proc/PID/fdinfo/FD. proc(5), open(2). */
import { type Files, processFile, readBounded } from "../../../host/host.ts";
import type { LsofSettings } from "./settings.ts";

const decoder = new TextDecoder("latin1");
const ACCESS = 0o3;

/** How lsof spells the access mode. */
const access = ["R", "W", "RW"] as const;
/** How lsof spells the flags, in its order. asm-generic/fcntl.h. */
const names: readonly (readonly [bit: number, name: string])[] = [
  [0o2000, "AP"],
  [0o4000, "ND"],
  [0o20000, "ASYN"],
  [0o100000, "LG"],
  [0o2000000, "CX"],
];

/** The flags of a descriptor as open(2) has them; undefined if they cannot be read. */
export function descriptorFlags(files: Files, root: string, pid: number, fd: number): number | undefined {
  try {
    const { bytes } = readBounded(files, `${root}/${pid}/fdinfo/${fd}`, processFile);
    const match = /^flags:\s*([0-7]+)/m.exec(decoder.decode(bytes));
    return match === null ? undefined : Number.parseInt(match[1]!, 8);
  } catch {
    return undefined;
  }
}

/** The flags in lsof's words. */
export function flagNames(flags: number): string {
  return [
    access[flags & ACCESS] ?? "",
    ...names.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : name)),
  ].join(",");
}

/** The flags in words with `+fg`, else as two numbers: those of the file, and those that lsof has none of here. */
export function flagText(flags: number, settings: Pick<LsofSettings, "flags">): string {
  return settings.flags === "names" ? flagNames(flags) : `0x${flags.toString(16)};0x0`;
}
