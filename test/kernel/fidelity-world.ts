/**
 * Runs in network and mount namespaces of its own: files of /etc with odd names, and sockets that they name. Says
 * `ready`, and lives until its standard input ends.
 *
 * Usage: fidelity-world.ts FOLDER
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { libc } from "#libc";
import { SOCK_DGRAM, SOCK_STREAM } from "../../src/model/family.ts";
import { ipv4, ipv6, listen, loopbackUp, openAt, SOL_SOCKET } from "./c.ts";

/** asm-generic/socket.h. */
const SO_BINDTODEVICE = 25;

const [folder] = process.argv.slice(2);

function run(...command: string[]): void {
  if (!Bun.spawnSync(command, { stderr: "inherit" }).success) throw new Error(command.join(" "));
}

/** Puts a file in the place of one in /etc. */
function replace(name: string, content: string | Uint8Array): void {
  const file = join(folder!, name);
  writeFileSync(file, content);
  run("mount", "--bind", file, `/etc/${name}`);
}

loopbackUp();
const odd = Buffer.from([0x62, 0xff]);
replace(
  "hosts",
  Buffer.concat([
    Buffer.from(
      "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 ünï.example\n127.0.0.3 UPPER.Example\n127.0.0.4 ",
    ),
    odd,
    Buffer.from("\n127.0.0.1 dual\n::1 dual\n"),
  ]),
);
replace(
  "services",
  Buffer.concat([Buffer.from("hexa 0x1f90/tcp\nplus +7001/tcp\n"), odd, Buffer.from(" 7002/tcp\n")]),
);
mkdirSync("/etc/iproute2", { recursive: true });
run("mount", "-t", "tmpfs", "none", "/etc/iproute2");
writeFileSync("/etc/iproute2/nl_protos", "0 route\n16 gen\n");

// A control group of its own, with names for it.
const tree = join(folder!, "tree");
mkdirSync(tree);
run("mount", "-t", "cgroup2", "none", tree);
const group = join(tree, `fidelity-${process.pid}`);
mkdirSync(join(group, "sub"), { recursive: true });
symlinkSync(group, join(folder!, "link"));
writeFileSync(join(group, "sub/cgroup.procs"), String(process.pid));
writeFileSync(join(folder!, "group"), group);

for (let last = 1; last <= 4; last++) {
  const socket = openAt(ipv4(`127.0.0.${last}`, 8080), SOCK_STREAM);
  if (last === 4) libc.setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from("lo\0"));
  listen(socket, 1);
}
for (const port of [7001, 7002]) listen(openAt(ipv4("127.0.0.1", port), SOCK_STREAM), 1);
listen(openAt(ipv6("::1", 8080), SOCK_STREAM), 1);
openAt(Uint8Array.of(1, 0, 0, 0xff, 0xfe, 0x78), SOCK_DGRAM);
writeFileSync(join(tree, "cgroup.procs"), String(process.pid));
console.log("ready");
await Bun.stdin.bytes();
run("rmdir", join(group, "sub"));
run("rmdir", group);
