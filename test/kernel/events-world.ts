/**
 * Runs in a network and a mount namespace of its own: mounts tracefs if it may, prints `ready`, and ends with its
 * standard input.
 */
import { libc } from "#libc";
import { loopbackUp } from "./c.ts";

const MS_REC = 0x4000;
const MS_PRIVATE = 1 << 18;

libc.mount(null, "/", null, MS_REC | MS_PRIVATE);
libc.mount("tracefs", "/sys/kernel/tracing", "tracefs", 0);
loopbackUp();
console.log("ready");
await Bun.stdin.bytes();
process.exit();
