/**
 * Makes connections, both ends in this process, says `ready`, and keeps them until its standard input ends.
 *
 * Usage: herd.ts KIND NUMBER CONNECTIONS, where KIND is `tcp` (over loopback) or `unix`, and NUMBER tells this herd from
 * the others of the network namespace
 */
import { AF_INET, AF_UNIX, SOCK_STREAM } from "../src/model/family.ts";
import { accept, addressOf, connect, ipv4, listen, open, openAt, openPair } from "../test/kernel/c.ts";

/** Connections to one listener: they share its address and port, and each takes a port of its own. */
const CONNECTIONS_PER_LISTENER = 1000;
const BACKLOG = 16;

function makeTcp(number: number, connections: number): void {
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
}

function makeUnix(connections: number): void {
  for (let made = 0; made < connections; made++) openPair(AF_UNIX, SOCK_STREAM);
}

const [kind, number, connections] = process.argv.slice(2);
if (kind === "unix") makeUnix(Number(connections));
else makeTcp(Number(number), Number(connections));
console.log("ready");
await Bun.stdin.bytes();
