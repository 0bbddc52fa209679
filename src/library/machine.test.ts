import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { liveFiles } from "../host/live.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type DeferredTransport, type NetlinkSocket, pending } from "../netlink/transport.ts";
import { replayHost } from "../replay/host.ts";
import { machineOf } from "./machine.ts";

const ENOBUFS = 105;
const PORT = 4711;

const recording = (name: string) =>
  replayHost(join(import.meta.dirname, "../../test/fixtures", name), liveFiles);
const host = recording("events");

/** Fake files with the drop counter of a netlink socket. */
function filesWithDrops(drops: () => number) {
  const heading = "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode";
  const read = (path: string) =>
    path === "/proc/net/netlink"
      ? new TextEncoder().encode(`${heading}\n0 4 ${PORT} 00000001 0 0 0 2 ${drops()} 1\n`)
      : liveFiles.read(path);
  return { ...liveFiles, read };
}

/** A transport of one socket. Each receive returns the next step. */
function scripted(steps: readonly (() => Uint8Array)[], close = () => undefined): DeferredTransport {
  const rest = [...steps];
  const socket: NetlinkSocket = {
    portId: PORT,
    send: () => undefined,
    receive: () => rest.shift()?.() ?? new Uint8Array(0),
    close,
  };
  return { open: () => socket, arrival: () => Promise.resolve() };
}

const lose = () => {
  throw new NetlinkError("recv", ENOBUFS);
};
const wait = () => pending;

test("destroyed() counts the events lost since the last lost event", async () => {
  let dropped = 0;
  const loseSome = (count: number) => () => {
    dropped += count;
    return lose();
  };
  const files = filesWithDrops(() => dropped);
  const events = scripted([wait, loseSome(3), wait, loseSome(4), loseSome(5), wait]);
  const machine = machineOf({ host: { ...host, files }, dumps: events, events });
  const found = await Array.fromAsync(machine.destroyed({ tables: ["tcp"] }));
  expect(found).toEqual([3, 4, 5].map((count) => ({ kind: "lost", count })));
});

test("destroyed() counts silent losses until the queue is empty", async () => {
  let dropped = 0;
  const files = filesWithDrops(() => dropped);
  const loseOne = () => {
    dropped++;
    return lose();
  };
  const loseMore = () => {
    dropped += 2;
    return pending;
  };
  const events = scripted([wait, loseOne, loseMore, wait, loseOne, wait]);
  const machine = machineOf({ host: { ...host, files }, dumps: events, events });
  const found = await Array.fromAsync(machine.destroyed({ tables: ["tcp"] }));
  expect(found).toEqual([1, 2, 1].map((count) => ({ kind: "lost", count })));
});

test("destroyed() has no count if the kernel does not report one", async () => {
  const files = { ...liveFiles, read: lose };
  const events = scripted([lose]);
  const machine = machineOf({ host: { ...host, files }, dumps: events, events });
  const found = await Array.fromAsync(machine.destroyed({ tables: ["tcp"] }));
  expect(found).toEqual([{ kind: "lost", count: undefined }]);
});

test("destroyed() closes its socket once, iterated or not", async () => {
  const left: string[] = [];
  const open = (name: string) => {
    const events = scripted([wait, wait], () => void left.push(name));
    return machineOf({ host, dumps: events, events }).destroyed({ tables: ["tcp"] });
  };
  await open("unwalked").return?.();
  for await (const _ of open("walked to its end"));
  const begun = open("begun");
  const next = begun.next();
  await begun.return?.();
  expect((await next).done).toBe(true);
  expect(left).toEqual(["unwalked", "walked to its end", "begun"]);
});

test("socketsAsync() polls until data arrives, and lists no table twice", async () => {
  const host = recording("mixed-500");
  let refusals = 0;
  const dumps: DeferredTransport = {
    open(protocol, groups) {
      const socket = host.transport.open(protocol, groups);
      let ready = false;
      return {
        ...socket,
        receive(allocate) {
          ready = !ready;
          if (!ready) return socket.receive(allocate);
          refusals++;
          return pending;
        },
      };
    },
    arrival: () => Promise.resolve(),
  };
  const machine = machineOf({ host, dumps, events: dumps });
  const listed = await Array.fromAsync(machine.socketsAsync());
  expect(JSON.stringify(listed)).toBe(JSON.stringify([...machine.sockets()]));
  expect(refusals).toBeGreaterThan(0);
});

describe("a filter by container", () => {
  const id = "3f4a".repeat(16);
  const { files, ...owners } = recording("owners");
  const fakes: Readonly<Record<string, string>> = {
    "/proc/742/cgroup": `0::/system.slice/docker-${id}.scope\n`,
    "/proc/743/cgroup": "0::/system.slice/ssh.service\n",
    [`/var/lib/docker/containers/${id}/config.v2.json`]: JSON.stringify({ Name: "/web" }),
  };
  const reads: string[] = [];
  const read = (path: string) => {
    reads.push(path);
    const text = fakes[path];
    return text === undefined ? files.read(path) : new TextEncoder().encode(text);
  };
  const host = { ...owners, files: { ...files, read } };
  const dumps: DeferredTransport = { ...host.transport, arrival: () => Promise.resolve() };
  const machine = machineOf({ host, dumps, events: dumps });
  const inodes = (filter: string) =>
    Array.from(machine.sockets({ tables: ["tcp"], filter }), ({ inode }) => inode);
  const ofProcess = inodes("pid 742");

  test("matches its name, label and id, for any of the owners", () => {
    expect(ofProcess).not.toEqual([]);
    for (const name of ["web", "docker:web", id, "w*"])
      expect(inodes(`container ${name}`)).toEqual(ofProcess);
    expect(inodes("container db")).toEqual([]);
    expect(inodes("container != db")).toEqual(ofProcess);
  });

  test("reads no control group for any other filter", () => {
    reads.length = 0;
    expect(inodes("comm sshd").length).toBeGreaterThan(0);
    expect(reads.filter((path) => path.endsWith("/cgroup"))).toEqual([]);
  });

  test("also works without blocking", async () => {
    const found = await Array.fromAsync(machine.socketsAsync({ tables: ["tcp"], filter: "container web" }));
    expect(found.map(({ inode }) => inode)).toEqual(ofProcess);
  });
});
