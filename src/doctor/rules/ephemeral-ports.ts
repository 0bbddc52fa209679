/** Destinations for which local ports run out. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN, SS_TIME_WAIT, stateGroups } from "../../model/state.ts";
import type { Advice } from "../advice.ts";
import { ADDRESS_WORDS, addressOf, endpoint, isLoopback, peerOf, writeAddress } from "../endpoint.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import type { HostFacts } from "../sample.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** The words of a key: local address, peer address, peer port, whether the peer is a loopback address. */
const PEER = ADDRESS_WORDS;
const PORT = ADDRESS_WORDS * 2;
const LOOPBACK = PORT + 1;
/** The counter of connections in TIME-WAIT. */
const WAITING = 1;

/** Connections of a destination from which on a few more are kept to be shown: a destination in trouble has more. */
const MANY = 20;
const KEPT = 5;

/** What is kept of the connections. */
interface Destinations {
  readonly tally: Tally;
  /** Some connections of destinations that have many. */
  readonly sockets: InetSocket[];
}

function countDestinations(): Collector<Destinations> {
  const tally = new Tally(LOOPBACK + 1, 2);
  const sockets: InetSocket[] = [];
  const { key } = tally;
  return {
    gathered: { tally, sockets },
    see(each) {
      const socket = each as InetSocket;
      const { data, sourceOffset, destinationOffset, familyNumber, dport, stateNumber } = socket;
      writeAddress(key, 0, data, sourceOffset, familyNumber);
      writeAddress(key, PEER, data, destinationOffset, familyNumber);
      key[PORT] = dport;
      key[LOOPBACK] = isLoopback(data, destinationOffset, familyNumber) ? 1 : 0;
      const count = tally.add(stateNumber === SS_TIME_WAIT ? WAITING : 0);
      if (count > MANY && count <= MANY + KEPT) sockets.push(keep(socket));
    },
  };
}

const RANGE = "sys/net/ipv4/ip_local_port_range";
const RESERVED = "sys/net/ipv4/ip_local_reserved_ports";
const REUSE = "sys/net/ipv4/tcp_tw_reuse";
/** Values of tcp_tw_reuse, ip-sysctl: a new connection may take a port in TIME-WAIT, everywhere or on loopback. */
const REUSE_ALWAYS = 1;
const REUSE_LOOPBACK = 2;

/** How many ports the kernel chooses from; undefined if the range cannot be read. */
export function portsToChooseFrom({
  numbers,
  file,
}: Pick<HostFacts, "numbers" | "file">): number | undefined {
  const [low, high] = numbers(RANGE);
  if (low === undefined || high === undefined || high < low) return undefined;
  let count = high - low + 1;
  for (const part of (file(RESERVED) ?? "").trim().split(",")) {
    const [from, to = from] = part.split("-").map((text) => (text === "" ? Number.NaN : Number(text)));
    if (from === undefined || !(from <= to!)) continue;
    count -= Math.max(0, Math.min(high, to!) - Math.max(low, from) + 1);
  }
  return count;
}

const advice: readonly Advice[] = [
  { text: "List what uses the ports", command: "ss -tan dst ADDRESS dport = :PORT" },
  { text: "Keep connections open and reuse them; TIME-WAIT is on the side that closes first" },
  { text: "Widen the range of ports", command: "sysctl -w net.ipv4.ip_local_port_range='1024 65535'" },
];
const reuseAdvice: Advice = {
  text: "Let new connections take ports in TIME-WAIT, where both ends have timestamps",
  command: "sysctl -w net.ipv4.tcp_tw_reuse=1",
};

/** Counts connections by destination, and compares the count with the range of local ports. */
export const ephemeralPorts = rule({
  id: "ephemeral-ports",
  title: "Local ports run out for a destination",
  severity: "critical",
  reads: [
    "TCP connections by destination; those in TIME-WAIT unless net.ipv4.tcp_tw_reuse frees their ports",
    "net.ipv4.ip_local_port_range, ip_local_reserved_ports",
  ],
  thresholds: {
    share: {
      value: 80,
      quantity: "percent",
      doc: "of the ports in use for a warning: connect() searches longer and longer from here on",
    },
    full: {
      value: 95,
      quantity: "percent",
      doc: "of the ports in use to be critical: the next burst fails",
    },
  },
  why:
    "Connections from one address to one address and port differ in the local port only, and each port stays taken for 60 s in TIME-WAIT. " +
    "When all ports are taken, connect() fails with EADDRNOTAVAIL.",
  advice: [...advice, reuseAdvice],
  sockets: {
    tables: ["tcp"],
    states: stateGroups.connected & ~(1 << SS_LISTEN),
    collect: countDestinations,
  },
  check(samples) {
    const { share, full } = samples.thresholds;
    const available = portsToChooseFrom(samples);
    if (available === undefined || available <= 0) return [];
    const [reuse] = samples.numbers(REUSE);
    const findings: Finding[] = [];
    for (const { key, counts } of samples.first.gathered.tally.atLeast((available * share) / 100)) {
      const [all = 0, waiting = 0] = counts;
      const isReused = reuse === REUSE_ALWAYS || (reuse === REUSE_LOOPBACK && key[LOOPBACK] === 1);
      const used = isReused ? all - waiting : all;
      if (used * 100 < available * share) continue;
      const from = addressOf(key, 0);
      const address = addressOf(key, PEER);
      const port = key[PORT]!;
      const inTimeWait = isReused
        ? waiting > 0
          ? `; ${waiting} more are in TIME-WAIT and can be reused`
          : ""
        : `, ${waiting === 0 ? "none" : waiting} of them in TIME-WAIT`;
      findings.push({
        severity: used * 100 >= available * full ? "critical" : "warning",
        subject: `${from} to ${endpoint(address, port)}`,
        title: `${used} of ${available} local ports are taken from ${from} to ${endpoint(address, port)}${inTimeWait}`,
        sockets: samples.first.gathered.sockets.filter(
          (socket) => peerOf(socket).address === address && socket.dport === port,
        ),
        socketCount: all,
        evidence: [`net.ipv4.ip_local_port_range is ${samples.numbers(RANGE).join(" to ")}`],
        values: { used, available, timeWait: waiting, address, port },
        fill: { ADDRESS: address, PORT: port },
        ...(isReused ? { advice } : {}),
      });
    }
    return findings;
  },
});
