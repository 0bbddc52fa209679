/** Errors of netlink conversations. */

/** An operation on a netlink socket failed, or the kernel answered a request with an error. */
export class NetlinkError extends Error {
  /** Name of the class. */
  override readonly name = "NetlinkError";
  /** Distinguishes it from other errors of this library. */
  readonly code = "netlink";
  /** Positive errno. */
  readonly errno: number;
  /** The failed operation: a libc call (`socket`, `bind`, `send`, `recv`), or `answer` if the kernel refused a request. */
  readonly operation: string;
  /** The kernel's extended acknowledgement message, if it sent one. */
  readonly detail: string | undefined;
  /** Offset in the request that the kernel rejected, if it sent one. */
  readonly offset: number | undefined;

  constructor(operation: string, errno: number, detail?: string, offset?: number) {
    super(`Netlink ${operation} failed with errno ${errno}${detail === undefined ? "" : `: ${detail}`}`);
    this.operation = operation;
    this.errno = errno;
    this.detail = detail;
    this.offset = offset;
  }
}

/** Malformed bytes, from the kernel or from a file. */
export class DecodeError extends RangeError {
  /** Name of the class. */
  override readonly name = "DecodeError";
  /** Distinguishes it from other errors of this library. */
  readonly code = "decode";
  /** What was decoded, outermost first, e.g. `inet_diag_msg`. */
  readonly path: string;
  /** Offset in bytes from the start of the datagram or file. */
  readonly offset: number;

  constructor(path: string, offset: number, problem: string) {
    super(`Cannot decode ${path} at byte ${offset}: ${problem}`);
    this.path = path;
    this.offset = offset;
  }
}
