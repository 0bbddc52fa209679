/** Connection attempts that get no answer. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_SYN_SENT } from "../../model/state.ts";
import { endpoint, peerOf } from "../endpoint.ts";
import { byProcess, type OwnerFacts } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import type { HostFacts } from "../sample.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** A host name with a letter in it. RFC 1123 2.1. */
const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const NAME = `(?=[^:/]*[a-z])${LABEL}(?:\\.${LABEL})*`;
const IN_URL = new RegExp(`^[a-z][a-z0-9+.-]*://(?:[^@/?#]*@)?(${NAME})(?=[:/?#]|$)`, "i");
const BEFORE_PORT = new RegExp(`^(${NAME}):(\\d+)$`, "i");
const ALONE = new RegExp(`^${NAME}$`, "i");
/** Options whose value is a host. */
const HOST_OPTION = /^--?(?:h|host|hostname|server|addr|address|connect|peer|remote|upstream|url|endpoint)$/;

/** The longest name in DNS. RFC 1035 2.3.4. */
const LONGEST_NAME = 253;

/** Names taken from one process at most. */
const MOST_NAMES = 4;

/**
 * The host names on a command line that a connection to a port may have used. Only words spelled as a host count, so
 * that no password is sent to a name server.
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

/** Groups sockets by the peer's address and port. */
function byDestination(sockets: readonly InetSocket[]): Map<string, InetSocket[]> {
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

/** A host name that a process may have connected to. */
interface UsedName {
  readonly name: string;
  readonly who: string;
}

function namesUsed(
  port: number,
  sockets: readonly InetSocket[],
  facts: OwnerFacts & Pick<HostFacts, "commandLine">,
): UsedName[] {
  return byProcess(sockets, facts).flatMap(({ pid, who }) =>
    pid === undefined ? [] : hostNamesIn(facts.commandLine(pid), port).map((name) => ({ name, who })),
  );
}

/** A line about one name: whether it still resolves to the address, if the name was looked up. */
function nameEvidence(
  { name, who }: UsedName,
  peer: string,
  addresses: readonly string[] | undefined,
): string[] {
  const where = `"${name}" on the command line of ${who}`;
  if (addresses === undefined)
    return [`${where} may be the name of this peer; --dns checks whether it still is`];
  if (addresses.length === 0) return [];
  return [
    addresses.includes(peer)
      ? `${where} resolves to ${peer} now as well: the name is not the cause`
      : `${where} resolves to ${addresses.join(", ")} now, not ${peer}: the process may use an old address`,
  ];
}

/** Finds connection attempts whose SYN was retransmitted without an answer. */
export const synSent = rule({
  id: "syn-sent",
  title: "A connection attempt gets no answer",
  severity: "warning",
  reads: [
    "TCP sockets in SYN-SENT with their timers",
    "their processes' command lines",
    "with --dns, the addresses of host names on these command lines",
  ],
  thresholds: {
    retransmits: {
      value: 2,
      quantity: "count",
      doc: "retransmitted SYNs without an answer: after two, a lost packet is an unlikely cause",
    },
  },
  why:
    "The peer is down, a firewall drops the packets, or the host name has another address by now. " +
    "A program without a timeout of its own waits about two minutes (net.ipv4.tcp_syn_retries) before connect() fails.",
  advice: [
    { text: "Check the route", command: "ip route get ADDRESS" },
    { text: "Check whether the port answers at all", command: "nc -vz -w 3 ADDRESS PORT" },
    {
      text: "Check which addresses the host name on the command line has now",
      command: "getent ahosts HOST",
    },
    { text: "Check whether a firewall of this host drops the packets", command: "nft list ruleset" },
    {
      text: "Check whether the SYNs leave, and what comes back",
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
    for (const sockets of byDestination(samples.first.gathered).values())
      for (const { name } of namesUsed(sockets[0]!.dport, sockets, samples)) yield name;
  },
  check(samples) {
    return [...byDestination(samples.first.gathered)].map(([peer, sockets]) => {
      const { address, port } = peerOf(sockets[0]!);
      const most = Math.max(...sockets.map(({ retransmits }) => retransmits));
      const who = byProcess(sockets, samples).map((group) => group.who);
      const names = namesUsed(port, sockets, samples);
      const [used] = names;
      return {
        severity: "warning",
        subject: peer,
        title: `${plural(sockets.length, "connection")} to ${peer} got no answer to ${plural(most + 1, "SYN")}: ${who.join(", ")}`,
        sockets: sockets.toSorted((a, b) => b.retransmits - a.retransmits),
        evidence: names.flatMap((each) => nameEvidence(each, address, samples.addresses(each.name))),
        values: { connections: sockets.length, retransmits: most, address, port },
        fill: { ADDRESS: address, PORT: port, ...(used === undefined ? {} : { HOST: used.name }) },
      };
    });
  },
});
