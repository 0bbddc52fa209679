/**
 * Makes TCP connections over loopback, one after another: each transfers some bytes from the client to the server, and
 * ends at once.
 *
 * Usage: short-connections.ts COUNT BYTES
 */
import { libc } from "#libc";
import { AF_INET, SOCK_STREAM } from "../../src/model/family.ts";
import { accept, addressOf, close, connect, ipv4, listen, open, openAt, send } from "./c.ts";

const [count, bytes] = process.argv.slice(2).map(Number) as [number, number];
const buffer = new Uint8Array(1 << 16);
const listener = openAt(ipv4("127.0.0.1"), SOCK_STREAM);
listen(listener, 1);
for (let made = 0; made < count; made++) {
  const client = open(AF_INET, SOCK_STREAM);
  connect(client, addressOf(listener));
  const server = accept(listener);
  send(client, bytes);
  for (let left = bytes; left > 0; ) left -= libc.recvfrom(server, buffer, 0, null);
  close(server);
  close(client);
}
