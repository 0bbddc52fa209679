/** Whatever bytes an inet socket is made of, it is shown, and nothing outside of them is read. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { describers } from "../../src/catalogue/describe.ts";
import type { DiagMessage, Origin } from "../../src/diag/message.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes } from "../../src/families/inet/layouts/inet-diag.ts";
import { writeInetRow } from "../../src/families/inet/row.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import { noNames } from "../../src/fields/names.ts";
import { liveHost } from "../../src/host/live.ts";
import { noDemands } from "../../src/model/demand.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP } from "../../src/model/family.ts";
import { inetTables } from "../../src/model/inet-tables.ts";
import { tables } from "../../src/model/selection.ts";
import { dump } from "../../src/netlink/dump.ts";
import { align4 } from "../../src/netlink/message.ts";
import { allParts } from "../../src/query/all-parts.ts";
import { list } from "../../src/query/list.ts";
import type { Names, Style } from "../../src/table/style.ts";
import { Table } from "../../src/table/table.ts";
import { datagramsOf, dumpEnd, encodeAnswer, playing } from "./conversation.ts";
import { fixtureMessages, viewOf } from "./fixture-messages.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const fixtures = [
  "addresses",
  "bpf-options",
  "dccp",
  "mptcp",
  "raw",
  "sctp",
  "tcp-congestion",
  "tcp-info-kernels",
  "tcp-md5-ulp",
  "tcp-meta",
  "udp",
];

const corpus = fixtures.flatMap((name) => fixtureMessages(name, INET_DIAG_MESSAGE_SIZE));

const describeSocket = describers(noNames);

function origin(protocol: number): Origin {
  return { protocol, describe: (socket: DiagMessage) => describeSocket(socket as InetSocket) };
}

const style: Style = {
  numeric: true,
  resolve: false,
  oneline: false,
  timers: true,
  extended: true,
  memory: true,
  info: true,
  tos: true,
  cgroup: true,
  inetSockopt: true,
  tipcinfo: false,
  bpf: false,
  bpfMaps: true,
  bpfMapIds: [],
  threads: false,
  processContext: false,
  socketContext: false,
  escape: false,
};

const eth0 = Uint8Array.from(Buffer.from("eth0"));
const names: Names = {
  useTable: () => {},
  port: () => undefined,
  interface: () => eth0,
  host: () => undefined,
  owners: () => undefined,
  peerOwners: () => undefined,
  cgroupOwner: () => undefined,
  netlinkProtocol: () => undefined,
  processStat: () => undefined,
  processContext: () => undefined,
  cgroup: () => eth0,
  cgroupPath: () => undefined,
};

/** All that is shown of sockets, one after another in one table. */
function shown(sockets: readonly InetSocket[], options: Partial<Style> = {}): unknown {
  let text = "";
  const table = new Table({
    hidden: new Set(),
    header: false,
    screen: undefined,
    write: (bytes) => {
      text += Buffer.from(bytes).toString("latin1");
    },
  });
  for (const socket of sockets) writeInetRow(table, socket, { ...style, ...options }, names);
  table.flush();
  return { text, json: sockets.map((socket) => socket.toJSON()) };
}

/** A socket whose message is all that its buffer holds: a read outside of it throws. */
function alone(message: Uint8Array, protocol: number): InetSocket {
  const bytes = Uint8Array.from(message);
  return new InetSocket(viewOf(bytes), 0, bytes.length, origin(protocol));
}

/** A socket whose message stands among other bytes: a read outside of it shows them. */
function among(message: Uint8Array, protocol: number, filler: number): InetSocket {
  const bytes = new Uint8Array(message.length + 512).fill(filler);
  bytes.set(message, 256);
  return new InetSocket(viewOf(bytes), 256, message.length, origin(protocol));
}

function check(message: Uint8Array, protocol: number, options: Partial<Style> = {}): void {
  const expected = shown([alone(message, protocol)], options);
  for (const filler of [0x00, 0x01, 0xff])
    expect(shown([among(message, protocol, filler)], options)).toEqual(expected);
}

const protocol = fc.constantFrom<number>(...Object.values(inetTables));
const message = fc.constantFrom(...corpus);
const options = fc.record({
  oneline: fc.boolean(),
  numeric: fc.boolean(),
  escape: fc.boolean(),
  bpfMapIds: fc.constantFrom<number[]>([], [1], [1, 2]),
});

const known = new Set<number>(Object.values(inetAttributes).map(({ id }) => id));

/** An attribute as it stands in a message. */
function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(4 + payload.length));
  const data = viewOf(bytes);
  data.setUint16(0, 4 + payload.length, true);
  data.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

/** Attributes, three levels deep, with numbers that mean something. */
const nest = fc.letrec<{ payload: Uint8Array; attributes: Uint8Array }>((tie) => ({
  payload: fc.oneof({ depthSize: "small" }, fc.uint8Array({ maxLength: 140 }), tie("attributes")),
  attributes: fc
    .array(fc.tuple(fc.nat(12), tie("payload")), { maxLength: 5 })
    .map((list) => Uint8Array.from(list.flatMap(([type, payload]) => [...attribute(type, payload)]))),
}));

test("the corpus has every known attribute of inet sockets except one", () => {
  const seen = new Set(corpus.flatMap((bytes) => attributeStarts(bytes).map(({ type }) => type)));
  const unseen = Object.entries(inetAttributes).flatMap(([name, { id }]) => (seen.has(id) ? [] : name));
  expect(unseen).toEqual(["bpfStorages"]);
});

test("any bytes decode to a socket", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: INET_DIAG_MESSAGE_SIZE, maxLength: 400 }),
      protocol,
      options,
      check,
    ),
    { numRuns },
  );
});

test("any attributes are shown or skipped", () => {
  const attributes = fc.array(fc.tuple(fc.constantFrom(...known), nest.payload), { maxLength: 6 });
  fc.assert(
    fc.property(message, attributes, protocol, options, (bytes, list, protocol, options) => {
      const parts = list.map(([type, payload]) => attribute(type, payload));
      check(Buffer.concat([bytes.subarray(0, INET_DIAG_MESSAGE_SIZE), ...parts]), protocol, options);
    }),
    { numRuns },
  );
});

test("any mutation of a message decodes to a socket", () => {
  const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(message, mutations, protocol, options, (bytes, mutations, protocol, options) => {
      const mutated = bytes.slice();
      for (const [at, byte] of mutations) mutated[at % mutated.length] = byte;
      check(mutated, protocol, options);
    }),
    { numRuns },
  );
});

test("every prefix of a message decodes to a socket or is too short", () => {
  const selection = {
    tables: new Set(["tcp"] as const),
    families: new Set([AF_INET, AF_INET6]),
    states: tables.tcp.states,
    preferred: AF_INET,
  };
  fc.assert(
    fc.property(message, fc.nat(), protocol, options, (bytes, cut, protocol, options) => {
      const prefix = bytes.subarray(0, cut % (bytes.length + 1));
      const socket = playing([encodeAnswer(prefix), dumpEnd]);
      const query = {
        selection,
        demands: noDemands,
        parts: allParts,
        predicate: undefined,
        keep: true,
        report: () => {},
      };
      const host = { ...liveHost(), transport: { open: () => socket } };
      const listed = [...list(host, query)].flatMap(({ sockets }) => sockets);
      expect(listed).toHaveLength(prefix.length < INET_DIAG_MESSAGE_SIZE ? 0 : 1);
      if (listed.length === 1) check(prefix, protocol, options);
    }),
    { numRuns },
  );
});

/** Where each attribute of a message stands, and where the last one ends. */
function attributeStarts(bytes: Uint8Array): { at: number; type: number }[] {
  const data = viewOf(bytes);
  const starts: { at: number; type: number }[] = [];
  for (let at = INET_DIAG_MESSAGE_SIZE; at + 4 <= bytes.length; ) {
    const length = data.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    starts.push({ at, type: data.getUint16(at + 2, true) & 0x3fff });
    at += align4(length);
  }
  return starts;
}

test("an unknown attribute changes nothing else", () => {
  const unknown = fc
    .record({ number: fc.integer({ min: 14, max: 0x3fff }), flags: fc.constantFrom(0, 0x4000, 0x8000) })
    .filter(({ number }) => !known.has(number))
    .map(({ number, flags }) => number | flags);
  fc.assert(
    fc.property(
      message.filter((bytes) => attributeStarts(bytes).length > 0),
      fc.nat(),
      unknown,
      fc.uint8Array({ maxLength: 64 }),
      protocol,
      options,
      (bytes, place, type, payload, protocol, options) => {
        const starts = attributeStarts(bytes);
        const { at } = starts[place % starts.length]!;
        const inserted = Buffer.concat([bytes.subarray(0, at), attribute(type, payload), bytes.subarray(at)]);
        expect(shown([alone(inserted, protocol)], options)).toEqual(shown([alone(bytes, protocol)], options));
      },
    ),
    { numRuns },
  );
});

test("a dump returns the same sockets for any split into datagrams", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(message, fc.boolean()), { maxLength: 100 }),
      fc.boolean(),
      protocol,
      (messages, doneAlone, protocol) => {
        const parts = messages.map(([bytes, split]) => ({ message: encodeAnswer(bytes), split }));
        const datagrams = datagramsOf([...parts, { message: dumpEnd, split: doneAlone }]);
        const socket = playing(datagrams);
        const sockets: InetSocket[] = [];
        for (const { data, count, offsets, lengths } of dump(
          socket,
          new Uint8Array(0),
          (size) => new Uint8Array(size),
        ))
          for (let index = 0; index < count; index++)
            sockets.push(new InetSocket(data, offsets[index]!, lengths[index]!, origin(protocol)));
        expect(socket.received).toBe(datagrams.length);
        expect(shown(sockets)).toEqual(shown(messages.map(([bytes]) => alone(bytes, protocol))));
      },
    ),
    { numRuns: Math.ceil(numRuns / 10) },
  );
});

test("an association is listed below its endpoint", () => {
  const sctp = fixtureMessages("sctp", INET_DIAG_MESSAGE_SIZE).map((bytes) => alone(bytes, inetTables.sctp));
  const count = (sockets: readonly InetSocket[]) =>
    (shown(sockets, { extended: false }) as { text: string }).text.match(/`- /g)?.length ?? 0;
  expect(count(sctp.slice(0, 9))).toBe(8);
  expect(count(sctp.slice(1, 9))).toBe(7);
  expect(count(sctp.slice(0, 1))).toBe(0);
  expect(count(sctp.slice(1, 2))).toBe(0);
  expect(
    count(fixtureMessages("sctp", INET_DIAG_MESSAGE_SIZE).map((bytes) => alone(bytes, IPPROTO_TCP))),
  ).toBe(0);
});
