/** Socket factories: each makes, by its name, sockets of one kind in the network namespace that it runs in. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_MPTCP,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../../src/model/family.ts";
import {
  accept,
  addressOf,
  bind,
  close,
  connect,
  deafen,
  ipv4,
  ipv6,
  listen,
  open,
  openAt,
  openPair,
  SOL_SOCKET,
  send,
  setOption,
  shutdownSend,
  tcpStateOf,
  unixName,
} from "./c.ts";

/** linux/net.h. */
const SOCK_NONBLOCK = 0o4000;
/** asm-generic/socket.h. */
const SO_KEEPALIVE = 9;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;
/** linux/in.h, linux/in6.h, linux/tcp.h. */
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const TCP_CONGESTION = 13;
/** linux/netlink.h. */
const NETLINK_ROUTE = 0;
const NETLINK_GENERIC = 16;
/** linux/if_ether.h. */
const ETH_P_IP = 0x0800;

/** TCP states that a factory waits for. net/tcp_states.h. */
const FIN_WAIT1 = 4;
const FIN_WAIT2 = 5;
const CLOSE_WAIT = 8;
const LAST_ACK = 9;
const CLOSING = 11;

const home4 = ipv4("127.0.0.1");

/** A listener at an address, on a port that the kernel chooses. */
function listener(address: Uint8Array, backlog = 8, protocol = 0): number {
  const fd = openAt(address, SOCK_STREAM, protocol);
  listen(fd, backlog);
  return fd;
}

/** Both ends of a new connection; the listener is gone again. */
function pair(address = home4, protocol = 0): readonly [client: number, server: number] {
  const listening = listener(address, 8, protocol);
  const target = addressOf(listening);
  const client = open(target[0]!, SOCK_STREAM, protocol);
  connect(client, target);
  const server = accept(listening);
  close(listening);
  return [client, server];
}

/** Starts a connection that may never be established. */
function startConnect(target: Uint8Array, prepare: (fd: number) => void = () => {}): number {
  const fd = open(target[0]!, SOCK_STREAM | SOCK_NONBLOCK);
  prepare(fd);
  connect(fd, target);
  return fd;
}

/** Waits until a condition holds. The parent process ends us after its timeout. */
function until(condition: () => boolean): void {
  while (!condition()) Bun.sleepSync(1);
}

function untilState(fd: number, state: number): void {
  until(() => tcpStateOf(fd) === state);
}

/** The congestion controls that the kernel has. */
function congestionControls(): string[] {
  return readFileSync("/proc/sys/net/ipv4/tcp_available_congestion_control", "latin1").trim().split(" ");
}

/** Makes sockets of one kind; `folder` is for those that need a file. */
export type Factory = (folder: string) => void;

/** The factories by name. */
export const factories = {
  "tcp-listen": () => {
    listener(home4, 5);
    listener(ipv4("0.0.0.0"), 7);
  },
  "tcp-listen-backlog-full": () => {
    const listening = listener(home4, 1);
    for (let count = 0; count < 3; count++) startConnect(addressOf(listening));
  },
  "tcp-listen-v6": () => {
    listener(ipv6("::"));
    listener(ipv6("::1"));
  },
  "tcp-listen-v6only": () => {
    const fd = open(AF_INET6, SOCK_STREAM);
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bind(fd, ipv6("::"));
    listen(fd, 3);
  },
  "tcp-listen-device": () => {
    const fd = open(AF_INET, SOCK_STREAM);
    setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo");
    bind(fd, home4);
    listen(fd, 3);
  },
  "tcp-established": () => {
    pair();
    pair(ipv6("::1"));
  },
  "tcp-v4-mapped": () => {
    const listening = listener(ipv6("::"));
    const port = new DataView(addressOf(listening).buffer).getUint16(2);
    connect(open(AF_INET, SOCK_STREAM), ipv4("127.0.0.1", port));
    accept(listening);
  },
  "tcp-receive-queue": () => {
    const [client] = pair();
    send(client, 1234);
  },
  "tcp-send-queue": () => {
    const [client, server] = pair();
    deafen(server);
    send(client, 4321);
  },
  "tcp-keepalive": () => {
    const [client] = pair();
    setOption(client, SOL_SOCKET, SO_KEEPALIVE, 1);
  },
  "tcp-mark": () => {
    const [client] = pair();
    setOption(client, SOL_SOCKET, SO_MARK, 0x1234);
  },
  "tcp-congestion": () => {
    for (const name of congestionControls()) {
      const [client] = pair();
      setOption(client, IPPROTO_TCP, TCP_CONGESTION, name);
      send(client, 10_000);
    }
  },
  "tcp-syn-sent": () => {
    const silent = listener(home4);
    deafen(silent);
    startConnect(addressOf(silent));
  },
  "tcp-syn-recv": () => {
    const listening = listener(home4);
    startConnect(addressOf(listening), deafen);
  },
  "tcp-fin-wait-1": () => {
    const [client, server] = pair();
    deafen(server);
    shutdownSend(client);
    untilState(client, FIN_WAIT1);
  },
  "tcp-fin-wait-2-and-close-wait": () => {
    const [client, server] = pair();
    shutdownSend(client);
    untilState(client, FIN_WAIT2);
    untilState(server, CLOSE_WAIT);
  },
  "tcp-last-ack": () => {
    const [client, server] = pair();
    shutdownSend(client);
    untilState(server, CLOSE_WAIT);
    deafen(client);
    shutdownSend(server);
    untilState(server, LAST_ACK);
  },
  "tcp-closing": () => {
    const [client, server] = pair();
    deafen(server);
    shutdownSend(client);
    shutdownSend(server);
    untilState(client, CLOSING);
  },
  "tcp-time-wait": () => {
    const [client, server] = pair();
    shutdownSend(client);
    untilState(server, CLOSE_WAIT);
    close(server);
    close(client);
  },
  "tcp-bound": () => {
    openAt(ipv4("127.0.0.9", 909), SOCK_STREAM);
  },
  "udp-bound": () => {
    openAt(ipv4("0.0.0.0", 5353), SOCK_DGRAM);
    openAt(ipv6("::1"), SOCK_DGRAM);
  },
  "udp-connected": () => {
    const server = openAt(home4, SOCK_DGRAM);
    const client = open(AF_INET, SOCK_DGRAM);
    connect(client, addressOf(server));
    send(client, 100);
  },
  "mptcp-listen": () => {
    listener(home4, 4, IPPROTO_MPTCP);
  },
  "mptcp-pair": () => {
    const [client] = pair(home4, IPPROTO_MPTCP);
    send(client, 500);
  },
  raw: () => {
    open(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    openAt(ipv6("::1"), SOCK_RAW, IPPROTO_ICMPV6);
  },
  packet: () => {
    open(AF_PACKET, SOCK_RAW, 0);
    // The protocol is in network byte order.
    open(AF_PACKET, SOCK_DGRAM, ((ETH_P_IP & 0xff) << 8) | (ETH_P_IP >> 8));
  },
  netlink: () => {
    for (const protocol of [NETLINK_ROUTE, NETLINK_GENERIC]) {
      const fd = open(AF_NETLINK, SOCK_RAW, protocol);
      const address = new Uint8Array(12);
      address[0] = AF_NETLINK;
      bind(fd, address);
    }
  },
  "unix-listen": (folder) => {
    const fd = openAt(unixName(join(folder, "listen")), SOCK_STREAM);
    listen(fd, 6);
  },
  "unix-pending": (folder) => {
    const name = unixName(join(folder, "pending"));
    listen(openAt(name, SOCK_STREAM), 6);
    for (let count = 0; count < 2; count++) connect(open(AF_UNIX, SOCK_STREAM), name);
  },
  "unix-connected": (folder) => {
    for (const type of [SOCK_STREAM, SOCK_SEQPACKET]) {
      const name = unixName(join(folder, `connected-${type}`));
      const listening = openAt(name, type);
      listen(listening, 6);
      const client = open(AF_UNIX, type);
      connect(client, name);
      const server = accept(listening);
      send(client, 77);
      shutdownSend(server);
    }
  },
  "unix-dgram": (folder) => {
    const name = unixName(join(folder, "dgram"));
    openAt(name, SOCK_DGRAM);
    const client = open(AF_UNIX, SOCK_DGRAM);
    connect(client, name);
    send(client, 33);
  },
  "unix-abstract": () => {
    listen(openAt(unixName("\0sockscope test\0two"), SOCK_SEQPACKET), 2);
  },
  "unix-unnamed": () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) openPair(AF_UNIX, type);
  },
} as const satisfies Readonly<Record<string, Factory>>;

/** The name of a factory. */
export type FactoryName = keyof typeof factories;
