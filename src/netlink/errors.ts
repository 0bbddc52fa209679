/** What can go wrong in a conversation with the kernel. */

/** An operation on a netlink socket failed, or the kernel answered a request with an error. */
export class NetlinkError extends Error {
  /** Name of the class. */
  override readonly name = "NetlinkError";
  /** Tells it from other errors of ours. */
  readonly code = "netlink";
  /** Positive errno. */
  readonly errno: number;
  /** What was being done: a libc call (`socket`, `bind`, `send`, `recv`), or `answer` for the kernel's own refusal. */
  readonly operation: string;
  /** The kernel's extended acknowledgement message, where it sent one. */
  readonly detail: string | undefined;
  /** Offset into the request that the kernel objects to, where it told. */
  readonly offset: number | undefined;

  constructor(operation: string, errno: number, detail?: string, offset?: number) {
    super(`Netlink ${operation} failed with errno ${errno}${detail === undefined ? "" : `: ${detail}`}`);
    this.operation = operation;
    this.errno = errno;
    this.detail = detail;
    this.offset = offset;
  }
}

/** Bytes that are not what they should be. */
export class DecodeError extends RangeError {
  /** Name of the class. */
  override readonly name = "DecodeError";
  /** Tells it from other errors of ours. */
  readonly code = "decode";
  /** What was being decoded, outermost first, e.g. `inet_diag_msg`. */
  readonly path: string;
  /** Bytes from the start of the datagram or file. */
  readonly offset: number;

  constructor(path: string, offset: number, problem: string) {
    super(`Cannot decode ${path} at byte ${offset}: ${problem}`);
    this.path = path;
    this.offset = offset;
  }
}
