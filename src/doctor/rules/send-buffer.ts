/** Senders that are held up by their send buffer. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { isSendBufferFull } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { busyBetween } from "../twice.ts";
import { counted } from "../words.ts";

/** Whether the program cannot write more, and all that it has written is in flight. */
function isFull(socket: InetSocket): boolean {
  return isSendBufferFull(connectionOf(socket));
}

/** The kernel counts the time only if it has sent something just before: one that writes now and then is not counted. */
function wasLimited(socket: InetSocket): boolean {
  return (infoOf(socket)?.sndbufLimited ?? 0) > 0 || isFull(socket);
}

/** See {@link rule}. */
export const sendBuffer = rule({
  id: "send-buffer",
  title: "A sender is limited by its send buffer",
  severity: "info",
  reads: ["TCP connections: tcpi_sndbuf_limited and tcpi_busy_time as differences, SK_MEMINFO"],
  thresholds: {
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time between the samples with data to send: a connection that is mostly quiet is not held up",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of that time spent waiting for it by the kernel's count, unless it is full in both samples: that counts, too",
    },
  },
  why:
    "Everything that fits into the send buffer is in flight, and the program has to wait for acknowledgements before it can write more. " +
    "A path needs a buffer of at least twice its bandwidth times its round trip time.",
  advice: [
    {
      text: "See buffer (tb in skmem), round trip time and rate",
      command: "ss -tnmi dst ADDRESS dport = :PORT",
    },
    { text: "See how far the kernel may grow send buffers by itself", command: "sysctl net.ipv4.tcp_wmem" },
    {
      text: "Raise that limit (bytes: least, initial, most), and let the program not set SO_SNDBUF, which ends the growing",
      command: "sysctl -w net.ipv4.tcp_wmem='4096 16384 16777216'",
    },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    demands: ["info", "memory"],
    collect: () => suspects<InetSocket>((socket) => socket.wqueue > 0 && wasLimited(socket)),
    again: (gathered) => gathered,
  },
  check(samples) {
    const { busy, share } = samples.thresholds;
    const limited = busyBetween(samples, "sndbufLimited", busy).filter(
      ({ percent, before, socket }) => percent >= share || (isFull(before) && isFull(socket)),
    );
    return byPeer(limited.map(({ socket }) => socket)).map(({ address, sockets }) => {
      const own = limited.filter(({ socket }) => sockets.includes(socket));
      const percent = Math.round(Math.max(...own.map((each) => each.percent)));
      const bytes = bytesWaiting(sockets);
      return {
        severity: "info",
        title: `The send buffer holds up ${counted(sockets.length, "connection")} to ${address}: it is full, and all of it, ${bytesText(bytes)}, is in flight`,
        sockets,
        evidence: [
          `The kernel counts ${percent}% of the time with data to send as spent waiting for room (sndbuf_limited)`,
        ],
        values: { address, connections: sockets.length, percent, bytes },
        fill: { ADDRESS: address, PORT: sockets[0]!.dport },
      };
    });
  },
});
