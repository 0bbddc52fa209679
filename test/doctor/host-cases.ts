/** Cases of rules about datagrams, MPTCP, and the host as a whole. */
import type { Newcomer } from "../../src/doctor/sample.ts";
import { type RuleCase, times } from "./case.ts";
import { mptcp, netlink, owner, type Scene, tcp, udp } from "./samples.ts";

const owned = { owners: { 1: [owner(12, "app")] } };

const udpLoss = (before: number, after?: number): Scene => {
  const socket = (drops: number) =>
    udp({ local: "0.0.0.0:53", inode: 1, memory: { drops, rcvbuf: 4096 }, cookie: 77n });
  return {
    sockets: [socket(before)],
    ...(after === undefined ? {} : { again: [socket(after)] }),
    ...owned,
  };
};

const overrun = (before: number, after: number): Scene => ({
  sockets: [netlink(before, 1, 78n)],
  again: [netlink(after, 1, 78n)],
  ...owned,
});

const fallbacks = (fallen: number, whole: number): Scene => ({
  sockets: [
    ...times(fallen, () => mptcp({ mptcp: { fallback: 1 } })),
    ...times(whole, () => mptcp({ mptcp: {} })),
  ],
});

const conntrack = (count: number, more: Scene = {}): Scene => ({
  files: {
    "sys/net/netfilter/nf_conntrack_count": `${count}\n`,
    "sys/net/netfilter/nf_conntrack_max": "1000\n",
  },
  ...more,
});

const memory = (pages: number, more: Scene = {}): Scene => ({
  files: { "sys/net/ipv4/tcp_mem": "500\t1000\t2000\n" },
  counters: { "sockstat.TCP.mem": pages },
  sockets: [tcp({ rqueue: 5 }), tcp({ wqueue: 9 })],
  ...more,
});

const open = (open: number): Scene => ({
  facts: { descriptors: () => [{ pid: 12, name: "app", open, limit: 1000 }] },
});

const newcomer = (what: Newcomer["what"], ageMs: number, process = "nc"): Scene => ({
  facts: { newcomers: () => [{ what, process, netid: "tcp", address: "0.0.0.0", port: 4444, ageMs }] },
});

export const hostCases: Readonly<Record<string, RuleCase>> = {
  "udp-drops": {
    ill: udpLoss(10, 15),
    finds: {
      severity: "warning",
      subject: "pid 12",
      title: "UDP sockets of app (pid 12) have dropped 5 datagrams in 2.0 s",
      evidence: ["The receive buffer of port 53 is 4096 bytes"],
    },
    healthy: { "drops long ago": udpLoss(500, 500), "a socket without drops": udpLoss(0, 0) },
    edges: { drops: [udpLoss(10, 10), udpLoss(10, 11)], total: [udpLoss(99), udpLoss(100)] },
  },
  "netlink-overrun": {
    ill: overrun(3, 5),
    finds: {
      severity: "warning",
      title: "Netlink sockets of app (pid 12) have lost 5 messages, 2 of them in 2.0 s",
    },
    healthy: { "a socket without drops": overrun(0, 0) },
    edges: { total: [overrun(0, 0), overrun(1, 1)] },
    more: { "messages lost long ago": [overrun(5, 5), ["info pid 12"]] },
  },
  "mptcp-fallback": {
    ill: fallbacks(10, 2),
    finds: { severity: "warning", title: "10 of 12 MPTCP connections fell back to TCP" },
    healthy: { "MPTCP at both ends": fallbacks(0, 5) },
    edges: {
      count: [fallbacks(9, 0), fallbacks(10, 0)],
      share: [fallbacks(10, 11), fallbacks(10, 10)],
    },
  },
  conntrack: {
    ill: conntrack(960),
    finds: {
      severity: "critical",
      title: "Connection tracking has 960 entries, and the limit is 1000",
      values: { entries: 960, limit: 1000, dropped: 0, earlyDropped: 0 },
    },
    healthy: {
      "room left": conntrack(500),
      "no connection tracking": { files: {} },
      "no limit": {
        files: { "sys/net/netfilter/nf_conntrack_count": "5", "sys/net/netfilter/nf_conntrack_max": "0" },
      },
    },
    edges: { share: [conntrack(799), conntrack(800)], full: [conntrack(949), conntrack(950)] },
    more: {
      "packets dropped": [
        conntrack(500, { counters: { "nf_conntrack.drop": 1 }, countersAgain: { "nf_conntrack.drop": 3 } }),
        ["critical"],
      ],
      "entries removed early": [
        conntrack(500, {
          counters: { "nf_conntrack.early_drop": 1 },
          countersAgain: { "nf_conntrack.early_drop": 3 },
        }),
        ["warning"],
      ],
    },
  },
  "tcp-memory": {
    ill: memory(1950, {
      countersAgain: { "sockstat.TCP.mem": 1950, "TcpExt.PruneCalled": 4 },
      counters: { "sockstat.TCP.mem": 1950, "TcpExt.PruneCalled": 1 },
    }),
    finds: {
      severity: "critical",
      title: "TCP sockets take 7.99 MB of memory; pressure begins at 4.1 MB, the limit is 8.19 MB",
      evidence: [/^3 receive queues pruned/],
    },
    healthy: { "room left": memory(500), "no limits, as in a container": { ...memory(9999), files: {} } },
    edges: { share: [memory(899), memory(900)], full: [memory(1899), memory(1900)] },
    more: {
      "pressure between the samples": [
        memory(10, {
          counters: { "sockstat.TCP.mem": 10, "TcpExt.TCPMemoryPressures": 1 },
          countersAgain: { "sockstat.TCP.mem": 10, "TcpExt.TCPMemoryPressures": 2 },
        }),
        ["warning"],
      ],
    },
  },
  descriptors: {
    ill: open(960),
    finds: {
      severity: "critical",
      subject: "pid 12",
      title: "app (pid 12) has 960 descriptors open, and its limit is 1000",
    },
    healthy: { "room left": open(500) },
    edges: { share: [open(799), open(800)], full: [open(949), open(950)] },
    more: {
      "many processes of one name": [
        {
          facts: {
            descriptors: () =>
              [1, 2, 3, 4].map((pid) => ({ pid, name: "app", open: 800 + 40 * pid, limit: 1000 })),
          },
        },
        ["critical app"],
      ],
    },
  },
  "new-listener": {
    ill: newcomer("listener", 1000),
    finds: {
      severity: "warning",
      subject: "tcp 0.0.0.0:4444 nc",
      title: "nc listens on TCP 0.0.0.0:4444, where nothing of it did before",
    },
    healthy: { "only peers": newcomer("client", 1000) },
    edges: { age: [newcomer("listener", 3_600_001), newcomer("listener", 3_600_000)] },
    more: { "of no known process": [newcomer("listener", 0, ""), ["warning tcp 0.0.0.0:4444"]] },
  },
  "new-peer": {
    ill: newcomer("server", 1000),
    finds: {
      severity: "info",
      subject: "server tcp 0.0.0.0:4444 nc",
      title: "nc connects to 0.0.0.0:4444, where it did not connect before",
    },
    healthy: { "only a listener": newcomer("listener", 1000) },
    edges: { age: [newcomer("server", 3_600_001), newcomer("server", 3_600_000)] },
    more: { "a client": [newcomer("client", 0), ["info client tcp 0.0.0.0:4444 nc"]] },
  },
  unseen: {
    ill: { facts: { unlisted: () => ["tcp: Operation not permitted"] } },
    finds: {
      severity: "warning",
      title: "Not all sockets could be listed",
      evidence: ["tcp: Operation not permitted"],
    },
    healthy: { "everything readable": { facts: { unreadable: () => [] } } },
    edges: {},
    more: { "processes of other users": [{ facts: { unreadable: () => [5, 6] } }, ["info processes"]] },
  },
};
