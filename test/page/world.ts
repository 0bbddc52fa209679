/**
 * Runs in a network namespace of its own: a host with thousands of sockets, some that transfer, some that come and go,
 * some that leak, and names that would be HTML. Says `ready`, and ends with its standard input.
 *
 * Usage: world.ts FOLDER
 */
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { SOCK_STREAM } from "../../src/model/family.ts";
import { connect as connectTo, ipv4, listen, loopbackUp, openAt } from "../kernel/c.ts";
import { hostileName, hostilePath, ports, quantities } from "./names.ts";

const [folder] = process.argv.slice(2);
const ADDRESS = "127.0.0.1";
/** How long a brief connection lasts, in milliseconds. */
const BRIEF = 4000;
loopbackUp();
writeFileSync("/proc/self/comm", hostileName);

function listening(server: Server, where: number | string): Promise<void> {
  return new Promise((done) => {
    if (typeof where === "number") server.listen(where, ADDRESS, 4096, done);
    else server.listen(where, done);
  });
}

function open(port: number): Promise<ReturnType<typeof connect>> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: ADDRESS, allowHalfOpen: true });
    socket.once("connect", () => done(socket));
    socket.once("error", fail);
  });
}

await listening(
  createServer((socket) => socket.on("data", () => socket.write(new Uint8Array(3000)))),
  ports.talk,
);
await listening(
  createServer((socket) => socket.on("error", () => undefined)),
  ports.idle,
);
// It reads the end of each connection, and never closes its own side.
await listening(
  createServer({ allowHalfOpen: true }, (socket) => socket.resume()),
  ports.leak,
);
await listening(
  createServer((socket) => socket.end("bye")),
  ports.churn,
);
await listening(
  createServer((socket) => setTimeout(() => socket.destroy(), BRIEF)),
  ports.brief,
);
await listening(createServer(), join(folder!, hostilePath));
// Its queue of two is full, and it never accepts.
listen(openAt(ipv4(ADDRESS, ports.full), SOCK_STREAM), 1);
for (let count = 0; count < 2; count++)
  connectTo(openAt(ipv4(ADDRESS, 0), SOCK_STREAM), ipv4(ADDRESS, ports.full));

for (let count = 0; count < quantities.idle; count += 50)
  await Promise.all(Array.from({ length: Math.min(50, quantities.idle - count) }, () => open(ports.idle)));
for (let count = 0; count < quantities.leak; count++) (await open(ports.leak)).end();
for (let count = 0; count < quantities.talk; count++) {
  const socket = await open(ports.talk);
  socket.resume();
  setInterval(() => socket.write(new Uint8Array(100 * (count + 1))), 25);
}
setInterval(() => {
  open(ports.churn).then(
    (socket) => socket.resume().on("end", () => socket.end()),
    () => undefined,
  );
}, 60);

setInterval(() => {
  open(ports.brief).then(
    (socket) =>
      socket
        .resume()
        .on("error", () => undefined)
        .on("end", () => socket.end()),
    () => undefined,
  );
}, BRIEF / 2);

console.log("ready");
await Bun.stdin.bytes();
process.exit();
