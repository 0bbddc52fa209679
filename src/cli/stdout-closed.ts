/** Detects that the program was started with standard output closed (`>&-`). */
import { libc } from "#libc";
import { ascii } from "../bytes/writer.ts";
import { AT_FDCWD } from "../native/libc.ts";

/** linux/fcntl.h. */
const F_GETFD = 1;
const FD_CLOEXEC = 1;
const STDOUT = 1;
const NULL_DEVICE = "/dev/null";

function isNullDevice(): boolean {
  const target = new Uint8Array(NULL_DEVICE.length + 1);
  const length = libc.readlinkat(AT_FDCWD, ascii(`/proc/self/fd/${STDOUT}\0`), target);
  return length > 0 && new TextDecoder().decode(target.subarray(0, length)) === NULL_DEVICE;
}

/**
 * Whether standard output was closed at start. The runtime then opens /dev/null on descriptor 1 with O_CLOEXEC; a
 * descriptor that was inherited never has that flag.
 */
export function isStandardOutputClosed(): boolean {
  const flags = libc.fcntl(STDOUT, F_GETFD, 0);
  return flags >= 0 && (flags & FD_CLOEXEC) !== 0 && isNullDevice();
}
