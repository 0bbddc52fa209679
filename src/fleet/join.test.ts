import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type End, endColumns, readEnd } from "./ends.ts";
import { joinEnds } from "./join.ts";
import { findBetween } from "./pair-rules.ts";

/** An end with addresses as text, `10.0.0.1:80`. */
function end(host: string, local: string, peer: string, facts: Readonly<Record<string, unknown>> = {}): End {
  const of = (text: string) => {
    const at = text.lastIndexOf(":");
    return [text.slice(0, at), Number(text.slice(at + 1))] as const;
  };
  const row: Readonly<Record<string, unknown>> = {
    state: "ESTAB",
    "local.address": of(local)[0],
    "local.port": of(local)[1],
    "peer.address": of(peer)[0],
    "peer.port": of(peer)[1],
    cookie: `${host} ${local} ${peer}`,
    ...facts,
  };
  return readEnd(
    host,
    endColumns.map((name) => (row[name] ?? null) as never),
  )!;
}

describe("joinEnds()", () => {
  test("joins mirrored addresses, and tells the client from the server", () => {
    const client = end("web1", "10.0.0.1:40000", "10.0.0.2:5432");
    const server = end("db1", "::ffff:10.0.0.2:5432", "::ffff:10.0.0.1:40000");
    expect(joinEnds([server, client]).pairs).toEqual([{ client, server }]);
  });

  test("a listener makes an end the server, whatever its port", () => {
    const server = end("a", "10.0.0.1:50000", "10.0.0.2:99");
    const listener = end("a", "0.0.0.0:50000", "0.0.0.0:0", { state: "LISTEN" });
    const client = end("b", "10.0.0.2:99", "10.0.0.1:50000");
    expect(joinEnds([client, listener, server]).pairs).toEqual([{ client, server }]);
  });

  test("loopback is another network on each host and in each namespace", () => {
    const ends = [
      end("a", "127.0.0.1:80", "127.0.0.1:9000"),
      end("b", "127.0.0.1:9000", "127.0.0.1:80"),
      end("a", "127.0.0.1:9000", "127.0.0.1:80", { netns: "x" }),
    ];
    expect(joinEnds(ends)).toMatchObject({ pairs: [], missing: [], ambiguous: [], outside: ends });
    expect(joinEnds([...ends, end("a", "127.0.0.1:9000", "127.0.0.1:80")]).pairs).toHaveLength(1);
  });

  test("never guesses: the same addresses at two sites are ambiguous", () => {
    const ends = [
      end("site1-a", "10.0.0.1:40000", "10.0.0.2:80"),
      end("site1-b", "10.0.0.2:80", "10.0.0.1:40000"),
      end("site2-a", "10.0.0.1:40000", "10.0.0.2:80"),
    ];
    expect(joinEnds(ends)).toMatchObject({ pairs: [], ambiguous: ends });
  });

  test("a peer is missing on the host that has its address, and outside if no host has it", () => {
    const ends = [end("a", "10.0.0.1:40000", "10.0.0.2:80"), end("a", "10.0.0.1:40001", "192.0.2.9:80")];
    const { missing, outside } = joinEnds(ends, { addresses: new Map([["b", ["10.0.0.2"]]]) });
    expect(missing).toEqual([
      { end: ends[0]!, peerHost: "b", target: ends[0]!.peer, mayBeTranslated: false },
    ]);
    expect(outside).toEqual([ends[1]!]);
  });

  test("a socket that is connected to itself is neither", () => {
    const itself = end("a", "10.0.0.1:80", "10.0.0.1:80");
    expect(joinEnds([itself])).toMatchObject({ pairs: [], missing: [], outside: [], ambiguous: [] });
  });

  test("a namespace that is listed twice makes its ends ambiguous", () => {
    const ends = [
      end("a", "10.0.0.1:40000", "10.0.0.2:80", { netns: "blue" }),
      end("a", "10.0.0.1:40000", "10.0.0.2:80", { netns: "pid:77" }),
      end("b", "10.0.0.2:80", "10.0.0.1:40000"),
    ];
    expect(joinEnds(ends)).toMatchObject({ pairs: [], ambiguous: ends });
  });

  test("link-local addresses join without their interfaces, and never on two links", () => {
    const client = end("a", "[fe80::1%eth0]:40000", "[fe80::2%eth0]:80");
    const server = end("b", "[fe80::2%ens3]:80", "[fe80::1%ens3]:40000");
    expect(joinEnds([client, server]).pairs).toEqual([{ client, server }]);
    const elsewhere = end("c", "[fe80::2%eth1]:80", "[fe80::1%eth1]:40000");
    expect(joinEnds([client, server, elsewhere])).toMatchObject({ pairs: [], missing: [] });
    expect(joinEnds([client, server, elsewhere]).ambiguous).toHaveLength(3);
    // No host is missing an end of a link that may be another one.
    expect(joinEnds([client], { addresses: new Map([["b", ["fe80::2"]]]) })).toMatchObject({
      missing: [],
      outside: [client],
    });
  });

  test("IPv4 that one end maps into IPv6 is the same address in listeners and hosts", () => {
    const caller = end("a", "10.0.0.1:40000", "10.0.0.2:80", { state: "SYN-SENT" });
    const listener = end("b", "[::ffff:10.0.0.2]:80", "[::]:0", { state: "LISTEN" });
    const { missing, listenerAt } = joinEnds([caller, listener]);
    expect(missing).toMatchObject([{ end: caller, peerHost: "b" }]);
    expect(listenerAt(missing[0]!.target)).toBe(listener);
  });

  test("the subflows of an MPTCP connection are connections of their own", () => {
    const subflows = [1, 2].flatMap((path) => [
      end("a", `10.0.${path}.1:4000${path}`, `10.0.${path}.2:80`),
      end("b", `10.0.${path}.2:80`, `10.0.${path}.1:4000${path}`),
    ]);
    const { pairs, ambiguous } = joinEnds(subflows);
    expect(pairs.map(({ client, server }) => [client, server])).toEqual([
      [subflows[0]!, subflows[1]!],
      [subflows[2]!, subflows[3]!],
    ]);
    expect(ambiguous).toEqual([]);
  });

  test("among the connections of a random fleet, each pair is right and none is missing", () => {
    const connection = fc.record({
      from: fc.nat(9),
      to: fc.nat(9),
      clientPort: fc.integer({ min: 1024, max: 65535 }),
      serverPort: fc.integer({ min: 1, max: 1023 }),
    });
    const address = (host: number) => `10.0.0.${host + 1}`;
    fc.assert(
      fc.property(
        fc.uniqueArray(connection, {
          selector: ({ from, to, clientPort, serverPort }) => `${from} ${to} ${clientPort} ${serverPort}`,
          maxLength: 60,
        }),
        fc.infiniteStream(fc.nat()),
        (connections, order) => {
          const ends = connections.flatMap(({ from, to, clientPort, serverPort }) => {
            const [client, server] = [`${address(from)}:${clientPort}`, `${address(to)}:${serverPort}`];
            return [end(`h${from}`, client, server), end(`h${to}`, server, client)];
          });
          const shuffled = ends.map((each) => [order.next().value, each] as const);
          const { pairs } = joinEnds(shuffled.sort((a, b) => a[0] - b[0]).map(([, each]) => each));
          expect(pairs).toHaveLength(connections.length);
          for (const { client, server } of pairs) {
            expect([client.local, client.peer]).toEqual([server.peer, server.local]);
            expect(client.local.port).toBeGreaterThan(1023);
          }
        },
      ),
    );
  });
});

describe("findBetween()", () => {
  type Facts = Readonly<Record<string, unknown>>;
  const pair = (client: Facts, server: Facts) =>
    joinEnds([
      end("a", "10.0.0.1:40000", "10.0.0.2:80", { process: "curl", ...client }),
      end("b", "10.0.0.2:80", "10.0.0.1:40000", { process: "nginx", ...server }),
    ]);
  const rulesOf = (before: ReturnType<typeof pair>, now: ReturnType<typeof pair>) =>
    findBetween(before, now, 2).map(({ rule, ends }) => `${rule} ${ends.map(({ host }) => host).join(" ")}`);

  test("segments that are sent again in one direction only are loss in that direction", () => {
    const before = pair({ "tcpInfo.totalRetrans": 5 }, { "tcpInfo.totalRetrans": 7 });
    expect(rulesOf(before, pair({ "tcpInfo.totalRetrans": 9 }, { "tcpInfo.totalRetrans": 7 }))).toEqual([
      "path-loss a b",
    ]);
    expect(rulesOf(before, pair({ "tcpInfo.totalRetrans": 5 }, { "tcpInfo.totalRetrans": 70 }))).toEqual([
      "path-loss b a",
    ]);
    expect(rulesOf(before, before)).toEqual([]);
  });

  test("options that the ends do not agree on", () => {
    const differing = pair({ "tcpInfo.timestamps": true }, { "tcpInfo.timestamps": false });
    expect(rulesOf(differing, differing)).toEqual(["options-differ a b"]);
    const alike = pair({ "tcpInfo.timestamps": true }, { "tcpInfo.timestamps": true });
    expect(rulesOf(alike, alike)).toEqual([]);
  });

  test("ECN, and a window scale that something between changes", () => {
    const options = (ecn: boolean, sndWscale: number, rcvWscale: number) => ({
      "tcpInfo.ecn": ecn,
      "tcpInfo.wscale": true,
      "tcpInfo.sndWscale": sndWscale,
      "tcpInfo.rcvWscale": rcvWscale,
    });
    const found = (client: Facts, server: Facts) => {
      const joined = pair(client, server);
      return findBetween(joined, joined, 2).map(({ title }) => title);
    };
    expect(found(options(true, 7, 10), options(true, 10, 7))).toEqual([]);
    expect(found(options(false, 7, 10), options(true, 10, 7))).toEqual([
      "curl on a and nginx on b disagree on TCP options: ecn",
    ]);
    expect(found(options(true, 7, 10), options(true, 3, 7))).toEqual([
      "curl on a and nginx on b disagree on TCP options: window scale (a sends 10, b uses 3)",
    ]);
  });

  const starved = (facts: Facts = {}) => ({
    "tcpInfo.notsentBytes": 90_000,
    "tcpInfo.sndWndBytes": 5792,
    "tcpInfo.sndCwnd": 100,
    "tcpInfo.sndMssBytes": 1448,
    "tcpInfo.rwndLimitedUs": 0,
    sendq: 95_000,
    ...facts,
  });
  const reader = (facts: Facts) => ({ "tcpInfo.advmssBytes": 1448, recvq: 0, ...facts });
  const between = (client: Facts, later: Facts, server: Facts) =>
    rulesOf(pair(client, server), pair({ ...client, ...later }, server));
  const limited = { "tcpInfo.rwndLimitedUs": 1_000_000 };

  test("a small window of a reader that keeps up is due to its buffer, or to a lack of memory", () => {
    const small = reader({ "memory.rcvbufBytes": 8192, "tcpInfo.rcvSsthreshBytes": 4096 });
    expect(between(starved(), limited, small)).toEqual(["buffer-small b a"]);
    expect(between(starved(), {}, small)).toEqual([]);
    const pressed = reader({ "memory.rcvbufBytes": 6 << 20, "tcpInfo.rcvSsthreshBytes": 5792 });
    expect(between(starved(), limited, pressed)).toEqual(["memory-pressure b a"]);
    const tuned = reader({ "memory.rcvbufBytes": 6 << 20, "tcpInfo.rcvSsthreshBytes": 3 << 20 });
    expect(between(starved(), limited, tuned)).toEqual([]);
    // Four segments of loopback are 256 KiB.
    const loopback = reader({
      "memory.rcvbufBytes": 131_072,
      "tcpInfo.rcvSsthreshBytes": 65_483,
      "tcpInfo.advmssBytes": 65_483,
    });
    expect(between(starved(), limited, loopback)).toEqual([]);
  });

  test("segments that the receiver itself has dropped are not lost on the path", () => {
    const resent = { "tcpInfo.totalRetrans": 100, "tcpInfo.dataSegsOut": 1000 };
    const later = { "tcpInfo.totalRetrans": 160, "tcpInfo.dataSegsOut": 1300 };
    const server = (drops: number) => reader({ "memory.rcvbufBytes": 6 << 20, "memory.drops": drops });
    expect(between(resent, later, server(150))).toEqual(["memory-pressure b a"]);
    expect(between(resent, later, server(20))).toEqual(["path-loss a b"]);
    // What arrived twice was dropped as a copy.
    expect(between({ ...resent, "tcpInfo.dsackDups": 90 }, later, server(100))).toEqual(["path-loss a b"]);
  });

  test("a client that is connected while its listener's queue is full gets no other finding", () => {
    const joined = (backlog: number, client: Facts) =>
      joinEnds([
        end("a", "10.0.0.1:40000", "10.0.0.2:80", { process: "curl", "tcpInfo.retransmits": 5, ...client }),
        end("b", "10.0.0.2:80", "10.0.0.1:40000", { state: "SYN-RECV" }),
        end("b", "0.0.0.0:80", "0.0.0.0:0", { state: "LISTEN", process: "nginx", backlog, maxBacklog: 1 }),
      ]);
    const rules = (backlog: number, client: Facts) =>
      rulesOf(joined(backlog, client), joined(backlog, client));
    expect(rules(2, { sendq: 100 })).toEqual(["accept-queue-full b a b"]);
    expect(rules(0, { sendq: 100 })).toEqual(["path-stuck a b"]);
    // TCP_DEFER_ACCEPT keeps a quiet connection in SYN-RECV.
    expect(rules(2, { sendq: 0 })).toEqual([]);
  });

  test("a queue that is being read is not stuck, nor is one that was empty before", () => {
    const full = pair({ sendq: 9000 }, { recvq: 100_000 });
    expect(rulesOf(full, full)).toEqual(["reader-stuck b a"]);
    expect(rulesOf(full, pair({ sendq: 9000 }, { recvq: 90_000 }))).toEqual([]);
    expect(rulesOf(pair({}, { recvq: 0 }), full)).toEqual([]);
  });

  test("a connection that is new in the second sample is not compared", () => {
    const stuck = pair({}, { recvq: 100_000 });
    expect(rulesOf(joinEnds([]), stuck)).toEqual([]);
    expect(rulesOf(pair({ cookie: "old" }, { recvq: 100_000 }), stuck)).toEqual([]);
  });

  test("a connection that one end has just closed is not half-open", () => {
    const alone = (state: string) =>
      joinEnds([end("a", "10.0.0.1:40000", "10.0.0.2:80", { state })], {
        addresses: new Map([["b", ["10.0.0.2"]]]),
      });
    expect(findBetween(pair({}, {}), alone("ESTAB"), 2)).toEqual([]);
    expect(findBetween(alone("ESTAB"), alone("LAST-ACK"), 2)).toEqual([]);
    expect(findBetween(alone("ESTAB"), alone("ESTAB"), 2).map(({ rule }) => rule)).toEqual(["half-open"]);
  });
});
