/** Idle connections that nobody would notice the end of. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED } from "../../model/state.ts";
import { durationText } from "../amounts.ts";
import { quietMs } from "../conditions.ts";
import { infoOf } from "../connection.ts";
import { isLoopback } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { type Collector, rule } from "../rule.ts";
import { inodesOf, keep } from "../suspects.ts";
import { counted } from "../words.ts";

/** What is kept of the connections. */
interface Idle {
  readonly sockets: InetSocket[];
  /** How many there are, of which not all are kept. */
  count: number;
}

/** No more are kept: there may be as many as there are connections. */
const KEPT = 200;

/** Milliseconds since anything went either way; 0 if that is not known. */
function silentMs(socket: InetSocket): number {
  const info = infoOf(socket);
  // A peer with keepalive of its own sends no data, yet acknowledges.
  return info === undefined ? 0 : Math.min(quietMs(info) ?? 0, info.lastAckRecv ?? 0);
}

function collectIdle(age: number): Collector<Idle> {
  const gathered: Idle = { sockets: [], count: 0 };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      const { timerNumber, wqueue, data, destinationOffset, familyNumber } = socket;
      // With a timer, be it that of keepalive or another, the peer's end will be noticed.
      if (timerNumber !== 0 || wqueue > 0 || silentMs(socket) < age) return;
      if (isLoopback(data, destinationOffset, familyNumber)) return;
      gathered.count++;
      if (gathered.sockets.length < KEPT) gathered.sockets.push(keep(socket));
    },
  };
}

/** See {@link rule}. */
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
      doc: "without any packet: the two hours after which keepalive would probe (RFC 9293 3.8.4, tcp_keepalive_time)",
    },
    count: { value: 10, quantity: "count", doc: "connections: a few are what long sessions are made of" },
  },
  why:
    "A peer that was switched off, or a NAT that has forgotten the connection, is noticed only when something is sent. " +
    "Until then such connections hold descriptors and memory, and pools hand them out as if they were good.",
  advice: [
    {
      text: "See the connections, the timers they lack, and whose they are",
      command: "ss -tnop state established",
    },
    { text: "Set SO_KEEPALIVE in the program, and TCP_KEEPIDLE to some minutes" },
    {
      text: "For programs that set only SO_KEEPALIVE, probe sooner",
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
        title: `${counted(count, "connection")} without keepalive have been silent for up to ${durationText(longest)}`,
        sockets: sockets.toSorted((a, b) => silentMs(b) - silentMs(a)),
        evidence: groups.map(
          (group) => `${group.who} has ${counted(group.sockets.length, "of them", "of them")}`,
        ),
        values: { connections: count, longestMs: longest },
      },
    ];
  },
});
