/** Destinations that local ports run out for. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN, SS_TIME_WAIT, stateGroups } from "../../model/state.ts";
import { ADDRESS_WORDS, addressOf, endpoint, peerOf, writeAddress } from "../endpoint.ts";
import { type Collector, rule } from "../rule.ts";
import type { Surroundings } from "../sample.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** The words of a key: local address, peer address, peer port. */
const PEER = ADDRESS_WORDS;
const PORT = ADDRESS_WORDS * 2;
/** The counter of those in TIME-WAIT. */
const WAITING = 1;

/** Once a destination has so many, a few more are kept, to be shown: one that ports run out for has more. */
const MANY = 20;
const KEPT = 5;

/** What is kept of the connections. */
interface Destinations {
  readonly tally: Tally;
  /** Some connections of destinations that have many. */
  readonly sockets: InetSocket[];
}

function countDestinations(): Collector<Destinations> {
  const tally = new Tally(PORT + 1, 2);
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
      const count = tally.add(stateNumber === SS_TIME_WAIT ? WAITING : 0);
      if (count > MANY && count <= MANY + KEPT) sockets.push(keep(socket));
    },
  };
}

/** Where the kernel's own range is told. */
const RANGE = "sys/net/ipv4/ip_local_port_range";
const RESERVED = "sys/net/ipv4/ip_local_reserved_ports";

/** How many ports the kernel chooses from; undefined if it does not tell. */
export function portsToChooseFrom({
  numbers,
  file,
}: Pick<Surroundings, "numbers" | "file">): number | undefined {
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

/** See {@link rule}. */
export const ephemeralPorts = rule({
  id: "ephemeral-ports",
  title: "Local ports run out for a destination",
  severity: "critical",
  reads: [
    "TCP connections and TIME-WAIT by destination",
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
    "Connections from one address to one address and port differ in the local port only, and each stays taken for 60 s in TIME-WAIT. " +
    "When all are taken, connect() fails with EADDRNOTAVAIL.",
  advice: [
    { text: "See what has the ports", command: "ss -tan dst ADDRESS dport = :PORT" },
    {
      text: "Keep connections open and use them again: it is the client that closes first that has TIME-WAIT",
    },
    { text: "Give it more ports", command: "sysctl -w net.ipv4.ip_local_port_range='1024 65535'" },
    {
      text: "Let ports in TIME-WAIT be used again where timestamps are safe",
      command: "sysctl -w net.ipv4.tcp_tw_reuse=1",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: stateGroups.connected & ~(1 << SS_LISTEN),
    collect: countDestinations,
  },
  check(samples) {
    const { share, full } = samples.thresholds;
    const available = portsToChooseFrom(samples);
    if (available === undefined || available <= 0) return [];
    const findings = [];
    for (const { key, counts } of samples.first.gathered.tally) {
      const [used = 0, waiting = 0] = counts;
      if (used * 100 < available * share) continue;
      const from = addressOf(key, 0);
      const address = addressOf(key, PEER);
      const port = key[PORT]!;
      findings.push({
        severity: used * 100 >= available * full ? ("critical" as const) : ("warning" as const),
        title: `${used} of ${available} local ports are taken from ${from} to ${endpoint(address, port)}, ${waiting} of them in TIME-WAIT`,
        sockets: samples.first.gathered.sockets.filter(
          (socket) => peerOf(socket).address === address && socket.dport === port,
        ),
        evidence: [`net.ipv4.ip_local_port_range is ${samples.numbers(RANGE).join(" to ")}`],
        values: { used, available, timeWait: waiting, address, port },
        fill: { ADDRESS: address, PORT: port },
      });
    }
    return findings;
  },
});
