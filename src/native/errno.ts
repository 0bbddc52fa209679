/** System errors in words. */
import { libc } from "#libc";

/** The C library's text for the system error behind an exception: `No such file or directory`. */
export function systemMessage(error: unknown): string {
  const errno = (error as NodeJS.ErrnoException).errno;
  return typeof errno === "number" ? libc.strerror(Math.abs(errno)) : (error as Error).message;
}
