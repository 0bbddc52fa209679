/**
 * Transfers of known sizes in the network namespace of the caller, one kind a port: both ends are in this process.
 * Says `ready` when all bytes have arrived, and closes the connections some time later.
 */
import { dlopen, ptr } from "bun:ffi";
import { ftruncateSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AF_INET, AF_INET6, SOCK_STREAM } from "../../src/model/family.ts";
import { accept, close, connect, ipv4, ipv6, listen, loopbackUp, open, openAt, receive, send } from "./c.ts";
import { type TransferKind, transferKinds } from "./transfer-kinds.ts";

const { symbols } = dlopen("libc.so.6", {
  sendfile: { args: ["i32", "i32", "ptr", "u64"], returns: "i64" },
  splice: { args: ["i32", "ptr", "i32", "ptr", "u64", "u32"], returns: "i64" },
  pipe: { args: ["ptr"], returns: "i32" },
});

/** Less than the buffers of a socket and of a pipe hold, so that no call waits for the other end. */
const CHUNK = 16_384;
/** Long enough for a sample. */
const OPEN_MS = 2500;

const path = join(tmpdir(), `sockscope-transfers-${process.pid}`);
const file = openSync(path, "w+");
unlinkSync(path);
ftruncateSync(file, 1 << 22);
const pipe = new Int32Array(2);
symbols.pipe(ptr(pipe));
const content = new Uint8Array(CHUNK);

/** The ways to send so many bytes, at most a chunk. */
const ways: Record<TransferKind["way"], (fd: number, count: number) => void> = {
  send,
  sendfile: (fd, count) => void symbols.sendfile(fd, file, null, count),
  splice(fd, count) {
    writeSync(pipe[1]!, content, 0, count);
    symbols.splice(pipe[0]!, null, fd, null, count, 0);
  },
};

function transfer(from: number, to: number, total: number, { way, chunk = CHUNK }: TransferKind): void {
  for (let left = total; left > 0; left -= chunk) {
    const count = Math.min(chunk, left);
    ways[way](from, count);
    for (let missing = count; missing > 0; ) missing -= receive(to, missing);
  }
}

loopbackUp();
const opened: number[] = [];
for (const kind of transferKinds) {
  const address = kind.isIpv6 ? ipv6("::1", kind.port) : ipv4("127.0.0.1", kind.port);
  const listener = openAt(address, SOCK_STREAM);
  listen(listener, 1);
  for (let each = 0; each < kind.connections; each++) {
    const client = open(kind.isIpv6 ? AF_INET6 : AF_INET, SOCK_STREAM);
    connect(client, address);
    const server = accept(listener);
    transfer(client, server, kind.sent, kind);
    transfer(server, client, kind.received, kind);
    opened.push(client, server);
  }
}
console.log("ready");
await Bun.sleep(OPEN_MS);
for (const fd of opened) close(fd);
await Bun.sleep(500);
process.exit();
