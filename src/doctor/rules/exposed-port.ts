/** Databases and administration services that other hosts can reach. */

import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSE, SS_LISTEN } from "../../model/state.ts";
import type { Advice } from "../advice.ts";
import { localAddress, localReach } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { type Finding, rule, type Severity } from "../rule.ts";
import type { HostFacts } from "../sample.ts";
import { serviceProcesses, tcpServices, udpServices } from "../services.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** The service that a socket's port is known for. */
function serviceOfPort({ stateNumber, sport }: InetSocket): string | undefined {
  return (stateNumber === SS_LISTEN ? tcpServices : udpServices).get(sport);
}

/** The services of processes that are known by name, by the inodes of their sockets. */
function servicesByInode({ processes, socketsOf }: Pick<HostFacts, "processes" | "socketsOf">) {
  const services = new Map<number, string>();
  for (const { pid, name } of processes()) {
    const service = serviceProcesses.get(name);
    if (service !== undefined) for (const inode of socketsOf(pid)) services.set(inode, service);
  }
  return services;
}

/** How bad it is to listen on an address, if the service is not meant for strangers. */
const severityOf = {
  any: "warning",
  global: "warning",
  private: "info",
  loopback: undefined,
} as const satisfies Record<ReturnType<typeof localReach>, Severity | undefined>;

/** A namespace of its own, such as a container's, is reachable only as far as its host forwards to it. */
function isContained({ netns }: Pick<HostFacts, "netns">): boolean {
  return netns !== undefined && netns.pid !== 1;
}

const commonAdvice: readonly Advice[] = [
  { text: "Check what a firewall of this host lets through", command: "nft list ruleset" },
  { text: "List the addresses of this host, to try the port from another one", command: "ip -brief address" },
];
const bindAdvice: Advice = {
  text: "Let it listen on 127.0.0.1, or on the one address that its clients use: an option of the service",
};

/** Finds services by port and by process name on addresses other than loopback. */
export const exposedPort = rule({
  id: "exposed-port",
  title: "A database or administration service can be reached by other hosts",
  severity: "warning",
  reads: [
    "TCP sockets in LISTEN and unconnected UDP sockets, by well-known ports",
    "names of processes that listen, whatever the port",
  ],
  thresholds: {},
  why:
    "Whoever can reach the address can reach the service, and many of these services ask for no password by default. " +
    "Whether a firewall keeps strangers out is not known here: it may also stand in front of this host.",
  advice: [...commonAdvice, bindAdvice],
  sockets: {
    tables: ["tcp", "udp", "mptcp"],
    states: (1 << SS_LISTEN) | (1 << SS_CLOSE),
    collect: () =>
      suspects<InetSocket>(
        (socket) =>
          (socket.stateNumber === SS_LISTEN || serviceOfPort(socket) !== undefined) &&
          localReach(socket) !== "loopback",
      ),
    inodes(gathered, facts) {
      const services = servicesByInode(facts);
      return inodesOf(
        gathered.filter((socket) => serviceOfPort(socket) !== undefined || services.has(socket.inode)),
      );
    },
  },
  check(samples) {
    const groups = new Map<string, { service: string; sockets: InetSocket[] }>();
    const services = servicesByInode(samples);
    for (const socket of samples.first.gathered) {
      const service =
        (socket.stateNumber === SS_LISTEN ? services.get(socket.inode) : undefined) ?? serviceOfPort(socket);
      if (service === undefined) continue;
      const reach = localReach(socket);
      const where = reach === "any" ? "all addresses" : localAddress(socket);
      const key = `${socket.stateNumber === SS_LISTEN ? "tcp" : "udp"} port ${socket.sport} on ${where}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { service, sockets: [socket] });
      else group.sockets.push(socket);
    }
    return [...groups].flatMap(([subject, { service, sockets }]): Finding | [] => {
      const [socket] = sockets as [InetSocket];
      const reach = localReach(socket);
      const severity = severityOf[reach];
      if (severity === undefined) return [];
      const { sport } = socket;
      const isTcp = socket.stateNumber === SS_LISTEN;
      const where =
        reach === "any"
          ? "all addresses"
          : reach === "global"
            ? `${localAddress(socket)}, a public address`
            : `${localAddress(socket)}, which its network can reach`;
      const who = byProcess(sockets, samples).map((group) => group.who);
      const contained = isContained(samples);
      return {
        severity: contained ? "info" : severity,
        subject,
        title: `${service} listens on ${isTcp ? "TCP" : "UDP"} port ${sport} of ${where}${contained ? ", in a network namespace of its own" : ""}: ${who.join(", ")}`,
        sockets,
        values: { port: sport, service, reach },
        fill: { PORT: sport, ...(reach === "any" ? {} : { ADDRESS: localAddress(socket) }) },
        advice: [
          ...commonAdvice.slice(0, reach === "any" ? undefined : 1),
          ...(reach === "any"
            ? []
            : [
                {
                  text: "Try it from another host",
                  command: `nc -vz${isTcp ? "" : "u"} -w 3 ADDRESS PORT`,
                  scope: "host" as const,
                },
              ]),
          bindAdvice,
        ],
      };
    });
  },
});
