/** Netlink transports of this host that do not block the event loop. */
import { setTimeout } from "node:timers/promises";
import { libc as hostLibc } from "#libc";
import { layoutSize, readField } from "../bytes/layout.ts";
import { EAGAIN, EINTR, EMSGSIZE, type Libc } from "../native/libc.ts";
import { NetlinkError } from "./errors.ts";
import {
  checked,
  MSG_PEEK,
  MSG_TRUNC,
  openSocket,
  SMALLEST_DATAGRAM_BUFFER,
  sockaddrNl,
  socketOf,
} from "./live.ts";
import { type DeferredTransport, type NetlinkSocket, pending } from "./transport.ts";

/** Interval of polling for events. A socket's buffer holds some thousand of them. */
const POLL_INTERVAL_MS = 20;

/**
 * A transport for events, which polls its sockets. No thread waits for events, because Node has few threads and an
 * event may be long in coming.
 *
 * @param libc the libc binding to use
 */
export function pollingTransport(libc: Libc = hostLibc): DeferredTransport {
  return {
    open: (protocol, groups = 0) => socketOf(libc, openSocket(libc, protocol, groups), false),
    arrival: () => setTimeout(POLL_INTERVAL_MS),
  };
}

/**
 * A transport for dumps, which makes its libc calls on another thread. The kernel builds a dump inside these calls, so
 * one that finds few sockets among many blocks for the whole walk.
 *
 * @param libc the libc binding to use
 */
export function offThreadTransport(libc: Libc = hostLibc): DeferredTransport {
  let latest: Promise<void> = Promise.resolve();
  return {
    open(protocol, groups = 0) {
      return offThreadSocket(libc, openSocket(libc, protocol, groups), (work) => {
        latest = work;
      });
    },
    arrival: () => latest,
  };
}

/** @param begun receives a promise for each piece of work when it starts; the promise never rejects */
function offThreadSocket(
  libc: Libc,
  { fd, portId }: { readonly fd: number; readonly portId: number },
  begun: (work: Promise<void>) => void,
): NetlinkSocket {
  const sender = new Uint8Array(layoutSize(sockaddrNl));
  const senderData = new DataView(sender.buffer);
  let busy = false;
  let closed = false;
  let arrived: Uint8Array | undefined;
  let failure: unknown;

  /** Runs one piece of work at a time. The descriptor stays open until it is done, so no call hits a reused number. */
  function begin(work: () => Promise<void>): void {
    busy = true;
    begun(
      work()
        .catch((error) => {
          failure = error;
        })
        .finally(() => {
          busy = false;
          if (closed) libc.close(fd);
        }),
    );
  }

  async function sendAll(datagram: Uint8Array): Promise<void> {
    let result: number;
    do result = await libc.sendAsync(fd, datagram, 0);
    while (result === -EINTR);
    checked("send", result);
  }

  async function receiveInto(buffer: Uint8Array | null, flags: number): Promise<number> {
    for (;;) {
      const result = await libc.recvfromAsync(fd, buffer, flags, sender);
      if (result !== -EINTR && result !== -EAGAIN) return checked("recv", result);
    }
  }

  async function receiveOne(allocate: (size: number) => Uint8Array): Promise<void> {
    while (!closed) {
      const size = await receiveInto(null, MSG_PEEK | MSG_TRUNC);
      // Like the blocking socket, accept only messages from the kernel.
      const fromKernel = readField(sockaddrNl.portId, senderData, 0) === 0;
      const buffer = fromKernel ? allocate(Math.max(size, SMALLEST_DATAGRAM_BUFFER)) : null;
      const length = await receiveInto(buffer, MSG_TRUNC);
      if (buffer === null) continue;
      if (length > buffer.length)
        throw new NetlinkError("recv", EMSGSIZE, `${length} bytes do not fit into ${buffer.length}`);
      arrived = buffer.subarray(0, length);
      return;
    }
  }

  return {
    portId,
    send: (datagram) => begin(() => sendAll(datagram)),
    receive(allocate) {
      if (failure !== undefined) {
        const error = failure;
        failure = undefined;
        throw error;
      }
      if (arrived !== undefined) {
        const datagram = arrived;
        arrived = undefined;
        return datagram;
      }
      if (!busy) begin(() => receiveOne(allocate));
      return pending;
    },
    close() {
      if (closed) return;
      closed = true;
      if (!busy) libc.close(fd);
    },
  };
}
