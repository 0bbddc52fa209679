/**
 * Makes sockets whose events are known, and prints as JSON what it has made.
 *
 * Usage: events-script.ts connections COUNT | refused | fail ADDRESS | abandon ADDRESS | udp ADDRESS
 *   | sender ADDRESS | hold PORT | serve PORT
 */
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } from "../../src/model/family.ts";
import {
  accept,
  addressOf,
  close,
  connect,
  ipv4,
  ipv6,
  listen,
  open,
  openAt,
  send,
  sendTo,
  shutdownSend,
} from "./c.ts";

/** linux/net.h. */
const SOCK_NONBLOCK = 0o4000;

/** A connection, or one that failed. */
interface Made {
  readonly client: number;
  readonly server: number;
  readonly sent: number;
}

function portOf(fd: number): number {
  return new DataView(addressOf(fd).buffer).getUint16(2);
}

const scripts: Readonly<Record<string, (argument: string) => unknown>> = {
  /** Connections of both families, ended by the client, the server or a reset in turn. */
  connections(count) {
    const listeners = [openAt(ipv4("127.0.0.1"), SOCK_STREAM), openAt(ipv6("::1"), SOCK_STREAM)];
    const made: Made[] = [];
    for (const fd of listeners) listen(fd, 16);
    for (let index = 0; index < Number(count); index++) {
      const listening = listeners[index % 2]!;
      const client = open(index % 2 === 0 ? AF_INET : AF_INET6, SOCK_STREAM);
      connect(client, addressOf(listening));
      const server = accept(listening);
      const sent = 100 + index;
      send(client, sent);
      made.push({ client: portOf(client), server: portOf(listening), sent });
      const ends = index % 3 === 0 ? [client, server] : [server, client];
      // A server that closes what it has not read resets the connection; one that shuts down first does not.
      if (index % 3 === 1) shutdownSend(server);
      for (const fd of ends) close(fd);
    }
    const ports = listeners.map(portOf);
    for (const fd of listeners) close(fd);
    return { made, listeners: ports };
  },

  /** A connection that is refused. */
  refused() {
    const closed = openAt(ipv4("127.0.0.1"), SOCK_STREAM);
    const target = addressOf(closed);
    close(closed);
    const client = open(AF_INET, SOCK_STREAM);
    try {
      connect(client, target);
    } catch {
      // It is meant to be.
    }
    const port = portOf(client);
    close(client);
    return { client: port, server: new DataView(target.buffer).getUint16(2) };
  },

  /** Datagrams to an address, from a socket that is not connected. */
  udp(address) {
    const fd = open(AF_INET, SOCK_DGRAM);
    for (let count = 0; count < 3; count++) sendTo(fd, 10, ipv4(address, 5353));
    const port = portOf(fd);
    close(fd);
    return { port };
  },

  /** Accepts connections on a port, and closes each. */
  serve(port) {
    const listening = openAt(ipv4("127.0.0.1", Number(port)), SOCK_STREAM);
    listen(listening, 128);
    console.log(JSON.stringify({ pid: process.pid }));
    for (;;) close(accept(listening));
  },

  /** A connect that the process gives up before an answer comes. */
  async abandon(address) {
    const client = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    connect(client, ipv4(address, 7));
    await Bun.sleep(50);
    const port = portOf(client);
    close(client);
    return { port };
  },

  /** A connect that fails. */
  fail(address) {
    const client = open(AF_INET, SOCK_STREAM);
    try {
      connect(client, ipv4(address, 7));
    } catch {
      // As expected.
    }
    close(client);
    return {};
  },

  /** A connected UDP socket, until standard input ends. */
  sender(address) {
    const fd = open(AF_INET, SOCK_DGRAM);
    connect(fd, ipv4(address, 5353));
    return { port: portOf(fd) };
  },

  /** A connection to a port that lasts until standard input ends. */
  hold(port) {
    const listening = openAt(ipv4("127.0.0.1", Number(port)), SOCK_STREAM);
    listen(listening, 1);
    const client = open(AF_INET, SOCK_STREAM);
    connect(client, addressOf(listening));
    return { client: portOf(client) };
  },
};

const [name, argument = ""] = process.argv.slice(2);
console.log(JSON.stringify({ pid: process.pid, ...((await scripts[name!]!(argument)) as object) }));
if (name === "hold" || name === "sender") await Bun.stdin.bytes();
process.exit();
