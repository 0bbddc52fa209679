/**
 * What a conversation with the kernel looks like from above: the live kernel, a recording being written and a
 * recording being replayed are all a {@link Transport}.
 */

/** What {@link NetlinkSocket.receive} gives where nothing has come yet, on a socket that does not wait. */
export const pending: Uint8Array = new Uint8Array(0);

/** A netlink socket. */
export interface NetlinkSocket {
  /** The port id that the kernel's answers carry in `nlmsg_pid`. */
  readonly portId: number;
  /** Sends one datagram. @throws NetlinkError */
  send(datagram: Uint8Array): void;
  /**
   * Waits for the next datagram.
   *
   * @param allocate gives the buffer for a datagram of `size` bytes; the answer is a subarray of it. Who keeps
   *   datagrams gives a new one each time, who reads and forgets gives the same one again.
   * @returns the whole datagram; an empty one is the end of the conversation (a replayed stream that is over).
   *   A socket of a {@link DeferredTransport} does not wait, and gives {@link pending} instead.
   * @throws NetlinkError
   */
  receive(allocate: (size: number) => Uint8Array): Uint8Array;
  /**
   * {@link NetlinkSocket.receive} into a buffer that is known to be large enough. That takes one call of the kernel
   * where `receive` takes two, as it looks at the size before. Left out where it would save nothing.
   *
   * @throws NetlinkError also if the datagram is larger than the buffer
   */
  readonly receiveInto?: (buffer: Uint8Array) => Uint8Array;
  /** Whether nothing waits to be received; left out where that cannot be told. */
  readonly isDrained?: () => boolean;
  /** Ends the conversation. */
  close(): void;
}

/** A place where netlink sockets can be opened. */
export interface Transport {
  /**
   * Whether requests are to be those of ss, one a family: they are written down, or the answers were recorded.
   * A kernel that is alive is asked in whatever way costs it least.
   */
  readonly familyByFamily?: boolean;
  /**
   * Opens a netlink socket.
   *
   * @param protocol NETLINK_SOCK_DIAG or NETLINK_ROUTE
   * @param groups multicast groups to join, as a bit mask (bit 0 is group 1)
   * @throws NetlinkError
   */
  open(protocol: number, groups?: number): NetlinkSocket;
}

/** A transport whose sockets do not wait, so that the event loop goes on. */
export interface DeferredTransport extends Transport {
  /** Resolves when a `receive` that gave {@link pending} is to be tried again. */
  arrival(): Promise<void>;
}
