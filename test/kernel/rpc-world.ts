/**
 * Runs in its own network and mount namespaces: makes listeners and UDP sockets at the registered ports of programs,
 * and in place of rpcbind a server that lists them, or never answers. Prints `ready`, and runs until its standard
 * input ends.
 *
 * Usage: rpc-world.ts answers|silent
 */
import { createServer } from "node:net";
import type { RpcService } from "../../src/host/host.ts";
import { RPCBIND_SOCKET } from "../../src/host/rpcbind.ts";
import { SOCK_DGRAM, SOCK_STREAM } from "../../src/model/family.ts";
import { dumpReply, recordOf } from "../rpcbind.ts";
import { ipv4, ipv6, listen, loopbackUp, openAt } from "./c.ts";

const [manner] = process.argv.slice(2);

const services: RpcService[] = [
  // nfs, mountd, nlockmgr, ypserv, ypbind, portmapper, and one that nobody has named.
  { program: 100003, version: 4, netid: "tcp", address: "0.0.0.0.8.1" },
  { program: 100005, version: 1, netid: "tcp6", address: "::.156.65" },
  { program: 100021, version: 1, netid: "udp", address: "0.0.0.0.156.66" },
  { program: 100004, version: 2, netid: "tcp", address: "0.0.0.0.156.67" },
  { program: 100007, version: 1, netid: "tcp", address: "0.0.0.0.156.67" },
  { program: 100000, version: 4, netid: "udp6", address: "::.0.111" },
  { program: 600000, version: 1, netid: "tcp", address: "0.0.0.0.0.80" },
  { program: 100005, version: 3, netid: "tcp", address: "127.0.0.1.0.53" },
];

loopbackUp();
for (const port of [53, 80, 111, 2049, 40001, 40002, 40003]) {
  for (const address of [ipv4("127.0.0.9", port), ipv6("::1", port)]) {
    listen(openAt(address, SOCK_STREAM), 1);
    openAt(address, SOCK_DGRAM);
  }
}
const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "rpc-world", "/run"], { stderr: "inherit" });
if (!mounted.success) process.exit(1);
const server = createServer((socket) => {
  socket.on("data", (call) => {
    if (manner === "silent") return;
    const reply = dumpReply(services);
    // The id of the call is that of the answer.
    call.copy(reply, 0, 4, 8);
    socket.end(recordOf(reply));
  });
  socket.on("error", () => undefined);
});
server.listen(RPCBIND_SOCKET, () => console.log("ready"));
process.stdin.on("end", () => process.exit()).resume();
