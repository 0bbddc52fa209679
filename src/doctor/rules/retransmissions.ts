/** Peers and networks to which many segments are retransmitted. */

import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { ADDRESS_WORDS, addressOf, networkOf, peerOf, writeAddress } from "../endpoint.ts";
import { plural } from "../plural.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import type { Samples } from "../sample.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** Counters of an address, in addition to its connections: data segments sent, and segments retransmitted. */
const SEGMENTS = 1;
const RETRANSMITTED = 2;
const COUNTERS = 3;

/** How many lossy connections are kept, to be shown and to be fetched again. */
const KEPT = 500;
/** Lossy addresses of one network from which on the network is reported instead. */
const NETWORK_ADDRESSES = 3;

/** What is kept of the connections. */
interface Losses {
  readonly tally: Tally;
  /** Connections with a high share of retransmissions. */
  readonly sockets: InetSocket[];
}

function collectLosses(share: number): Collector<Losses> {
  const tally = new Tally(ADDRESS_WORDS, COUNTERS);
  const sockets: InetSocket[] = [];
  return {
    gathered: { tally, sockets },
    see(each) {
      const socket = each as InetSocket;
      const info = infoOf(socket);
      const sent = info?.dataSegsOut;
      if (info === undefined || !sent) return;
      writeAddress(tally.key, 0, socket.data, socket.destinationOffset, socket.familyNumber);
      tally.add(SEGMENTS, sent);
      const again = info.totalRetrans ?? 0;
      if (again === 0) return;
      tally.sum(RETRANSMITTED, again);
      if (sockets.length < KEPT && again * 100 >= sent * share) sockets.push(keep(socket));
    },
  };
}

/** The segments to an address or a network. */
interface Lossy {
  readonly name: string;
  readonly addresses: ReadonlySet<string>;
  readonly connections: number;
  readonly segments: number;
  readonly retransmitted: number;
}

function shareOf({ segments, retransmitted }: Pick<Lossy, "segments" | "retransmitted">): number {
  return (retransmitted * 100) / segments;
}

/** The lossy addresses; several of one network are merged. */
function lossyPeers({ tally }: Losses, thresholds: { segments: number; share: number }): Lossy[] {
  const networks = new Map<string, Lossy[]>();
  for (const { key, counts } of tally.atLeast(thresholds.segments, SEGMENTS)) {
    const [connections = 0, segments = 0, retransmitted = 0] = counts;
    if (retransmitted * 100 < segments * thresholds.share) continue;
    const address = addressOf(key, 0);
    const network = networkOf(key);
    const peer = { name: address, addresses: new Set([address]), connections, segments, retransmitted };
    const others = networks.get(network);
    if (others === undefined) networks.set(network, [peer]);
    else others.push(peer);
  }
  return [...networks].flatMap(([network, peers]) => {
    if (peers.length < NETWORK_ADDRESSES) return peers;
    const sum = (count: (peer: Lossy) => number) => peers.reduce((total, peer) => total + count(peer), 0);
    return {
      name: `${network} (${peers.length} addresses)`,
      addresses: new Set(peers.map(({ name }) => name)),
      connections: sum(({ connections }) => connections),
      segments: sum(({ segments }) => segments),
      retransmitted: sum(({ retransmitted }) => retransmitted),
    };
  });
}

/** Segments retransmitted between the samples; undefined with one sample. */
function growthOf({ first, last, elapsedMs }: Samples<Losses, string>, sockets: readonly InetSocket[]) {
  if (elapsedMs === 0 || sockets.length === 0) return undefined;
  const before = new Map(first.gathered.sockets.map((socket) => [socket.cookie, socket]));
  const again = new Set(sockets.map(({ cookie }) => cookie));
  let growth = 0;
  for (const socket of last.gathered.sockets)
    if (again.has(socket.cookie))
      growth += (infoOf(socket)?.totalRetrans ?? 0) - (infoOf(before.get(socket.cookie)!)?.totalRetrans ?? 0);
  return growth;
}

/** Finds peers and networks with a high share of retransmitted segments. */
export const retransmissions = rule({
  id: "retransmissions",
  title: "Many segments to a peer or network are retransmitted",
  severity: "warning",
  reads: ["TCP connections: tcpi_data_segs_out, tcpi_total_retrans, added up by the peer's address"],
  thresholds: {
    share: {
      value: 2,
      quantity: "percent",
      doc: "of the data segments retransmitted: with that loss and a round trip of 50 ms, TCP carries about 2 Mbit/s",
    },
    segments: {
      value: 200,
      quantity: "count",
      doc: "data segments to the peer: with fewer, chance decides",
    },
  },
  why:
    "Each loss halves the sending rate, and one at the end of a message costs a whole retransmission timeout. " +
    "If only one peer or network is affected, the fault is on the path to it; if all are, check this host's link.",
  advice: [
    { text: "Find where on the path packets are lost", command: "mtr -T -P PORT -c 50 --report ADDRESS" },
    { text: "Read errors and drops of the interfaces", command: "ip -s -s link" },
    { text: "Check whether it goes on (retrans: and lost:)", command: "watch -n1 ss -tni dst ADDRESS" },
    {
      text: "Read the counters of the host",
      command: "nstat -z TcpRetransSegs TcpOutSegs TcpExtTCPTimeouts",
    },
  ],
  rate: "better",
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")! | stateMask("fin-wait-1")!,
    demands: ["info"],
    collect: ({ share }) => collectLosses(share),
    again: ({ sockets }) => sockets,
  },
  check(samples) {
    return lossyPeers(samples.first.gathered, samples.thresholds)
      .sort((a, b) => b.retransmitted - a.retransmitted)
      .map((peer): Finding => {
        const { name, addresses, connections, segments, retransmitted } = peer;
        const sockets = samples.first.gathered.sockets
          .filter((socket) => addresses.has(peerOf(socket).address))
          .sort((a, b) => (infoOf(b)?.totalRetrans ?? 0) - (infoOf(a)?.totalRetrans ?? 0));
        const growth = growthOf(samples, sockets);
        const percent = Number(shareOf(peer).toFixed(1));
        return {
          // Loss that is over is only informational.
          severity: growth === 0 ? "info" : "warning",
          subject: name,
          title: `${percent}% of the segments to ${name} were retransmitted: ${retransmitted} of ${segments}, over ${plural(connections, "connection")}`,
          sockets,
          evidence:
            growth === undefined
              ? []
              : [
                  `${plural(growth, "segment")} of these connections ${growth === 1 ? "was" : "were"} retransmitted in ${seconds(samples.elapsedMs)}`,
                ],
          values: {
            connections,
            segments,
            retransmitted,
            percent,
            ...(growth === undefined ? {} : { retransmittedBetweenSamples: growth }),
          },
          fill: {
            ADDRESS: [...addresses][0]!,
            ...(sockets[0] === undefined ? {} : { PORT: sockets[0].dport }),
          },
        };
      });
  },
});
