/** Whether standard output was closed before the program began. */
import { readFileSync, readlinkSync } from "node:fs";

const O_ACCMODE = 3;
const O_RDWR = 2;

/** Whether a descriptor is /dev/null, opened to read and write. */
function isNull(fd: number): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${fd}`) !== "/dev/null") return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"));
    return (Number.parseInt(flags?.[1] ?? "", 8) & O_ACCMODE) === O_RDWR;
  } catch {
    return false;
  }
}

/**
 * Whether standard output is closed. The runtime puts a /dev/null that can be read in the place of a closed
 * descriptor, which no redirection of a shell does; daemons do, but for standard error as well.
 */
export function isStandardOutputClosed(): boolean {
  return isNull(1) && !isNull(2);
}
