/**
 * Makes TCP connections over loopback, both ends in this process, says `ready`, and keeps them until its standard
 * input ends.
 *
 * Usage: herd.ts NUMBER CONNECTIONS, where NUMBER tells this herd from the others of the network namespace
 */
import { AF_INET, SOCK_STREAM } from "../src/model/family.ts";
import { accept, addressOf, connect, ipv4, listen, open, openAt } from "../test/kernel/c.ts";

/** Connections to one listener: they share its address and port, and each takes a port of its own. */
const CONNECTIONS_PER_LISTENER = 1000;
const BACKLOG = 16;

const [number = 0, connections = 0] = process.argv.slice(2).map(Number);
for (let made = 0; made < connections; ) {
  const address = `127.${number + 1}.${(made / CONNECTIONS_PER_LISTENER) | 0}.1`;
  const listener = openAt(ipv4(address), SOCK_STREAM);
  listen(listener, BACKLOG);
  const target = addressOf(listener);
  for (let count = 0; count < CONNECTIONS_PER_LISTENER && made < connections; count++, made++) {
    connect(open(AF_INET, SOCK_STREAM), target);
    accept(listener);
  }
}
console.log("ready");
await Bun.stdin.bytes();
