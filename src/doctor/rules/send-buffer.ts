/** Senders that wait for room in their send buffer. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { isSendBufferFull } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { busyBetween } from "../paired-samples.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** Whether the send buffer is full and all of it is in flight. */
function isFull(socket: InetSocket): boolean {
  return isSendBufferFull(connectionOf(socket));
}

/** Whether the buffer is full now, or ever was: the kernel counts the time only right after it has sent something. */
function wasLimited(socket: InetSocket): boolean {
  return (infoOf(socket)?.sndbufLimited ?? 0) > 0 || isFull(socket);
}

/** Finds senders that wait for room in their send buffer most of the time, by two samples. */
export const sendBuffer = rule({
  id: "send-buffer",
  title: "A sender is limited by its send buffer",
  severity: "info",
  reads: ["TCP connections: tcpi_sndbuf_limited and tcpi_busy_time as differences, SK_MEMINFO"],
  thresholds: {
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time between the samples with data to send: a connection that is mostly quiet does not wait",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of that time spent waiting by the kernel's count: below half, something else limits the connection more, unless the buffer is full in both samples",
    },
  },
  why:
    "Everything in the send buffer is in flight, and the program has to wait for acknowledgements before it can write more. " +
    "A path needs a buffer of at least twice its bandwidth times its round trip time.",
  advice: [
    {
      text: "Read buffer (tb in skmem), round trip time and rate",
      command: "ss -tnmi dst ADDRESS dport = :PORT",
    },
    { text: "Check how far the kernel may grow send buffers by itself", command: "sysctl net.ipv4.tcp_wmem" },
    {
      text: "Raise that limit (bytes: minimum, default, maximum); a program that sets SO_SNDBUF turns the growth off",
      command: "sysctl -w net.ipv4.tcp_wmem='4096 16384 16777216'",
    },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    statesAtRest: 0,
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
        subject: address,
        title: `${plural(sockets.length, "connection")} to ${address} ${sockets.length === 1 ? "waits" : "wait"} for room in the send buffer: all of it, ${bytesText(bytes)}, is in flight`,
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
