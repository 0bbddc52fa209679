/** Whether standard output was closed before the program began. */
import { readFileSync, readlinkSync } from "node:fs";

const O_CLOEXEC = 0o2000000;
const STDOUT = 1;

/**
 * Whether standard output is closed. The runtime opens /dev/null in its place; what a program is given can never be
 * close-on-exec, and what the runtime opens is.
 */
export function isStandardOutputClosed(): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${STDOUT}`) !== "/dev/null") return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${STDOUT}`, "latin1"))?.[1];
    return (Number.parseInt(flags ?? "", 8) & O_CLOEXEC) !== 0;
  } catch {
    return false;
  }
}
