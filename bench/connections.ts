/**
 * Makes short TCP connections on the loopback interface at a steady rate, each closed at once from the client's side,
 * and prints how many it made. Each goes to another address of 127.0.0.0/8, so that TIME-WAIT takes no port away.
 *
 * Usage: bun bench/connections.ts RATE SECONDS
 */

import { SOCK_STREAM } from "../src/model/family.ts";
import {
  accept,
  addressOf,
  close,
  connect,
  ipv4,
  listen,
  loopbackUp,
  open,
  openAt,
} from "../test/kernel/c.ts";

const [rate, seconds] = process.argv.slice(2).map(Number) as [number, number];
loopbackUp();
const listening = openAt(ipv4("0.0.0.0"), SOCK_STREAM);
listen(listening, 128);
const target = addressOf(listening);
target[4] = 127;
const begun = performance.now();
let made = 0;
for (;;) {
  const elapsed = performance.now() - begun;
  if (elapsed >= seconds * 1000) break;
  const due = Math.floor((elapsed * rate) / 1000);
  if (made >= due) Bun.sleepSync(1);
  for (; made < due; made++) {
    target[5] = (made >>> 14) & 0x7f;
    target[6] = (made >>> 7) & 0x7f;
    target[7] = (made & 0x7f) + 1;
    const client = open(target[0]!, SOCK_STREAM);
    connect(client, target);
    const server = accept(listening);
    close(client);
    close(server);
  }
}
console.log(JSON.stringify({ made, seconds: (performance.now() - begun) / 1000 }));
