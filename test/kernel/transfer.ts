/**
 * Runs in a network namespace of its own: one TCP connection and one pair of UDP sockets over loopback. Says `ready`;
 * told `go` on standard input, transfers in small steps, drops datagrams, and says `done`. It ends with its input.
 *
 * Usage: transfer.ts [steady], which goes on transferring
 */
import { libc } from "#libc";
import { AF_INET, SOCK_DGRAM, SOCK_STREAM } from "../../src/model/family.ts";
import {
  accept,
  addressOf,
  connect,
  ipv4,
  listen,
  loopbackUp,
  open,
  openAt,
  SOL_SOCKET,
  send,
  setOption,
} from "./c.ts";

/** asm-generic/socket.h. */
const SO_RCVBUF = 8;
const STEPS = 40;
const STEP_BYTES = 50_000;
const STEP_MS = 20;
/** More than the smallest receive buffer holds. */
const DATAGRAMS = 200;

const home = ipv4("127.0.0.1");
const buffer = new Uint8Array(1 << 16);

loopbackUp();
const listener = openAt(home, SOCK_STREAM);
listen(listener, 1);
const client = open(AF_INET, SOCK_STREAM);
connect(client, addressOf(listener));
const server = accept(listener);

const deaf = openAt(home, SOCK_DGRAM);
setOption(deaf, SOL_SOCKET, SO_RCVBUF, 1);
const loud = open(AF_INET, SOCK_DGRAM);
connect(loud, addressOf(deaf));

function step(): void {
  send(client, STEP_BYTES);
  for (let left = STEP_BYTES; left > 0; ) left -= libc.recvfrom(server, buffer, 0, null);
}

async function transfer(): Promise<void> {
  for (let count = 0; count < STEPS; count++) {
    step();
    await Bun.sleep(STEP_MS);
  }
  for (let count = 0; count < DATAGRAMS; count++) send(loud, 100);
  console.log("done");
}

step();
if (process.argv[2] === "steady") setInterval(step, STEP_MS);
console.log("ready");
for await (const line of console) if (line === "go") await transfer();
process.exit();
