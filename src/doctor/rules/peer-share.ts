/** One peer, or one network, that holds most connections of a service. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN, SS_TIME_WAIT, stateGroups } from "../../model/state.ts";
import { ADDRESS_WORDS, addressOf, isLoopback, networkOf, peerOf, writeAddress } from "../endpoint.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";
import { counted } from "../words.ts";

/** The word of a key that is the local port. */
const PORT = ADDRESS_WORDS;

/** What is kept of the connections. */
interface Peers {
  /** Ports that somebody listens on. */
  readonly listening: ReadonlySet<number>;
  /** Connections by the peer's address and the local port. */
  readonly tally: Tally;
  /** Some connections of addresses that have too many. */
  readonly sockets: InetSocket[];
}

/** So many are kept of each, to be shown. */
const KEPT = 5;

/** @param most connections of one address that are not too many */
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

/** See {@link rule}. */
export const peerShare = rule({
  id: "peer-share",
  title: "One peer or network holds most connections of a service",
  severity: "warning",
  reads: ["TCP connections to ports that somebody listens on, but those of the host with itself"],
  thresholds: {
    count: {
      value: 2000,
      quantity: "count",
      doc: "connections of one address or network: proxies and gateways of ordinary size have fewer",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of all connections of that service: below half, others get their part",
    },
  },
  why:
    "A single client that leaks connections, or means harm, takes the descriptors and threads that all others need. " +
    "A load balancer or a NAT gateway in front looks the same, and is no reason to worry.",
  advice: [
    { text: "See what these connections do", command: "ss -tnpi sport = :PORT and dst ADDRESS" },
    { text: "See who that is", command: "getent hosts ADDRESS" },
    {
      text: "Limit how many one address may have",
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
        title: `${who} has ${connections} of ${counted(total, "connection")} to port ${port}${more}`,
        sockets: first.gathered.sockets.filter(
          (socket) => socket.sport === port && peerOf(socket).address === address,
        ),
        values: { connections, total, port, address },
        fill: { PORT: port, ADDRESS: address },
      });
      const peers = [...addresses].filter(([, each]) => isMuch(each));
      for (const [address, each] of peers) findings.push(found(address, each, "", address));
      if (peers.length > 0) continue;
      for (const [network, each] of networks)
        if (isMuch(each.count))
          findings.push(
            found(network, each.count, `, from ${counted(each.addresses, "address", "addresses")}`, network),
          );
    }
    return findings;
  },
});
