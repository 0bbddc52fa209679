/** Connections that nobody answers. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_SYN_SENT } from "../../model/state.ts";
import { endpoint, peerOf } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import type { Surroundings } from "../sample.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted } from "../words.ts";

/** A host name with a letter in it. RFC 1123 2.1. */
const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const NAME = `(?=[^:/]*[a-z])${LABEL}(?:\\.${LABEL})*`;
const IN_URL = new RegExp(`^[a-z][a-z0-9+.-]*://(?:[^@/?#]*@)?(${NAME})(?=[:/?#]|$)`, "i");
const BEFORE_PORT = new RegExp(`^(${NAME}):(\\d+)$`, "i");
const ALONE = new RegExp(`^${NAME}$`, "i");
/** Options whose value is a host. */
const HOST_OPTION = /^--?(?:h|host|hostname|server|addr|address|connect|peer|remote|upstream|url|endpoint)$/;

/** The longest name that DNS knows. RFC 1035 2.3.4. */
const LONGEST_NAME = 253;

/** No more names of one process are looked up. */
const MOST_NAMES = 4;

/**
 * The host names on a command line that a connection to a port may have come from. Only what is spelled as one
 * counts: a name server is nobody to tell a password to.
 */
export function hostNamesIn(commandLine: readonly string[], port: number): readonly string[] {
  const names = new Set<string>();
  commandLine.forEach((argument, index) => {
    if (index === 0) return;
    const equals = argument.startsWith("-") ? argument.indexOf("=") : -1;
    const before = commandLine[index - 1]!;
    const option = equals < 0 ? before : argument.slice(0, equals);
    const value = argument.slice(equals + 1);
    const found = IN_URL.exec(value) ?? BEFORE_PORT.exec(value);
    const isHost = HOST_OPTION.test(option) || (equals < 0 && commandLine[index + 1] === String(port));
    if (found !== null) {
      if (found[2] === undefined || Number(found[2]) === port) names.add(found[1]!);
    } else if (isHost && ALONE.test(value)) names.add(value);
  });
  return [...names].filter(({ length }) => length <= LONGEST_NAME).slice(0, MOST_NAMES);
}

/** Sockets that wait for the same peer. */
function byPeer(sockets: readonly InetSocket[]): Map<string, InetSocket[]> {
  const groups = new Map<string, InetSocket[]>();
  for (const socket of sockets) {
    const { address, port } = peerOf(socket);
    const key = endpoint(address, port);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [socket]);
    else group.push(socket);
  }
  return groups;
}

/** What the names in use resolve to now, a line each; nothing for names that are no host's. */
function nameLines(
  peer: string,
  port: number,
  sockets: readonly InetSocket[],
  surroundings: Pick<Surroundings, "owners" | "commandLine" | "addresses">,
): string[] {
  const lines: string[] = [];
  for (const { pid, who } of byProcess(sockets, surroundings)) {
    if (pid === undefined) continue;
    for (const name of hostNamesIn(surroundings.commandLine(pid), port)) {
      const addresses = surroundings.addresses(name) ?? [];
      if (addresses.length === 0) continue;
      lines.push(
        addresses.includes(peer)
          ? `"${name}" on the command line of ${who} is ${peer} now as well: the name is not the cause`
          : `"${name}" on the command line of ${who} is ${addresses.join(", ")} now, not ${peer}: it may use an old address`,
      );
    }
  }
  return lines;
}

/** See {@link rule}. */
export const synSent = rule({
  id: "syn-sent",
  title: "A connection gets no answer",
  severity: "warning",
  reads: ["TCP sockets in SYN-SENT with their timers", "their processes' command lines", "DNS"],
  thresholds: {
    retransmits: {
      value: 2,
      quantity: "count",
      doc: "SYNs sent again without an answer: after two, a lost packet is no explanation any more",
    },
  },
  why:
    "The peer is down, a firewall drops the packets, or the name stands for another address by now. " +
    "A program without a timeout of its own waits about two minutes (net.ipv4.tcp_syn_retries) before connect() fails.",
  advice: [
    { text: "See which way the packets go", command: "ip route get ADDRESS" },
    { text: "See whether the port answers at all", command: "nc -vz -w 3 ADDRESS PORT" },
    { text: "See what a firewall of this host does with them", command: "nft list ruleset" },
    {
      text: "See whether the SYNs leave, and what comes back",
      command: "tcpdump -ni any host ADDRESS and tcp",
    },
  ],
  sockets: {
    tables: ["tcp", "mptcp"],
    states: 1 << SS_SYN_SENT,
    collect: ({ retransmits }) => suspects<InetSocket>((socket) => socket.retransmits >= retransmits),
    inodes: inodesOf,
  },
  *hostNames(samples) {
    for (const { pid, sockets } of byProcess(samples.first.gathered, samples))
      if (pid !== undefined)
        for (const port of new Set(sockets.map(({ dport }) => dport)))
          yield* hostNamesIn(samples.commandLine(pid), port);
  },
  check(samples) {
    return [...byPeer(samples.first.gathered)].map(([peer, sockets]) => {
      const { address, port } = peerOf(sockets[0]!);
      const most = Math.max(...sockets.map(({ retransmits }) => retransmits));
      const who = byProcess(sockets, samples).map((group) => group.who);
      return {
        severity: "warning",
        title: `${counted(sockets.length, "connection")} to ${peer} got no answer to ${counted(most + 1, "SYN")}: ${who.join(", ")}`,
        sockets: sockets.toSorted((a, b) => b.retransmits - a.retransmits),
        evidence: nameLines(address, port, sockets, samples),
        values: { connections: sockets.length, retransmits: most, address, port },
        fill: { ADDRESS: address, PORT: port },
      };
    });
  },
});
