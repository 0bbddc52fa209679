/** Cases of rules about listeners and about connections that begin or end. */
import { type RuleCase, times } from "./case.ts";
import { inBoth, listener, owner, processFact, type Scene, tcp, udp, unixListener } from "./samples.ts";

const web = owner(12, "web");
/** The web server has the sockets with inode 1. */
const owned = { owners: { 1: [web] } };

/** A listener with connections waiting. */
const queue = (rqueue: number, backlog: number): Scene => ({
  sockets: [listener("10.0.0.1:80", { rqueue, backlog, inode: 1 })],
  ...owned,
});
const unixQueue = (rqueue: number, backlog: number): Scene => ({
  sockets: [unixListener("/run/web.sock", rqueue, backlog, 1)],
  ...owned,
});

/** Connections in CLOSE-WAIT of one process, for as many milliseconds. */
const closeWait = (count: number, ms: number): Scene => ({
  sockets: times(count, () => tcp({ state: "close-wait", inode: 1, info: { lastAckRecv: ms } })),
  ...owned,
});
const finWait2 = (count: number, ms: number): Scene => ({
  sockets: times(count, () => tcp({ state: "fin-wait-2", inode: 1, info: { lastAckRecv: ms } })),
  ...owned,
});

const halfOpen = (count: number): Scene => ({
  sockets: times(count, (index) =>
    tcp({ state: "syn-recv", local: "10.0.0.1:80", peer: `10.1.0.${index % 3}:${index + 1}` }),
  ),
});

const peers = (count: number, others: number): Scene => ({
  sockets: [
    listener("10.0.0.1:80"),
    ...times(count, (index) => tcp({ local: "10.0.0.1:80", peer: `10.9.0.9:${index + 1}` })),
    ...times(others, (index) => tcp({ local: "10.0.0.1:80", peer: `11.${index % 200}.${index >> 8}.1:5` })),
  ],
});

const synSent = (retransmits: number, commandLine: string[] = []): Scene => ({
  sockets: [tcp({ state: "syn-sent", peer: "10.0.0.9:5432", retransmits, inode: 1 })],
  ...owned,
  facts: { commandLine: () => commandLine },
});

const orphanFiles = { "sys/net/ipv4/tcp_max_orphans": "1000" };
const orphans = (count: number, files = orphanFiles): Scene => ({
  sockets: [tcp({ state: "fin-wait-1" })],
  counters: { "sockstat.TCP.orphan": count },
  files,
});

const timeWait = (count: number): Scene => ({
  sockets: [tcp({ state: "time-wait" })],
  counters: { "sockstat.TCP.tw": count },
  files: { "sys/net/ipv4/tcp_max_tw_buckets": "100" },
});

const range = {
  "sys/net/ipv4/ip_local_port_range": "40000\t40099",
  "sys/net/ipv4/tcp_tw_reuse": "2",
};
const clients = (
  established: number,
  waiting = 0,
  {
    peer = "10.0.0.2:5432",
    local = "10.0.0.1",
    files = range,
  }: { peer?: string; local?: string; files?: typeof range } = {},
): Scene => ({
  sockets: times(established + waiting, (index) =>
    tcp({
      state: index < established ? "established" : "time-wait",
      local: `${local}:${40_000 + index}`,
      peer,
    }),
  ),
  files,
});
const toLoopback = { peer: "127.0.0.1:5432", local: "127.0.0.1" };

/** A listener whose queue has connections that are there in both samples. */
const stuck = (count: number, more: { listeners?: number; acceptedLater?: boolean } = {}): Scene => {
  const waiting = times(count, (index) =>
    inBoth(
      { local: "10.0.0.1:80", peer: `10.0.0.2:${index + 1}`, rqueue: 5, info: { lastAckRecv: 14_000 } },
      more.acceptedLater ? { inode: 7 } : {},
    ),
  );
  return {
    sockets: [
      listener("10.0.0.1:80", { rqueue: count, inode: 1 }),
      ...times((more.listeners ?? 1) - 1, () => listener("10.0.0.1:80", { inode: 2 })),
      ...waiting.map(([before]) => before),
    ],
    again: waiting.map(([, after]) => after),
    owners: { 1: [web], 2: [owner(13, "web")] },
  };
};
const waitedFor = (ms: number): Scene => ({
  sockets: [
    listener("10.0.0.1:80", { rqueue: 1, inode: 1 }),
    tcp({ local: "10.0.0.1:80", peer: "10.0.0.2:1", info: { lastAckRecv: ms } }),
  ],
  ...owned,
});

const halted = (state: string, more: Scene = {}): Scene => ({
  sockets: [listener("10.0.0.1:80", { inode: 1 })],
  owners: { 1: [owner(12, "web", state)] },
  facts: { processes: () => [processFact(12, "web", { state })] },
  ...more,
});

const refused = (fails: number, resets: number, more: Scene = {}): Scene => ({
  sockets: [],
  counters: { "Tcp.AttemptFails": 100, "Tcp.OutRsts": 100 },
  countersAgain: { "Tcp.AttemptFails": 100 + fails, "Tcp.OutRsts": 100 + resets },
  ...more,
});

/** A client that gives up connecting after a second: another attempt in each sample. */
const gaveUp = (ageMs: number, more: Scene["sockets"] = []): Scene => ({
  sockets: [tcp({ state: "syn-sent", peer: "10.0.0.9:9092", expires: 1000 - ageMs, inode: 1 }), ...more],
  again: [tcp({ state: "syn-sent", peer: "10.0.0.9:9092", expires: 900, inode: 5 })],
  owners: { 1: [owner(12, "app")] },
});
const [same, sameLater] = inBoth({ state: "syn-sent", peer: "10.0.0.9:9092", expires: 100 });

const exposed = (local: string, process = "redis-server", more: Scene = {}): Scene => ({
  sockets: [listener(local, { inode: 1 })],
  owners: { 1: [owner(12, process)] },
  facts: { processes: () => [processFact(12, process)] },
  ...more,
});

const deleted = (executable: string, local = "10.0.0.1:80"): Scene => ({
  sockets: [listener(local, { inode: 1 })],
  owners: { 1: [owner(12, "web")] },
  facts: { processes: () => [processFact(12, "web", { executable })] },
});

const resets = (count: number, local = "127.0.0.1:5432"): Scene => ({
  sockets: [listener(local)],
  counters: { "Tcp.OutRsts": 10 },
  countersAgain: { "Tcp.OutRsts": 10 + count },
});

export const openingCases: Readonly<Record<string, RuleCase>> = {
  "accept-queue": {
    ill: queue(129, 128),
    finds: {
      severity: "critical",
      subject: "10.0.0.1:80",
      title:
        "The accept queue of port 80 is full: 129 connections wait for web (pid 12), and the queue holds 129",
      fill: { PORT: 80, PID: 12 },
    },
    healthy: { "a queue with room": queue(50, 128), "an empty queue of length 0": queue(0, 0) },
    edges: {
      share: [queue(95, 128), queue(96, 128)],
      waiting: [queue(3, 4), queue(4, 4)],
    },
    more: {
      "reports overflows of queues that have room by now": [
        {
          counters: { "TcpExt.ListenOverflows": 1, "TcpExt.ListenDrops": 1 },
          countersAgain: { "TcpExt.ListenOverflows": 3, "TcpExt.ListenDrops": 4 },
        },
        ["warning"],
      ],
      "knows full from exactly at the backlog": [queue(128, 128), ["warning 10.0.0.1:80"]],
    },
  },
  "unix-backlog": {
    ill: unixQueue(11, 10),
    finds: {
      severity: "critical",
      subject: "/run/web.sock",
      title:
        "The backlog of /run/web.sock is full: 11 connections wait for web (pid 12), and the queue holds 11",
      fill: { INODE: 1, PID: 12 },
    },
    healthy: { "a queue with room": unixQueue(3, 10) },
    edges: { share: [unixQueue(7, 10), unixQueue(8, 10)], waiting: [unixQueue(3, 4), unixQueue(4, 4)] },
  },
  "not-accepting": {
    ill: stuck(30),
    finds: {
      severity: "critical",
      subject: "port 80",
      title: "web (pid 12) does not accept: 30 connections to port 80 have waited for more than 2.0 s",
      socketCount: 31,
      evidence: ["The oldest has had no packet for 14 s"],
    },
    healthy: {
      "connections that are accepted between the samples": stuck(30, { acceptedLater: true }),
      "connections that are gone in the second sample": { ...stuck(30), again: [] },
      "subflows of MPTCP, which have no inode and no queue": {
        ...stuck(30),
        sockets: stuck(30).sockets!.slice(1),
      },
    },
    edges: { waiting: [{ ...stuck(0), ...owned }, stuck(1)], age: [waitedFor(4999), waitedFor(5000)] },
    more: {
      "an idle SO_REUSEPORT listener is a warning": [stuck(10, { listeners: 2 }), ["warning port 80"]],
    },
  },
  "stopped-process": {
    ill: halted("T"),
    finds: {
      severity: "warning",
      subject: "pid 12",
      title: "web (pid 12) is stopped, and it has 1 listener",
    },
    healthy: {
      "a process that sleeps": halted("S"),
      "a stopped process without sockets": halted("T", { sockets: [] }),
      "a stopped worker among others": halted("T", {
        owners: { 1: [owner(12, "web", "T"), owner(13, "web", "S")] },
      }),
      "one look at a process in state D": halted("D"),
      "a process that is in state D in the first sample only": halted("D", {
        elapsedMs: 2000,
        facts: { processes: () => [processFact(12, "web", { state: "D" })], processState: () => "S" },
      }),
      "a process that has exited": halted("T", {
        elapsedMs: 2000,
        facts: { processes: () => [processFact(12, "web", { state: "T" })], processState: () => undefined },
      }),
    },
    edges: {},
    more: {
      "state D in both samples": [halted("D", { elapsedMs: 2000 }), ["warning pid 12"]],
      "a stopped service whose listener systemd holds, too": [
        halted("T", { owners: { 1: [owner(1, "systemd", "S"), owner(12, "web", "T")] } }),
        ["warning pid 12"],
      ],
      "a connection with unread data": [
        halted("t", { sockets: [tcp({ inode: 1, rqueue: 5 })] }),
        ["warning pid 12"],
      ],
    },
  },
  "syn-flood": {
    ill: halfOpen(300),
    finds: {
      severity: "critical",
      subject: "port 80",
      title: "Port 80 has 300 half-open connections from 3 addresses",
      socketCount: 300,
    },
    healthy: { "handshakes under way": halfOpen(255) },
    edges: { count: [halfOpen(255), halfOpen(256)] },
    more: {
      "SYNs answered with cookies": [
        {
          counters: { "TcpExt.TCPReqQFullDoCookies": 0 },
          countersAgain: { "TcpExt.TCPReqQFullDoCookies": 9 },
        },
        ["warning"],
      ],
      "SYNs dropped": [
        { counters: { "TcpExt.TCPReqQFullDrop": 0 }, countersAgain: { "TcpExt.TCPReqQFullDrop": 9 } },
        ["critical"],
      ],
    },
  },
  "peer-share": {
    ill: peers(2000, 100),
    finds: {
      severity: "warning",
      title: "10.9.0.9 has 2000 of 2100 connections to port 80",
      socketCount: 2000,
      fill: { PORT: 80, ADDRESS: "10.9.0.9" },
    },
    healthy: {
      "many peers": peers(10, 3000),
      "loopback peers": {
        sockets: [
          listener("127.0.0.1:80"),
          ...times(3000, (index) => tcp({ local: "127.0.0.1:80", peer: `127.0.0.1:${index + 1}` })),
        ],
      },
    },
    edges: { count: [peers(1999, 0), peers(2000, 0)], share: [peers(2000, 2001), peers(2000, 2000)] },
  },
  "close-wait": {
    ill: closeWait(100, 61_000),
    finds: {
      severity: "critical",
      subject: "pid 12",
      title: "web (pid 12) has not closed 100 connections that the peer closed more than 60 s ago",
    },
    healthy: {
      "a few that were just closed": closeWait(100, 100),
      "connections without a process": {
        sockets: times(200, () => tcp({ state: "close-wait", info: { lastAckRecv: 99_000 } })),
      },
    },
    edges: {
      age: [closeWait(5, 59_999), closeWait(5, 60_000)],
      count: [closeWait(4, 60_000), closeWait(5, 60_000)],
      leak: [closeWait(99, 60_000), closeWait(100, 60_000)],
    },
  },
  "fin-wait-2": {
    ill: finWait2(20, 61_000),
    finds: { severity: "warning", subject: "pid 12", title: /holds 20 connections in FIN-WAIT-2/ },
    healthy: { "long answers": finWait2(20, 500) },
    edges: {
      age: [finWait2(20, 59_999), finWait2(20, 60_000)],
      count: [finWait2(19, 60_000), finWait2(20, 60_000)],
    },
  },
  orphans: {
    ill: orphans(950),
    finds: { severity: "critical", title: "950 closed connections wait for the peer, and the limit is 1000" },
    healthy: { few: orphans(249) },
    edges: {
      share: [orphans(249), orphans(250)],
      full: [orphans(899), orphans(900)],
      count: [orphans(4095, {} as typeof orphanFiles), orphans(4096, {} as typeof orphanFiles)],
    },
  },
  "time-wait": {
    ill: {
      ...timeWait(100),
      sockets: times(200, () => tcp({ state: "time-wait" })),
      countersAgain: { "sockstat.TCP.tw": 100, "TcpExt.TCPTimeWaitOverflow": 9 },
    },
    finds: {
      severity: "warning",
      title: "100 connections are in TIME-WAIT, and the limit is 100",
      socketCount: 200,
    },
    healthy: { "room left": timeWait(89) },
    edges: { share: [timeWait(89), timeWait(90)] },
  },
  "ephemeral-ports": {
    ill: clients(50, 48),
    finds: {
      severity: "critical",
      title: "98 of 100 local ports are taken from 10.0.0.1 to 10.0.0.2:5432, 48 of them in TIME-WAIT",
      socketCount: 98,
    },
    healthy: {
      "TIME-WAIT on loopback, where tcp_tw_reuse is 2": clients(5, 94, toLoopback),
      "TIME-WAIT anywhere, where tcp_tw_reuse is 1": clients(5, 94, {
        files: { ...range, "sys/net/ipv4/tcp_tw_reuse": "1" },
      }),
    },
    edges: { share: [clients(79), clients(80)], full: [clients(94), clients(95)] },
    more: {
      "established connections on loopback count": [
        clients(95, 0, toLoopback),
        ["critical 127.0.0.1 to 127.0.0.1:5432"],
      ],
      "TIME-WAIT on loopback counts where tcp_tw_reuse is 0": [
        clients(5, 94, { ...toLoopback, files: { ...range, "sys/net/ipv4/tcp_tw_reuse": "0" } }),
        ["critical 127.0.0.1 to 127.0.0.1:5432"],
      ],
    },
  },
  "syn-sent": {
    ill: synSent(3, ["psql", "-h", "db.example"]),
    finds: {
      severity: "warning",
      subject: "10.0.0.9:5432",
      title: "1 connection to 10.0.0.9:5432 got no answer to 4 SYNs: web (pid 12)",
      evidence: [/^"db\.example" on the command line of web \(pid 12\) may be the name of this peer/],
      fill: { ADDRESS: "10.0.0.9", PORT: 5432, HOST: "db.example" },
    },
    healthy: { "a first attempt": synSent(0) },
    edges: { retransmits: [synSent(1), synSent(2)] },
  },
  "connect-timeouts": {
    ill: gaveUp(800),
    finds: {
      severity: "warning",
      subject: "10.0.0.9:9092",
      title:
        "Attempts to connect to 10.0.0.9:9092 are given up and repeated, and none succeeds: app (pid 12)",
      evidence: [/1 attempt in the first sample, 1 new one in the second; .* for 800 ms/],
    },
    healthy: {
      "one attempt in both samples, which syn-sent is about": { sockets: [same], again: [sameLater] },
      "a peer that has accepted another connection": gaveUp(800, [tcp({ peer: "10.0.0.9:9092" })]),
      "no attempt in the second sample": { ...gaveUp(800), again: [] },
    },
    edges: { age: [gaveUp(199), gaveUp(200)] },
  },
  "refused-connects": {
    ill: refused(20, 20, {
      sockets: [listener("[::1]:8080"), listener("127.0.0.1:22"), listener("[::1]:22"), listener("[::]:80")],
    }),
    finds: {
      severity: "warning",
      title: "20 connection attempts of this host failed in 2.0 s, most of them refused by this host itself",
      evidence: ["Port 8080 listens on ::1 only: clients that use 127.0.0.1 are refused"],
    },
    healthy: { "counters that stand still": refused(0, 50) },
    edges: { refused: [refused(4, 4), refused(5, 5)] },
    more: { "a peer that refuses": [refused(20, 0), ["warning"]] },
  },
  "loopback-only": {
    ill: resets(5),
    finds: {
      severity: "info",
      title:
        /^5 connection attempts of other hosts may have been refused in 2\.0 s, and 1 service listens on/,
    },
    healthy: {
      "a service on all addresses": resets(5, "0.0.0.0:5432"),
      "resets with another cause": {
        ...resets(5),
        counters: { "Tcp.OutRsts": 10, "Tcp.AttemptFails": 0 },
        countersAgain: { "Tcp.OutRsts": 15, "Tcp.AttemptFails": 5 },
      },
    },
    edges: { refused: [resets(2), resets(3)] },
  },
  "exposed-port": {
    ill: exposed("0.0.0.0:6379"),
    finds: {
      severity: "warning",
      subject: "tcp port 6379 on all addresses",
      title: "Redis listens on TCP port 6379 of all addresses: redis-server (pid 12)",
    },
    healthy: {
      loopback: exposed("127.0.0.1:6379"),
      "loopback of IPv6": exposed("[::1]:6379"),
      "an ordinary service": exposed("0.0.0.0:443", "nginx"),
      "a UDP client": { sockets: [udp({ local: "0.0.0.0:50000" })] },
    },
    edges: {},
    more: {
      "a database by the name of its process": [
        exposed("[::]:5433", "postgres"),
        ["warning tcp port 5433 on all addresses"],
      ],
      "a public address": [exposed("192.0.2.1:3306", "mysqld"), ["warning tcp port 3306 on 192.0.2.1"]],
      "a private address": [exposed("10.97.0.3:3306", "mysqld"), ["info tcp port 3306 on 10.97.0.3"]],
      "a private address of IPv6": [exposed("[fd00::1]:3306", "x"), ["info tcp port 3306 on fd00::1"]],
      "an IPv4 loopback address in IPv6": [exposed("[::ffff:127.0.0.1]:3306", "x"), []],
      UDP: [{ sockets: [udp({ local: "0.0.0.0:161" })] }, ["warning udp port 161 on all addresses"]],
      "a container's namespace": [
        exposed("0.0.0.0:6379", "redis-server", {
          facts: { netns: { inode: 5, name: undefined, pid: 77 }, processes: () => [] },
        }),
        ["info tcp port 6379 on all addresses"],
      ],
    },
  },
  "deleted-executable": {
    ill: deleted("/opt/web/server (deleted)"),
    finds: {
      severity: "warning",
      subject: "pid 12",
      title: "web (pid 12) listens on port 80, and its executable is deleted: /opt/web/server",
    },
    healthy: {
      "an executable that is there": deleted("/opt/web/server"),
      "a process without sockets": { ...deleted("/opt/web (deleted)"), sockets: [] },
    },
    edges: {},
    more: {
      "loopback is worth knowing": [deleted("/opt/web (deleted)", "127.0.0.1:80"), ["info pid 12"]],
      "a program without a file": [deleted("/memfd:x (deleted)", "127.0.0.1:80"), ["warning pid 12"]],
    },
  },
};
