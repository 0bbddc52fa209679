/** The arguments of this process, with bytes that are not UTF-8. */
import { builtin } from "#libc";
import { decodeBytes } from "../bytes/text.ts";

const REPLACEMENT = "\ufffd";

/** The last `count` arguments of /proc/self/cmdline; undefined if it cannot be read, or has fewer. proc(5). */
function rawArguments(count: number): string[] | undefined {
  try {
    const all = decodeBytes(builtin("node:fs").readFileSync("/proc/self/cmdline")).split("\0");
    // Each argument ends with a NUL.
    const end = all.length - 1;
    return end > count ? all.slice(end - count, end) : undefined;
  } catch {
    return undefined;
  }
}

/** The arguments after the program's name. Read from /proc, because the runtime replaces bytes that are not UTF-8. */
export function commandLine(): readonly string[] {
  const args = process.argv.slice(2);
  for (const arg of args) if (arg.includes(REPLACEMENT)) return rawArguments(args.length) ?? args;
  return args;
}
