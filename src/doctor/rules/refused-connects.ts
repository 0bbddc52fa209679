/** Connection attempts of this host that are refused again and again. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { AF_INET6 } from "../../model/family.ts";
import { SS_LISTEN, SS_SYN_SENT } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { endpoint, localAddress, localReach, peerOf } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { plural } from "../plural.ts";
import { type Collector, rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { inodesOf, keep } from "../suspects.ts";

/** What is kept of the sockets. */
interface Attempts {
  /** Listeners on a loopback address. */
  readonly loopback: InetSocket[];
  /** Ports of listeners by the family that they serve; `::` counts as both, as it serves IPv4 by default. */
  readonly served: { readonly inet: Set<number>; readonly inet6: Set<number> };
  /** Attempts under way. */
  readonly attempts: InetSocket[];
}

const KEPT = 20;

function attempts(): Collector<Attempts> {
  const gathered: Attempts = {
    loopback: [],
    served: { inet: new Set(), inet6: new Set() },
    attempts: [],
  };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      if (socket.stateNumber === SS_SYN_SENT) {
        if (gathered.attempts.length < KEPT) gathered.attempts.push(keep(socket));
        return;
      }
      const { sport, familyNumber } = socket;
      const reach = localReach(socket);
      if (familyNumber === AF_INET6) gathered.served.inet6.add(sport);
      if (familyNumber !== AF_INET6 || reach === "any") gathered.served.inet.add(sport);
      if (reach === "loopback") gathered.loopback.push(keep(socket));
    },
  };
}

/** Listeners that serve only one of 127.0.0.1 and ::1. */
function singleFamily({ loopback, served }: Attempts): InetSocket[] {
  return loopback.filter(({ sport }) => !(served.inet.has(sport) && served.inet6.has(sport)));
}

const FAILS = "Tcp.AttemptFails";
const RESETS = "Tcp.OutRsts";

/** Compares failed connection attempts with the resets that this host has sent. */
export const refusedConnects = rule({
  id: "refused-connects",
  title: "Programs of this host try to connect and are refused",
  severity: "warning",
  reads: [`${FAILS} and ${RESETS} of /proc/net/snmp`, "TCP sockets in SYN-SENT, and in LISTEN on loopback"],
  thresholds: {
    refused: {
      value: 5,
      quantity: "count",
      doc: "failed attempts between the samples: a few are programs that try IPv6 first, or a service that restarts",
    },
  },
  why:
    "A program repeats connect() against a port on which nothing listens, or that a firewall rejects, and burns processor time and logs. " +
    "A common cause is localhost: the program tries 127.0.0.1 and the service listens on ::1, or the reverse.",
  advice: [
    { text: "Watch who connects, to what, and is refused", command: "sockscope events -tp" },
    { text: "Watch the resets", command: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0'" },
    { text: "List what listens on loopback", command: "ss -tlnp src 127.0.0.0/8 or src '[::1]'" },
    { text: "Check the addresses of localhost", command: "getent ahosts localhost", scope: "host" },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_LISTEN) | (1 << SS_SYN_SENT),
    collect: attempts,
    inodes: ({ attempts }) => inodesOf(attempts),
  },
  check(samples) {
    const { first, elapsedMs, thresholds } = samples;
    const fails = growth(samples, FAILS) ?? 0;
    if (fails < thresholds.refused) return [];
    const resets = growth(samples, RESETS) ?? 0;
    const isLocal = resets >= fails;
    const candidates = isLocal ? singleFamily(first.gathered) : [];
    const under = first.gathered.attempts;
    const peers = [...new Set(under.map((socket) => endpoint(peerOf(socket).address, socket.dport)))];
    return [
      {
        severity: "warning",
        subject: "",
        title: `${plural(fails, "connection attempt")} of this host failed in ${seconds(elapsedMs)}, ${isLocal ? "most of them refused by this host itself" : "refused by the peer"}`,
        sockets: isLocal ? [...under, ...candidates] : under,
        evidence: [
          `${FAILS} has grown by ${fails}, ${RESETS} by ${resets}`,
          ...(peers.length > 0
            ? [
                `Connecting now: ${peers.join(", ")} from ${byProcess(under, samples)
                  .map(({ who }) => who)
                  .join(", ")}`,
              ]
            : []),
          ...candidates.map((socket) => {
            const isIpv6 = socket.familyNumber === AF_INET6;
            return `Port ${socket.sport} listens on ${localAddress(socket)} only: clients that use ${isIpv6 ? "127.0.0.1" : "::1"} are refused`;
          }),
        ],
        values: { failed: fails, resets, local: isLocal ? 1 : 0 },
      },
    ];
  },
});
