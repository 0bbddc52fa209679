/** Peers that never answer, and programs that give up early and try again. */
import { keepOutOfLastTier } from "#libc";
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN, SS_SYN_SENT, stateGroups } from "../../model/state.ts";
import { durationText } from "../amounts.ts";
import { ADDRESS_WORDS, endpoint, peerOf, writeAddress } from "../endpoint.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { inodesOf, keep } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** The first retransmission timeout of a SYN, in milliseconds. RFC 6298 2.1. */
const INITIAL_RTO_MS = 1000;
/** How many attempts are kept. */
const KEPT = 1000;

/** What is kept of the sockets. */
interface Attempts {
  readonly attempts: InetSocket[];
  /** Peers, by address and port, with a connection in any other state: these answer. */
  answering(): Tally;
}

/** 32-bit words of a peer's address and port. */
const PEER_WORDS = ADDRESS_WORDS + 1;
/** Peers for which there is room at first. */
const PEERS = 256;

function writeKey(
  key: Uint32Array,
  word: number,
  { data, destinationOffset, familyNumber, dport }: InetSocket,
): void {
  writeAddress(key, word, data, destinationOffset, familyNumber);
  key[word + ADDRESS_WORDS] = dport;
}

keepOutOfLastTier(writeKey);

function collectAttempts(): Collector<Attempts> {
  // Most hosts have no attempt under way: until there is one, peers are only noted, which costs less than a look-up.
  let peers = new Uint32Array(PEERS * PEER_WORDS);
  let end = 0;
  const answering = new Tally(PEER_WORDS);
  const gathered: Attempts = {
    attempts: [],
    answering() {
      for (let at = 0; at < end; at += PEER_WORDS) {
        answering.key.set(peers.subarray(at, at + PEER_WORDS));
        answering.add();
      }
      end = 0;
      return answering;
    },
  };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      if (socket.stateNumber === SS_SYN_SENT) {
        if (gathered.attempts.length < KEPT) gathered.attempts.push(keep(socket));
        return;
      }
      if (end === peers.length) {
        const longer = new Uint32Array(peers.length * 2);
        longer.set(peers);
        peers = longer;
      }
      writeKey(peers, end, socket);
      end += PEER_WORDS;
    },
  };
}

/** Milliseconds since the SYN was sent; the initial timeout for a SYN that was retransmitted. */
export function synAgeMs({ retransmits, expires }: InetSocket): number {
  return retransmits > 0 ? INITIAL_RTO_MS : Math.max(0, INITIAL_RTO_MS - expires);
}

/** Attempts by destination, without destinations that have answered. */
function unanswered({ attempts, answering }: Attempts): Map<string, InetSocket[]> {
  if (attempts.length === 0) return new Map();
  const peers = answering();
  return Map.groupBy(
    attempts.filter((socket) => {
      writeKey(peers.key, 0, socket);
      return !peers.hasKey();
    }),
    (socket) => endpoint(peerOf(socket).address, socket.dport),
  );
}

/** Finds destinations with new attempts in both samples and no connection, before SYNs are retransmitted often. */
export const connectTimeouts = rule({
  id: "connect-timeouts",
  title: "A program gives up connecting after a short time, and tries again",
  severity: "warning",
  reads: ["TCP sockets in SYN-SENT with their timers, in two samples", "TCP connections by destination"],
  thresholds: {
    age: {
      value: 200,
      quantity: "time",
      doc: "since a SYN was sent without an answer: longer than most round trips",
    },
  },
  why:
    "The program has a connect timeout of about a second, so no attempt lives long enough to look stuck, yet none succeeds. " +
    "The peer is down, a firewall drops the packets, or a neighbour does not answer ARP.",
  advice: [
    { text: "Watch the attempts come and go", command: "sockscope events -tp dst ADDRESS" },
    { text: "Check the route", command: "ip route get ADDRESS" },
    { text: "Check whether the neighbour or gateway answers (FAILED, INCOMPLETE)", command: "ip neighbour" },
    { text: "Check whether the port answers at all", command: "nc -vz -w 3 ADDRESS PORT" },
    {
      text: "Check whether the SYNs leave, and what comes back",
      command: "tcpdump -ni any host ADDRESS and tcp",
    },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: stateGroups.connected & ~(1 << SS_LISTEN),
    statesAgain: 1 << SS_SYN_SENT,
    collect: collectAttempts,
    again: ({ attempts }) => (attempts.length > 0 ? "all" : []),
    inodes: (gathered) => inodesOf([...unanswered(gathered).values()].flat()),
  },
  check(samples) {
    const { first, last, thresholds } = samples;
    const later = unanswered({ ...first.gathered, attempts: last.gathered.attempts });
    return [...unanswered(first.gathered)].flatMap(([peer, sockets]): Finding[] => {
      const before = new Set(sockets.map(({ cookie }) => cookie));
      const after = later.get(peer) ?? [];
      const fresh = after.filter(({ cookie }) => !before.has(cookie));
      const longest = Math.max(...[...sockets, ...after].map(synAgeMs));
      if (fresh.length === 0 || longest < thresholds.age) return [];
      const groups = byProcess([...sockets, ...fresh], samples);
      // An attempt may end before its owner is found: then that of another one counts.
      const known = groups.filter(({ pid }) => pid !== undefined);
      const who = (known.length > 0 ? known : groups).map((group) => group.who);
      const { address, port } = peerOf(sockets[0]!);
      return [
        {
          severity: "warning",
          subject: peer,
          title: `Attempts to connect to ${peer} are given up and repeated, and none succeeds: ${who.join(", ")}`,
          sockets: [...sockets, ...fresh],
          evidence: [
            `${plural(sockets.length, "attempt")} in the first sample, ${plural(fresh.length, "new one")} in the second; a SYN has had no answer for ${durationText(longest)}`,
          ],
          values: { address, port, attempts: sockets.length + fresh.length, longestMs: longest },
          fill: { ADDRESS: address, PORT: port, ...pidFill(known[0]?.pid) },
        },
      ];
    });
  },
});
