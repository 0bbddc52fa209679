/**
 * The library as its users have it, on Node and on Bun: `npm run build && node --test test/library/library.mjs`. On
 * Node it is the built package.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  destroy,
  destroyed,
  FilterError,
  formatFilter,
  netnsList,
  owners,
  parseFilter,
  RecordingError,
  replay,
  sockets,
  socketsAsync,
  summary,
} from "sockscope";

const root = join(import.meta.dirname, "../..");
const executable = join(root, "dist/sockscope");
const fixture = (name) => join(root, "test/fixtures", name);

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;
const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "latin1"))[1]}`);
/** Why a test is skipped that needs a capability, or false if it is not. */
const without = (capability, name) => (capabilities & (1n << capability)) === 0n && `needs ${name}`;

/** A TCP connection over loopback, both ends ours, closed after `body`. */
async function withConnection(body) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const client = connect(port, "127.0.0.1");
  const [[accepted]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
  // Who is reset says so.
  for (const end of [client, accepted]) end.on("error", () => undefined);
  try {
    await body({ port, client, accepted });
  } finally {
    client.destroy();
    accepted.destroy();
    server.close();
  }
}

async function collect(iterable) {
  const found = [];
  for await (const each of iterable) found.push(each);
  return found;
}

const plain = (value) => JSON.parse(JSON.stringify(value));

test("sockets() gives what the executable prints, for every inet recording of the corpus", () => {
  for (const name of ["tcp-states", "udp", "tcp-info-values", "addresses", "mixed-500"]) {
    const printed = JSON.parse(
      execFileSync(executable, ["--replay", fixture(name), "-tuanim", "--json"], { encoding: "utf8" }),
    );
    const listed = [...replay(fixture(name)).sockets({ tables: ["tcp", "udp"], info: true, memory: true })];
    // The names of interfaces are the executable's to look up.
    for (const { local } of printed) delete local.interface;
    assert.deepEqual(plain(listed), printed);
    assert.notEqual(listed.length, 0);
  }
});

test("a view stays what it is while others are read", () => {
  const [first, ...others] = replay(fixture("tcp-info-values")).sockets({ tables: ["tcp"], info: true });
  const before = JSON.stringify(first);
  for (const other of others) other.toJSON();
  assert.equal(JSON.stringify(first), before);
});

test("words that name nothing are RangeErrors", () => {
  assert.throws(() => [...sockets({ states: ["sleeping"] })], RangeError);
  assert.throws(() => [...sockets({ tables: ["tpc"] })], RangeError);
  assert.throws(() => [...sockets({ families: ["constructor"] })], RangeError);
});

test("socketsAsync() gives what sockets() does, and lets others have their turn", async () => {
  const recording = replay(fixture("mixed-500"));
  let turns = 0;
  let done = false;
  const others = (async () => {
    for (; !done; turns++) await setImmediate();
  })();
  const listed = await collect(recording.socketsAsync({ memory: true }));
  done = true;
  await others;
  assert.deepEqual(plain(listed), plain([...recording.sockets({ memory: true })]));
  assert.ok(turns > 1, `${turns} turns`);
});

test("socketsAsync() asks the kernel of this host", async () => {
  await withConnection(async ({ port, client }) => {
    const options = { tables: ["tcp"], filter: `sport = :${client.localPort}`, info: true };
    const [socket, ...others] = await collect(socketsAsync(options));
    assert.deepEqual([others, socket.dport, socket.src, socket.state], [[], port, "127.0.0.1", "ESTAB"]);
    assert.deepEqual(
      [...sockets(options)].map(({ cookie }) => cookie),
      [socket.cookie],
    );
    assert.equal(socket.tcpInfo.state, 1);
  });
});

test("socketsAsync() ends for the reason of its signal", async () => {
  const reason = new Error("enough");
  await assert.rejects(collect(socketsAsync({ signal: AbortSignal.abort(reason) })), reason);
  const controller = new AbortController();
  let seen = 0;
  await assert.rejects(async () => {
    for await (const _ of replay(fixture("mixed-500")).socketsAsync({ signal: controller.signal })) {
      seen++;
      controller.abort(reason);
    }
  }, reason);
  assert.ok(seen > 0 && seen < 500, `${seen} sockets`);
});

test("a filter is in ss's language and beyond", async () => {
  await withConnection(async ({ port, client, accepted }) => {
    const ports = (filter) =>
      [...sockets({ tables: ["tcp"], states: ["established"], filter })].map(({ sport }) => sport).sort();
    const both = [client.localPort, port].sort();
    assert.deepEqual(ports(`sport = :${port} or dport = :${port}`), both);
    assert.deepEqual(ports(`( sport = :${port} or dport = :${port} ) and pid = ${process.pid}`), both);
    assert.deepEqual(ports(`sport = :${port} and pid = 1`), process.pid === 1 ? [port] : []);
    const options = { tables: ["tcp"], states: ["established"] };
    const byName = await collect(socketsAsync({ ...options, filter: `dst localhost and sport = :${port}` }));
    assert.deepEqual(
      byName.map(({ dport }) => dport),
      [accepted.remotePort],
    );
    const byOwner = await collect(
      socketsAsync({ ...options, filter: `sport = :${port} and pid = ${process.pid}` }),
    );
    assert.equal(byOwner.length, 1);
  });
});

test("a wrong filter is a FilterError that says where", async () => {
  const wrong = (error) => error instanceof FilterError && error.code === "filter" && error.offset === 8;
  assert.throws(() => [...sockets({ filter: "sport = x!y" })], wrong);
  assert.throws(() => parseFilter("sport = x!y"), wrong);
  await assert.rejects(collect(socketsAsync({ filter: "sport = x!y" })), wrong);
  const name = (error) => error instanceof FilterError && error.offset === 4;
  assert.throws(() => [...sockets({ filter: "dst example.org" })], name);
});

test("parseFilter() and formatFilter() are each other's way back", () => {
  const filter = parseFilter("sport = :22 and ! dst 10.0.0.0/8");
  assert.deepEqual([filter.kind, filter.left.kind, filter.right.kind], ["and", "sport", "not"]);
  assert.equal(formatFilter(filter), "sport = 22 and not dst = 10.0.0.0/8");
  assert.equal(parseFilter(" "), undefined);
});

test("owners() finds this process", async () => {
  await withConnection(async ({ port }) => {
    const [listener] = sockets({ tables: ["tcp"], states: ["listening"], filter: `sport = :${port}` });
    const found = owners([listener.inode]);
    assert.deepEqual([...found.keys()], [listener.inode]);
    const [owner] = found.get(listener.inode);
    assert.equal(owner.pid, process.pid);
    assert.equal(owner.exe, readlinkSync("/proc/self/exe"));
    assert.match(readlinkSync(`/proc/self/fd/${owner.fd}`), new RegExp(`\\[${listener.inode}\\]$`));
    assert.ok(owners().has(listener.inode));
  });
});

test("summary() counts as /proc does", () => {
  const { used, transports } = replay(fixture("proc-net")).summary();
  const sockstat = readFileSync(fixture("proc-net/proc/net/sockstat"), "utf8");
  assert.equal(used, Number(/used (\d+)/.exec(sockstat)[1]));
  assert.equal(transports.udp.ipv4, Number(/^UDP: inuse (\d+)/m.exec(sockstat)[1]));
  assert.ok(summary().used > 0);
});

test("netnsList() has our own namespace, which can be listed", async () => {
  const inode = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))[0]);
  const netns = netnsList().find((each) => each.inode === inode);
  assert.ok(netns !== undefined);
  await withConnection(async ({ port }) => {
    const [listener] = sockets({ netns, tables: ["tcp"], states: ["listening"], filter: `sport = :${port}` });
    assert.equal(listener.sport, port);
  });
  assert.throws(() => [...sockets({ netns: { inode: 1, name: "gone", pid: undefined } })], RangeError);
});

test("destroyed() streams a recording's events, then ends", async () => {
  const events = await collect(replay(fixture("events")).destroyed({ tables: ["tcp", "udp"] }));
  assert.ok(events.length > 0);
  assert.deepEqual(new Set(events.map(({ kind }) => kind)), new Set(["destroyed"]));
  const udp = await collect(replay(fixture("events")).destroyed({ tables: ["udp"] }));
  assert.ok(udp.length < events.length);
  assert.deepEqual(await collect(replay(fixture("events")).destroyed({ tables: ["unix_stream"] })), []);
  assert.throws(() => replay(fixture("events")).destroyed({ filter: "pid = 1" }), RangeError);
});

test("destroyed() hears of what ends after the call", {
  skip: without(CAP_NET_ADMIN, "CAP_NET_ADMIN"),
}, async () => {
  let events;
  let wanted;
  await withConnection(async ({ client, accepted }) => {
    wanted = client.localPort;
    events = destroyed({
      tables: ["tcp"],
      filter: `sport = :${wanted}`,
      signal: AbortSignal.timeout(10_000),
    });
    // The end that closes first goes through TIME-WAIT, which has no event. So let the other end close first.
    accepted.end();
    await once(client.resume(), "end");
  });
  for await (const event of events) {
    assert.deepEqual([event.kind, event.socket.sport], ["destroyed", wanted]);
    break;
  }
  const netlink = () => readFileSync("/proc/net/netlink", "latin1").split("\n").length;
  const before = netlink();
  const unheard = destroyed();
  assert.equal(netlink(), before + 1);
  await unheard.return();
  assert.equal(netlink(), before);
});

test("destroyed() ends for the reason of its signal", {
  skip: without(CAP_NET_ADMIN, "CAP_NET_ADMIN"),
}, async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const events = destroyed({ tables: ["tcp"], filter: "sport = :1", signal: controller.signal });
  const next = events.next();
  controller.abort(reason);
  await assert.rejects(next, reason);
});

test("destroy() resets a connection, once", { skip: without(CAP_NET_ADMIN, "CAP_NET_ADMIN") }, async () => {
  await withConnection(async ({ client }) => {
    const [socket] = sockets({
      tables: ["tcp"],
      states: ["established"],
      filter: `sport = :${client.localPort}`,
    });
    const failed = new Promise((resolve) => client.once("error", resolve));
    assert.equal(destroy(socket), true);
    assert.equal((await failed).code, "ECONNABORTED");
    assert.equal(destroy(socket), false);
  });
});

test("another namespace can be listed", { skip: without(CAP_SYS_ADMIN, "CAP_SYS_ADMIN") }, async () => {
  const inhabitant = spawn("unshare", ["--net", "sh", "-c", "echo ready; exec sleep 60"]);
  try {
    await once(inhabitant.stdout, "data");
    const netns = netnsList().find(({ pid }) => pid === inhabitant.pid);
    const options = { netns, tables: ["netlink"] };
    // At least the socket that asks is there.
    const listed = [...sockets(options), ...(await collect(socketsAsync(options)))];
    assert.ok(listed.length >= 2);
    for (const { origin } of listed) assert.equal(origin.netns.inode, netns.inode);
    assert.deepEqual(await collect(socketsAsync({ netns, tables: ["tcp"] })), []);
  } finally {
    inhabitant.kill();
  }
});

test("what is no recording is a RecordingError", () => {
  assert.throws(() => replay(fixture("nowhere")), RecordingError);
});
