/** Idle connections whose peer may be gone without anybody noticing. */
import { keepOutOfLastTier } from "#libc";
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED } from "../../model/state.ts";
import { durationText } from "../amounts.ts";
import { quietMs } from "../conditions.ts";
import { infoOf } from "../connection.ts";
import { isLoopback } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { plural } from "../plural.ts";
import { type Collector, rule } from "../rule.ts";
import { inodesOf, keep } from "../suspects.ts";

/** What is kept of the connections. */
interface Idle {
  readonly sockets: InetSocket[];
  /** How many there are; not all are kept. */
  count: number;
}

/** How many are kept: on a busy host there may be very many. */
const KEPT = 200;

/** Milliseconds without any packet; 0 if that is not known. */
function silentMs(socket: InetSocket): number {
  const info = infoOf(socket);
  // A peer with keepalive sends no data, but acknowledges.
  return info === undefined ? 0 : Math.min(quietMs(info) ?? 0, info.lastAckRecv ?? 0);
}

keepOutOfLastTier(silentMs);

function collectIdle(age: number): Collector<Idle> {
  const gathered: Idle = { sockets: [], count: 0 };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      const { timerNumber, wqueue, data, destinationOffset, familyNumber } = socket;
      // Any running timer, keepalive or another, will detect a dead peer.
      if (timerNumber !== 0 || wqueue > 0 || silentMs(socket) < age) return;
      if (isLoopback(data, destinationOffset, familyNumber)) return;
      gathered.count++;
      if (gathered.sockets.length < KEPT) gathered.sockets.push(keep(socket));
    },
  };
}

/** Finds connections idle for hours with no timer that would detect a dead peer. */
export const keepalive = rule({
  id: "keepalive",
  title: "Idle connections without keepalive",
  severity: "info",
  reads: [
    "established TCP connections: timers, tcpi_last_data_sent, tcpi_last_data_recv, tcpi_last_ack_recv",
  ],
  thresholds: {
    age: {
      value: 7_200_000,
      quantity: "time",
      doc: "without any packet: keepalive would probe after these two hours (RFC 9293 3.8.4, tcp_keepalive_time)",
    },
    count: { value: 10, quantity: "count", doc: "connections: a few long sessions are ordinary" },
  },
  why:
    "A peer that was switched off, or a NAT device that has forgotten the connection, is noticed only when something is sent. " +
    "Until then such connections hold descriptors and memory, and connection pools hand them out as if they worked.",
  advice: [
    {
      text: "List idle connections with their timers and processes",
      command: "ss -tnop state established",
    },
    { text: "Set SO_KEEPALIVE in the program, and TCP_KEEPIDLE to some minutes" },
    {
      text: "For programs that set only SO_KEEPALIVE, send the first probe sooner",
      command: "sysctl -w net.ipv4.tcp_keepalive_time=300",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: 1 << SS_ESTABLISHED,
    demands: ["info"],
    collect: ({ age }) => collectIdle(age),
    inodes: ({ sockets }) => inodesOf(sockets),
  },
  check(samples) {
    const { sockets, count } = samples.first.gathered;
    if (count < samples.thresholds.count) return [];
    const longest = Math.max(...sockets.map(silentMs));
    const groups = byProcess(sockets, samples);
    return [
      {
        severity: "info",
        subject: "",
        title: `${plural(count, "connection")} without keepalive ${count === 1 ? "has" : "have"} been silent for up to ${durationText(longest)}`,
        sockets: sockets.toSorted((a, b) => silentMs(b) - silentMs(a)),
        socketCount: count,
        evidence: groups.map((group) => `${group.who} has ${group.sockets.length} of them`),
        values: { connections: count, longestMs: longest },
      },
    ];
  },
});
