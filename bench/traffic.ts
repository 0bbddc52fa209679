/**
 * Makes TCP connections over loopback, both ends in this process, says `ready`, and then sends messages of some
 * hundred bytes over some of them, chosen at random, at a steady rate, until its standard input ends. Each message
 * changes the counters of two sockets.
 *
 * Usage: traffic.ts NUMBER CONNECTIONS MESSAGES_A_SECOND, where NUMBER is another one for each process of a namespace
 */
import { libc } from "#libc";
import { AF_INET, SOCK_STREAM } from "../src/model/family.ts";
import { accept, addressOf, connect, ipv4, listen, open, openAt, sendSome } from "../test/kernel/c.ts";

/** Connections to one listener: they share its address and port, and each takes a port of its own. */
const CONNECTIONS_PER_LISTENER = 1000;
const BACKLOG = 16;
const ROUND_MS = 100;
const LEAST_BYTES = 50;
const MOST_BYTES = 2000;

const [number = 0, connections = 0, rate = 0] = process.argv.slice(2).map(Number);
const pairs: (readonly [number, number])[] = [];
while (pairs.length < connections) {
  const address = `127.${number + 1}.${(pairs.length / CONNECTIONS_PER_LISTENER) | 0}.1`;
  const listener = openAt(ipv4(address), SOCK_STREAM);
  listen(listener, BACKLOG);
  const target = addressOf(listener);
  for (let count = 0; count < CONNECTIONS_PER_LISTENER && pairs.length < connections; count++) {
    const client = open(AF_INET, SOCK_STREAM);
    connect(client, target);
    pairs.push([client, accept(listener)]);
  }
}
const buffer = new Uint8Array(MOST_BYTES);
/** A part of a message that is still to be sent waits for the next round. */
let due = 0;
const timer = setInterval(() => {
  for (due += (rate * ROUND_MS) / 1000; due >= 1; due--) {
    const pair = pairs[Math.floor(Math.random() * pairs.length)]!;
    const [from, to] = Math.random() < 0.5 ? pair : [pair[1], pair[0]];
    const length = LEAST_BYTES + Math.floor(Math.random() * (MOST_BYTES - LEAST_BYTES));
    for (let left = sendSome(from, length); left > 0; ) left -= libc.recvfrom(to, buffer, 0, null);
  }
}, ROUND_MS);
console.log("ready");
await Bun.stdin.bytes();
clearInterval(timer);
