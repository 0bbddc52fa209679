/**
 * Runs in a network namespace of its own: makes what the doctor has rules for, says `ready`, and keeps it up until
 * its standard input ends.
 *
 * Usage: doctor-world.ts FOLDER ill|healthy [URL...], where URLs name what it tries to connect to
 */
import { copyFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AF_INET,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_MPTCP,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "../../src/model/family.ts";
import {
  accept,
  addressOf,
  bind,
  close,
  connect,
  deafen,
  dropLongPackets,
  ipv4,
  ipv6,
  listen,
  loopbackUp,
  open,
  openAt,
  SOL_SOCKET,
  send,
  setOption,
  shutdownSend,
  tcpStateOf,
  unixName,
} from "./c.ts";

/** linux/net.h, asm-generic/socket.h. */
const SOCK_NONBLOCK = 0o4000;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
/** linux/netlink.h. */
const NETLINK_USERSOCK = 2;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** net/tcp_states.h. */
const TCP_CLOSE_WAIT = 8;
/** How often packets are sent to sockets that do not read them, and how many at a time. */
const TICK_MS = 20;
const BURST = 20;

const [folder = "", health] = process.argv.slice(2);
const home = ipv4("127.0.0.1");

function listener(address: Uint8Array, backlog = 64, protocol = 0): number {
  const fd = openAt(address, SOCK_STREAM, protocol);
  listen(fd, backlog);
  return fd;
}

/** Starts to connect; the connection may never be established. */
function startConnect(target: Uint8Array, prepare: (fd: number) => void = () => {}): void {
  const fd = open(target[0]!, SOCK_STREAM | SOCK_NONBLOCK);
  prepare(fd);
  connect(fd, target);
}

/** A connection. @param from the client's address */
function pair(listening: number, from?: Uint8Array): readonly [client: number, server: number] {
  const client = from === undefined ? open(AF_INET, SOCK_STREAM) : openAt(from, SOCK_STREAM);
  connect(client, addressOf(listening));
  return [client, accept(listening)];
}

function untilState(fd: number, state: number): void {
  while (tcpStateOf(fd) !== state) Bun.sleepSync(1);
}

function sysctl(name: string, value: string | number): void {
  writeFileSync(`/proc/sys/net/${name.replaceAll(".", "/")}`, `${value}`);
}

/** A copy of cat with another name that has a socket open, and nobody else has. It ends with this process. */
function copyHolding(fd: number, name: string): { readonly path: string; readonly process: Bun.Subprocess } {
  const path = join(folder, name);
  copyFileSync(Bun.which("cat")!, path);
  const process = Bun.spawn(["setpriv", "--pdeathsig", "KILL", path], {
    stdio: ["pipe", "ignore", "ignore", fd],
  });
  close(fd);
  return { path, process };
}

/** Waits until a process runs another program than it was started with. */
function untilRuns({ pid }: Bun.Subprocess, name: string): void {
  const comm = () =>
    Bun.spawnSync(["cat", `/proc/${pid}/comm`])
      .stdout.toString()
      .trim();
  while (comm() !== name) Bun.sleepSync(1);
}

/** Conditions by the rule that they are for. */
const illnesses: readonly (() => void)[] = [
  // syn-sent
  () => {
    for (const address of [ipv4("127.0.0.1", 5001), ipv4("127.0.0.9", 5010)]) {
      deafen(listener(address));
      startConnect(address);
    }
  },
  // close-wait, fin-wait-2
  () => {
    const listening = listener(ipv4("127.0.0.1", 5002));
    for (let count = 0; count < 6; count++) {
      const [client, server] = pair(listening);
      shutdownSend(client);
      untilState(server, TCP_CLOSE_WAIT);
    }
  },
  // accept-queue
  () => {
    const listening = listener(ipv4("127.0.0.1", 5003), 1);
    for (let count = 0; count < 3; count++) startConnect(addressOf(listening));
  },
  // syn-flood
  () => {
    const listening = listener(ipv4("127.0.0.1", 5004), 8);
    for (let count = 0; count < 12; count++) startConnect(addressOf(listening), deafen);
  },
  // peer-share
  () => {
    const listening = listener(ipv4("10.77.0.1", 5005));
    for (let count = 0; count < 12; count++) pair(listening, ipv4("10.77.0.2"));
    pair(listening, ipv4("10.77.0.3"));
  },
  // exposed-port: by port, and by the name of the process
  () => {
    listener(ipv4("0.0.0.0", 6379));
    untilRuns(copyHolding(listener(ipv4("0.0.0.0", 7777)), "redis-server").process, "redis-server");
  },
  // stopped-process
  () => {
    const { process } = copyHolding(listener(ipv4("127.0.0.1", 5014)), "stopped");
    untilRuns(process, "stopped");
    process.kill("SIGSTOP");
  },
  // deleted-executable
  () => {
    const { path, process } = copyHolding(listener(ipv4("10.77.0.1", 5015)), "replaced");
    untilRuns(process, "replaced");
    unlinkSync(path);
  },
  // connect-timeouts: each attempt is given up for the next one
  () => {
    const target = ipv4("127.0.0.10", 5011);
    deafen(listener(target));
    let attempt: number | undefined;
    const again = () => {
      const fd = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      connect(fd, target);
      if (attempt !== undefined) close(attempt);
      attempt = fd;
    };
    again();
    setInterval(again, 700);
  },
  // refused-connects: the service listens on ::1 only
  () => {
    listener(ipv6("::1", 5012));
    setInterval(() => {
      const fd = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      try {
        connect(fd, ipv4("127.0.0.1", 5012));
      } catch {
        // Refused, which is what we want.
      }
      close(fd);
    }, TICK_MS);
  },
  // dead-peer: two connections to one port
  () => {
    const listening = listener(ipv4("127.0.0.1", 5013));
    for (let count = 0; count < 2; count++) {
      const [client, server] = pair(listening);
      deafen(server);
      send(client, 100);
    }
  },
  // not-accepting: one of two SO_REUSEPORT listeners
  () => {
    const [served] = [0, 1].map(() => {
      const fd = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      bind(fd, ipv4("127.0.0.1", 5018));
      listen(fd, 64);
      return fd;
    });
    for (let count = 0; count < 16; count++) connect(open(AF_INET, SOCK_STREAM), ipv4("127.0.0.1", 5018));
    // Whatever the kernel has given to the first of them, and nothing of the other.
    for (;;) {
      try {
        accept(served!);
      } catch {
        break;
      }
    }
  },
  // path-mtu
  () => {
    const [client, server] = pair(listener(ipv4("127.0.0.1", 5016)));
    send(server, 5);
    send(client, 5);
    dropLongPackets(server, 1000);
    send(client, 200_000);
  },
  // window-scaling
  () => {
    sysctl("ipv4.tcp_window_scaling", 0);
    const [client] = pair(listener(ipv4("127.0.0.1", 5017)));
    sysctl("ipv4.tcp_window_scaling", 1);
    send(client, 8000);
  },
  // orphans
  () => {
    const listening = listener(ipv4("127.0.0.1", 5006));
    for (let count = 0; count < 4; count++) {
      const [client, server] = pair(listening);
      deafen(server);
      close(client);
    }
  },
  // udp-drops
  () => {
    const server = openAt(ipv4("127.0.0.1", 5007), SOCK_DGRAM);
    setOption(server, SOL_SOCKET, SO_RCVBUF, 4096);
    const client = open(AF_INET, SOCK_DGRAM);
    connect(client, addressOf(server));
    setInterval(() => {
      for (let count = 0; count < BURST; count++) send(client, 1000);
    }, TICK_MS);
  },
  // unix-backlog
  () => {
    // Anybody may choose such a name.
    for (const name of [
      unixName(join(folder, "full")),
      unixName("\0x;touch PWNED;$(touch PWNED)`touch PWNED`'"),
    ]) {
      listen(openAt(name, SOCK_STREAM), 1);
      for (let count = 0; count < 3; count++) connect(open(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK), name);
    }
  },
  // netlink-overrun
  () => {
    const reader = open(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
    const own = new Uint8Array(12);
    own[0] = AF_NETLINK;
    bind(reader, own);
    setOption(reader, SOL_SOCKET, SO_RCVBUF, 1);
    setOption(reader, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 1);
    const writer = open(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
    const group = new Uint8Array(12);
    group[0] = AF_NETLINK;
    group[8] = 1;
    connect(writer, group);
    setInterval(() => {
      for (let count = 0; count < BURST; count++) {
        try {
          send(writer, 1000);
        } catch {
          // The reader has no room, which is what we want.
        }
      }
    }, TICK_MS);
  },
  // mptcp-fallback
  () => {
    const listening = listener(ipv4("127.0.0.1", 5008));
    connect(open(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), addressOf(listening));
  },
  // descriptors
  () => {
    const fd = openAt(home, SOCK_STREAM);
    // ulimit has no say over descriptors that are open before: 3 and 6 of 10.
    // Its name tells it from the same process of another run.
    const program = join(folder, `near-${process.pid}`);
    copyFileSync(Bun.which("cat")!, program);
    Bun.spawn(["sh", "-c", 'ulimit -n 10 && exec "$0"', program], {
      stdio: ["pipe", "ignore", "ignore", fd, fd, fd, fd, fd, fd],
    });
  },
  // time-wait, ephemeral-ports: those that come later would find no port
  () => {
    sysctl("ipv4.tcp_max_tw_buckets", 5);
    const listening = listener(ipv4("127.0.0.1", 5009));
    sysctl("ipv4.ip_local_port_range", "40000 40029");
    for (let count = 0; count < 5; count++) {
      const [client, server] = pair(listening);
      shutdownSend(client);
      untilState(server, TCP_CLOSE_WAIT);
      close(server);
      close(client);
    }
    for (let count = 0; count < 24; count++) pair(listening);
  },
];

/** Nothing is wrong: ordinary services, each with connections, and all that is read at once. */
const healths: readonly (() => void)[] = [
  () => {
    for (let service = 0; service < 10; service++) {
      const listening = listener(ipv4("10.77.0.1", 8000 + service));
      for (let count = 0; count < 100; count++)
        pair(listening, ipv4(`10.77.${1 + (count % 50)}.${1 + service}`));
    }
    listener(ipv4("0.0.0.0", 443));
  },
  () => {
    listener(ipv4("127.0.0.1", 6379));
  },
  () => {
    const server = openAt(ipv4("0.0.0.0", 53), SOCK_DGRAM);
    const client = open(AF_INET, SOCK_DGRAM);
    connect(client, addressOf(server));
    send(client, 100);
  },
  () => {
    const name = unixName(join(folder, "served"));
    const listening = openAt(name, SOCK_STREAM);
    listen(listening, 8);
    for (let count = 0; count < 20; count++) {
      connect(open(AF_UNIX, SOCK_STREAM), name);
      accept(listening);
    }
  },
  () => {
    const listening = listener(home, 8, IPPROTO_MPTCP);
    const client = open(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    connect(client, addressOf(listening));
    accept(listening);
    send(client, 100);
  },
  // A few that were closed a moment ago, on either side.
  () => {
    const listening = listener(ipv4("127.0.0.1", 5002));
    for (let count = 0; count < 10; count++) {
      const [client, server] = pair(listening);
      shutdownSend(client);
      untilState(server, TCP_CLOSE_WAIT);
      if (count % 2 === 0) {
        close(server);
        close(client);
      }
    }
  },
  () => {
    const fd = open(AF_NETLINK, SOCK_RAW, 0);
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    bind(fd, address);
  },
];

loopbackUp();
Bun.spawnSync(["ip", "address", "add", "10.77.0.0/16", "dev", "lo"]);
Bun.spawnSync(["ip", "route", "add", "local", "10.77.0.0/16", "dev", "lo"]);
for (const make of health === "ill" ? illnesses : healths) make();
console.log("ready");
await Bun.stdin.bytes();
process.exit();
