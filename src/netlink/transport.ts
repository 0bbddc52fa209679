/**
 * The interface to a kernel's netlink sockets. The live kernel, the recorder and a replayed recording all implement
 * {@link Transport}.
 */

/** Returned by {@link NetlinkSocket.receive} of a non-blocking socket if no datagram has arrived yet. */
export const pending: Uint8Array = new Uint8Array(0);

/** A netlink socket. */
export interface NetlinkSocket {
  /** The port id that the kernel's answers carry in `nlmsg_pid`. */
  readonly portId: number;
  /** Sends one datagram. @throws NetlinkError */
  send(datagram: Uint8Array): void;
  /**
   * Starts to send one datagram on another thread, while this one goes on: the kernel walks its tables for a dump
   * inside this call.
   *
   * @returns waits until it is sent, and must be called before anything else is done with the socket; throws
   *   NetlinkError. Undefined if nothing was sent, because there is no other thread.
   */
  readonly beginSend?: (datagram: Uint8Array) => (() => void) | undefined;
  /**
   * Waits for the next datagram.
   *
   * @param allocate returns the buffer for a datagram of `size` bytes; the result is a subarray of it. Return a new
   *   buffer each time to keep datagrams, or the same one again to save memory.
   * @returns the whole datagram. An empty one ends the conversation (a replayed stream that is over). A socket of a
   *   transport that does not block returns `pending` if nothing has come yet.
   * @throws NetlinkError
   */
  receive(allocate: (size: number) => Uint8Array): Uint8Array;
  /**
   * {@link NetlinkSocket.receive} into a buffer that is known to be large enough. That takes one call of the kernel
   * where `receive` takes two, because it peeks at the size first. Undefined if it would save nothing.
   *
   * @throws NetlinkError also if the datagram is larger than the buffer
   */
  readonly receiveInto?: ((buffer: Uint8Array) => Uint8Array) | undefined;
  /** Reads messages of the answer again; undefined if they must be kept to be read again. */
  readonly recall?: Recall | undefined;
  /** Whether no datagram waits to be received. Undefined if the socket does not know. */
  readonly isDrained?: () => boolean;
  /** Closes the socket. */
  close(): void;
}

/** Reads messages of one answer again. */
export interface Recall {
  /**
   * Where a message can be read again, from 0 to 2^32 - 1; -1 if it cannot.
   *
   * @param offset of its payload in the datagram that was received last
   */
  placeOf(offset: number): number;
  /**
   * The payload of the message at a place; valid until the next call. Also works once the socket is closed.
   *
   * @throws RecordingError
   */
  read(place: number): Uint8Array;
}

/** Opens netlink sockets. */
export interface Transport {
  /**
   * Whether to send exactly ss's requests, one per family: set for a recorder and for recordings. A live kernel gets
   * the cheapest request instead.
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

/** A transport with non-blocking sockets. */
export interface DeferredTransport extends Transport {
  /** Resolves when a `receive` that returned {@link pending} should be tried again. */
  arrival(): Promise<void>;
}
