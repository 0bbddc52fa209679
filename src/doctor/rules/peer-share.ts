/** A peer or network that holds most connections of a service. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN, SS_TIME_WAIT, stateGroups } from "../../model/state.ts";
import { ADDRESS_WORDS, addressOf, isLoopback, networkOf, peerOf, writeAddress } from "../endpoint.ts";
import { plural } from "../plural.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** The word of a key that holds the local port. */
const PORT = ADDRESS_WORDS;

/** What is kept of the connections. */
interface Peers {
  /** Ports with a listener. */
  readonly listening: ReadonlySet<number>;
  /** Connections by the peer's address and the local port. */
  readonly tally: Tally;
  /** Some connections of addresses with too many. */
  readonly sockets: InetSocket[];
}

/** Connections of each address that are kept to be shown. */
const KEPT = 5;

/** @param most the number of connections from which on an address has too many */
function countPeers(most: number): Collector<Peers> {
  const listening = new Set<number>();
  const tally = new Tally(ADDRESS_WORDS + 1);
  const sockets: InetSocket[] = [];
  const { key } = tally;
  return {
    gathered: { listening, tally, sockets },
    see(each) {
      const socket = each as InetSocket;
      const { data, destinationOffset, familyNumber, sport, stateNumber } = socket;
      if (stateNumber === SS_LISTEN) {
        listening.add(sport);
        return;
      }
      if (isLoopback(data, destinationOffset, familyNumber)) return;
      writeAddress(key, 0, data, destinationOffset, familyNumber);
      key[PORT] = sport;
      const count = tally.add();
      if (count > most - KEPT && count <= most) sockets.push(keep(socket));
    },
  };
}

/** A service's connections by peer. */
interface Service {
  total: number;
  readonly addresses: Map<string, number>;
  readonly networks: Map<string, { count: number; addresses: number }>;
}

function servicesOf({ listening, tally }: Peers): Map<number, Service> {
  const services = new Map<number, Service>();
  for (const { key, counts } of tally) {
    const port = key[PORT]!;
    if (!listening.has(port)) continue;
    let service = services.get(port);
    if (service === undefined) {
      service = { total: 0, addresses: new Map(), networks: new Map() };
      services.set(port, service);
    }
    const [count = 0] = counts;
    service.total += count;
    service.addresses.set(addressOf(key, 0), count);
    const name = networkOf(key);
    const network = service.networks.get(name) ?? { count: 0, addresses: 0 };
    network.count += count;
    network.addresses++;
    service.networks.set(name, network);
  }
  return services;
}

/** Finds peers and networks that hold most of the connections of a service. */
export const peerShare = rule({
  id: "peer-share",
  title: "One peer or network holds most connections of a service",
  severity: "warning",
  reads: ["TCP connections to ports with a listener, except from loopback addresses"],
  thresholds: {
    count: {
      value: 2000,
      quantity: "count",
      doc: "connections of one address or network: ordinary proxies and gateways have fewer",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of all connections of that service: below half, others get their share",
    },
  },
  why:
    "A single client that leaks connections or attacks takes the descriptors and threads that all others need. " +
    "A load balancer or a NAT gateway in front of the service looks the same and is harmless.",
  advice: [
    { text: "Check what these connections do", command: "ss -tnpi sport = :PORT and dst ADDRESS" },
    { text: "Look up the name of the address", command: "getent hosts ADDRESS" },
    {
      text: "Limit the connections of each address",
      command:
        "nft add rule inet filter input tcp dport PORT ct state new meter peers { ip saddr ct count over 500 } reject",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (stateGroups.connected & ~(1 << SS_TIME_WAIT)) | (1 << SS_LISTEN),
    collect: ({ count }) => countPeers(count),
  },
  check({ first, thresholds: { count, share } }) {
    const findings: Finding[] = [];
    for (const [port, { total, addresses, networks }] of servicesOf(first.gathered)) {
      const isMuch = (each: number) => each >= count && each * 100 >= total * share;
      const found = (who: string, connections: number, more: string, address: string): Finding => ({
        severity: "warning",
        subject: `${who} on port ${port}`,
        title: `${who} has ${connections} of ${plural(total, "connection")} to port ${port}${more}`,
        sockets: first.gathered.sockets.filter(
          (socket) => socket.sport === port && peerOf(socket).address === address,
        ),
        socketCount: connections,
        values: { connections, total, port, address },
        fill: { PORT: port, ADDRESS: address },
      });
      const peers = [...addresses].filter(([, each]) => isMuch(each));
      for (const [address, each] of peers) findings.push(found(address, each, "", address));
      if (peers.length > 0) continue;
      for (const [network, each] of networks)
        if (isMuch(each.count))
          findings.push(
            found(network, each.count, `, from ${plural(each.addresses, "address", "addresses")}`, network),
          );
    }
    return findings;
  },
});
