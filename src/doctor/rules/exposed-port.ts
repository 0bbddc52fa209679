/** Databases and the like that listen on every address. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSE, SS_LISTEN } from "../../model/state.ts";
import { isWildcard } from "../endpoint.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** Ports of services that are not meant for strangers, many of which ask for no password unless told to. */
const tcpServices: ReadonlyMap<number, string> = new Map([
  [23, "telnet"],
  [873, "rsync"],
  [1433, "Microsoft SQL Server"],
  [1521, "Oracle database"],
  [2375, "Docker without TLS"],
  [2379, "etcd"],
  [2380, "etcd between its members"],
  [3306, "MySQL"],
  [3389, "remote desktop"],
  [5432, "PostgreSQL"],
  [5601, "Kibana"],
  [5900, "VNC"],
  [5984, "CouchDB"],
  [6379, "Redis"],
  [7000, "Cassandra between its members"],
  [8086, "InfluxDB"],
  [8500, "Consul"],
  [9042, "Cassandra"],
  [9200, "Elasticsearch"],
  [9300, "Elasticsearch between its members"],
  [10250, "kubelet"],
  [11211, "memcached"],
  [15672, "RabbitMQ management"],
  [27017, "MongoDB"],
  [33060, "MySQL X protocol"],
]);
const udpServices: ReadonlyMap<number, string> = new Map([
  [69, "TFTP"],
  [161, "SNMP"],
  [11211, "memcached"],
]);

/** The service that a socket's port is known for. */
function serviceOf({ stateNumber, sport }: InetSocket): string | undefined {
  return (stateNumber === SS_LISTEN ? tcpServices : udpServices).get(sport);
}

/** See {@link rule}. */
export const exposedPort = rule({
  id: "exposed-port",
  title: "A database or administration port listens on all addresses",
  severity: "warning",
  reads: ["TCP sockets in LISTEN and unconnected UDP sockets on 0.0.0.0 or ::, by well-known ports"],
  thresholds: {},
  why:
    "Whoever can reach any address of this host can reach the service, and many of these ask for no password by default. " +
    "Whether a firewall keeps strangers out is not known here: it may stand before this host, too.",
  advice: [
    { text: "See what a firewall of this host lets through", command: "nft list ruleset; iptables-save" },
    { text: "Try it from another host", command: "nc -vz -w 3 ADDRESS PORT" },
    { text: "Let it listen on 127.0.0.1, or the one address that its clients use: an option of the service" },
  ],
  sockets: {
    tables: ["tcp", "udp", "mptcp"],
    states: (1 << SS_LISTEN) | (1 << SS_CLOSE),
    collect: () => suspects<InetSocket>((socket) => serviceOf(socket) !== undefined && isWildcard(socket)),
    inodes: inodesOf,
  },
  check(samples) {
    const byPort = new Map<string, InetSocket[]>();
    for (const socket of samples.first.gathered) {
      const key = `${socket.stateNumber}:${socket.sport}`;
      byPort.set(key, [...(byPort.get(key) ?? []), socket]);
    }
    return [...byPort.values()].map((sockets) => {
      const { sport } = sockets[0]!;
      const who = byProcess(sockets, samples).map((group) => group.who);
      return {
        severity: "warning",
        title: `Port ${sport} (${serviceOf(sockets[0]!)}) listens on all addresses: ${who.join(", ")}`,
        sockets,
        values: { port: sport },
        fill: { PORT: sport },
      };
    });
  },
});
