/** Why a connect failed, in words. */
import { libc } from "#libc";
import type { Connecting } from "./tracked.ts";

/** Errors of a connect, by errno. asm-generic/errno.h. */
const reasons: Readonly<Record<number, string>> = {
  100: "unreachable", // ENETDOWN
  101: "unreachable", // ENETUNREACH
  103: "aborted", // ECONNABORTED
  104: "reset", // ECONNRESET
  110: "timed out", // ETIMEDOUT
  111: "refused", // ECONNREFUSED
  112: "unreachable", // EHOSTDOWN
  113: "unreachable", // EHOSTUNREACH
};

/**
 * The reason of a failure; undefined if it is unknown.
 *
 * @param byProcess whether the process closed the socket itself
 */
export function reasonOf(connecting: Connecting | undefined, byProcess: boolean): string | undefined {
  const error = connecting?.error ?? 0;
  if (error !== 0) return reasons[error] ?? libc.strerror(error);
  if (connecting?.reset) return "refused";
  return byProcess ? "abandoned" : undefined;
}
