import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { found, iterateSockets } from "./socket-iterator.ts";
import { socketLinks } from "./socket-links.ts";

const servers: Server[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

async function open(count: number): Promise<void> {
  for (let opened = 0; opened < count; opened++) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
  }
}

/** CAP_SYS_PTRACE, CAP_PERFMON and CAP_BPF, in the user namespace of the machine. */
const RIGHTS = [19n, 38n, 39n];
const status = readFileSync("/proc/self/status", "latin1");
const effective = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)![1]}`);
const isWhole = /^\s*0\s+0\s+4294967295$/m.test(readFileSync("/proc/self/uid_map", "latin1"));
const can =
  isWhole &&
  existsSync("/sys/kernel/btf/vmlinux") &&
  !/^Seccomp:\s*[12]$/m.test(status) &&
  RIGHTS.every((right) => ((effective >> right) & 1n) === 1n);

type Pairs = Map<number, string[]>;

function byProcess(entries: Uint32Array): Pairs {
  const pairs: Pairs = new Map();
  for (let at = 0; at < entries.length; at += found.size) {
    const [pid, fd, inode] = entries.subarray(at, at + found.size);
    const list = pairs.get(pid!) ?? [];
    list.push(`${fd} ${inode}`);
    pairs.set(pid!, list);
  }
  return pairs;
}

test("lists the sockets of all processes as /proc has them, or nothing without the rights", async () => {
  await open(40);
  const entries = iterateSockets("/proc", 0);
  expect(entries !== undefined).toBe(can);
  if (entries === undefined) return;
  expect(entries.length % found.size).toBe(0);
  const sockets = byProcess(entries);
  const linked: string[] = [];
  socketLinks(`/proc/${process.pid}/fd`, (fd, inode) => linked.push(`${fd} ${inode}`));
  // The one that is compared while it lists is closed again.
  const ours = sockets.get(process.pid)!.filter((pair) => linked.includes(pair));
  expect(ours).toEqual(linked);
  // By process id, and every process is a process: no thread.
  const pids = [...sockets.keys()];
  expect(pids).toEqual(pids.toSorted((a, b) => a - b));
  const now = new Set(readdirSync("/proc"));
  for (const pid of pids) if (now.has(`${pid}`)) expect(existsSync(`/proc/${pid}/task/${pid}`)).toBeTrue();
});

test("finds the sockets of another process that it has since before", async () => {
  if (!can) return expect(iterateSockets("/proc", 0)).toBeUndefined();
  const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
  const socket = Bun.spawn(["sh", "-c", "exec 3<&0; exec sleep 60"], { stdin: "pipe" });
  try {
    await Bun.sleep(50);
    const sockets = byProcess(iterateSockets("/proc", 0)!);
    for (const { pid } of [child, socket]) {
      const linked: string[] = [];
      socketLinks(`/proc/${pid}/fd`, (fd, inode) => linked.push(`${fd} ${inode}`));
      expect(sockets.get(pid) ?? []).toEqual(linked);
    }
  } finally {
    child.kill();
    socket.kill();
  }
});

test("another /proc is not this machine's", () => {
  expect(iterateSockets("/nowhere", 0)).toBeUndefined();
});
