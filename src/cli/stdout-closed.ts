/** Detects that the program was started with standard output closed (`>&-`). */
import { readFileSync, readlinkSync } from "node:fs";

const O_CLOEXEC = 0o2000000;
const STDOUT = 1;

/**
 * Whether standard output was closed at start. The runtime then opens /dev/null on descriptor 1 with O_CLOEXEC; a
 * descriptor that was inherited never has that flag.
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
