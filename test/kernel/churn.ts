/**
 * Opens and closes TCP connections over loopback at a rate, in the network namespace of the caller. Prints how many it
 * has closed, and how many seconds it took.
 *
 * Usage: churn.ts CLOSES_A_SECOND SECONDS. Each connection has two sockets, which count one by one
 */
import { AF_INET, SOCK_STREAM } from "../../src/model/family.ts";
import { accept, close, connect, ipv4, listen, open, openAt, SOL_SOCKET, setOption } from "./c.ts";

const [rate, seconds] = process.argv.slice(2).map(Number) as [number, number];
/** asm-generic/socket.h. With no time to linger, an end is a reset: neither end stays in TIME-WAIT. */
const SO_LINGER = 13;
const STEP_MS = 10;

/** Enough addresses of the server that no port is used twice within a minute. */
const listeners = Array.from({ length: 8 }, (_, index) => {
  const address = ipv4(`127.0.0.${index + 1}`, 4000);
  const listener = openAt(address, SOCK_STREAM);
  listen(listener, 4096);
  return { address, listener };
});
const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
let closed = 0;
const begun = performance.now();
for (;;) {
  const passed = performance.now() - begun;
  const due = Math.min(passed / 1000, seconds) * rate;
  for (; closed < due; closed += 2) {
    const { address, listener } = listeners[(closed / 2) % listeners.length]!;
    const client = open(AF_INET, SOCK_STREAM);
    connect(client, address);
    const server = accept(listener);
    setOption(client, SOL_SOCKET, SO_LINGER, linger);
    close(client);
    close(server);
  }
  if (passed >= seconds * 1000) break;
  await Bun.sleep(STEP_MS);
}
console.log(`${closed} ${(performance.now() - begun) / 1000}`);
