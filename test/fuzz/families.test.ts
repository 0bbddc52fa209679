/** Whatever bytes a socket of a family other than inet is made of, it is shown, and nothing outside of them is read. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { describers } from "../../src/catalogue/describe.ts";
import type { AttributeTable } from "../../src/diag/attribute.ts";
import type { DiagMessage, Origin } from "../../src/diag/message.ts";
import type { FamilyDump } from "../../src/families/family-dump.ts";
import { netlinkAttributes } from "../../src/families/netlink/layout.ts";
import { netlinkDump } from "../../src/families/netlink/socket.ts";
import { packetAttributes } from "../../src/families/packet/layout.ts";
import { packetDump } from "../../src/families/packet/socket.ts";
import type { Socket } from "../../src/families/socket.ts";
import { tipcAttributes, tipcSocket, tipcSocketNests } from "../../src/families/tipc/layout.ts";
import { tipcDump } from "../../src/families/tipc/socket.ts";
import { unixAttributes } from "../../src/families/unix/layout.ts";
import { unixDump } from "../../src/families/unix/socket.ts";
import { vsockDump } from "../../src/families/vsock/socket.ts";
import { xdpAttributes } from "../../src/families/xdp/layout.ts";
import { xdpDump } from "../../src/families/xdp/socket.ts";
import { noNames } from "../../src/fields/names.ts";
import type { Kind } from "../../src/model/selection.ts";
import { NLMSG_HDRLEN } from "../../src/netlink/constants.ts";
import { dump } from "../../src/netlink/dump.ts";
import { align4 } from "../../src/netlink/message.ts";
import { writeRow } from "../../src/output/row.ts";
import type { Names, Style } from "../../src/table/style.ts";
import { plainStyle } from "../../src/table/style.ts";
import { Table, tableColumns } from "../../src/table/table.ts";
import { datagramsOf, dumpEnd, encodeAnswer, playing } from "./conversation.ts";
import { fixtureMessages, viewOf } from "./fixture-messages.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

interface Family {
  readonly dump: Pick<FamilyDump<Socket>, "minimum" | "View">;
  readonly attributes: AttributeTable;
  /** Attributes in attributes. */
  readonly nested?: readonly number[];
  /** Attributes that no fixture has, as ss does not ask for them. */
  readonly unseen: readonly string[];
}

const families: { readonly [K in Exclude<Kind, "inet">]: Family } = {
  unix: { dump: unixDump, attributes: unixAttributes, unseen: [] },
  packet: { dump: packetDump, attributes: packetAttributes, unseen: ["mclist"] },
  netlink: { dump: netlinkDump, attributes: netlinkAttributes, unseen: ["rxRing", "txRing", "flags"] },
  vsock: { dump: vsockDump, attributes: {}, unseen: [] },
  tipc: {
    dump: tipcDump,
    attributes: tipcAttributes,
    nested: [...Object.values(tipcSocket), ...Object.values(tipcSocketNests)].map(({ id }) => id),
    unseen: [],
  },
  xdp: { dump: xdpDump, attributes: xdpAttributes, unseen: [] },
};

const header = new Uint8Array(NLMSG_HDRLEN);

const describeSocket = describers(noNames);
const origin: Origin = { protocol: 0, describe: (socket: DiagMessage) => describeSocket(socket as Socket) };

const name = Uint8Array.from(Buffer.from("1 (name) S"));
const names: Names = {
  useTable: () => {},
  port: () => undefined,
  interface: () => name,
  host: () => undefined,
  owners: () => undefined,
  peerOwners: () => undefined,
  cgroupOwner: () => undefined,
  netlinkProtocol: (protocol) => (protocol % 2 === 0 ? name : undefined),
  processStat: (pid) => (pid % 2 === 0 ? name : undefined),
  processContext: (pid) => (pid % 2 === 0 ? name : undefined),
  cgroup: () => name,
  cgroupPath: () => undefined,
};

const style = fc.record<Style>({
  numeric: fc.boolean(),
  resolve: fc.constant(false),
  oneline: fc.boolean(),
  timers: fc.boolean(),
  extended: fc.boolean(),
  memory: fc.boolean(),
  info: fc.boolean(),
  tos: fc.boolean(),
  cgroup: fc.boolean(),
  inetSockopt: fc.boolean(),
  processContext: fc.boolean(),
  socketContext: fc.boolean(),
  tipcinfo: fc.boolean(),
  bpf: fc.boolean(),
  bpfMaps: fc.boolean(),
  bpfMapIds: fc.constant([]),
  threads: fc.boolean(),
  escape: fc.boolean(),
});
const hidden = fc.subarray(tableColumns.map(({ name }) => name)).map((columns) => {
  const set = new Set(columns);
  set.delete("details");
  for (const kept of ["localAddress", "localPort", "peerAddress", "peerPort"] as const) set.delete(kept);
  return set;
});

interface Look {
  readonly style: Style;
  readonly hidden: ReadonlySet<(typeof tableColumns)[number]["name"]>;
}
/** A style that shows all there is. */
const wholeStyle: Style = {
  ...plainStyle,
  timers: true,
  extended: true,
  memory: true,
  info: true,
  tipcinfo: true,
  bpf: true,
  escape: true,
};
const allocate = (size: number) => new Uint8Array(size);

const look = fc.record<Look>({ style, hidden });

/** Reads every getter of a view once, wherever in its class chain it stands. */
function readAll(socket: Socket): void {
  for (let chain = socket; chain !== Object.prototype; chain = Object.getPrototypeOf(chain))
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(chain)))
      if (get !== undefined) Reflect.get(socket, name);
}

/** All that is shown of a socket, twice over, so that the second row has the first one's columns. */
function shown(socket: Socket, { style, hidden }: Look): unknown {
  readAll(socket);
  let text = "";
  const table = new Table({
    hidden,
    header: true,
    screen: undefined,
    write: (bytes) => {
      text += Buffer.from(bytes).toString("latin1");
    },
  });
  for (let row = 0; row < 2; row++) writeRow(table, socket, style, names);
  table.flush();
  return { text, json: JSON.stringify(socket.toJSON()) };
}

for (const [kind, { dump: ofFamily, attributes, nested = [], unseen }] of Object.entries(families)) {
  const { minimum, View } = ofFamily;
  const corpus = fixtureMessages(kind, minimum);
  const message = fc.constantFrom(...corpus);

  /** A socket whose message ends its buffer, behind the netlink header that is never missing. */
  const alone = (bytes: Uint8Array): Socket => {
    const data = viewOf(Uint8Array.from([...header, ...bytes]));
    return new View(data, header.length, bytes.length, origin);
  };

  /** Shows a message behind which a read throws, and one among other bytes, where it shows. */
  const check = (bytes: Uint8Array, look: Look): void => {
    const expected = shown(alone(bytes), look);
    for (const filler of [0x00, 0x01, 0xff]) {
      const room = new Uint8Array(bytes.length + 512).fill(filler);
      room.set(bytes, 256);
      expect(shown(new View(viewOf(room), 256, bytes.length, origin), look)).toEqual(expected);
    }
  };

  const attribute = (type: number, payload: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(align4(4 + payload.length));
    const data = viewOf(bytes);
    data.setUint16(0, 4 + payload.length, true);
    data.setUint16(2, type, true);
    bytes.set(payload, 4);
    return bytes;
  };
  const known = Object.values(attributes).map(({ id }) => id);
  const plain = fc.uint8Array({ maxLength: 64 });
  const listOf = (types: readonly number[], payload: fc.Arbitrary<Uint8Array>) =>
    types.length === 0
      ? fc.constant(new Uint8Array(0))
      : fc
          .array(fc.tuple(fc.constantFrom(...types), payload), { maxLength: 6 })
          .map((list) => new Uint8Array(Buffer.concat(list.map((each) => attribute(...each)))));
  const payload = fc.oneof(plain, listOf(nested, fc.oneof(plain, listOf([0, 1, 2, 3, 4, 5], plain))));

  test(`${kind}: the fixture has every requested attribute`, () => {
    expect(corpus.length).toBeGreaterThan(3);
    const seen = new Set<number>();
    for (const bytes of corpus) {
      const data = viewOf(bytes);
      for (let at = minimum; at + 4 <= bytes.length; at += align4(data.getUint16(at, true)))
        seen.add(data.getUint16(at + 2, true));
    }
    expect(Object.keys(attributes).filter((name) => !seen.has(attributes[name]!.id))).toEqual([...unseen]);
  });

  test(`${kind}: any bytes decode to a socket`, () => {
    const bytes = fc.uint8Array({ minLength: minimum, maxLength: 300 });
    fc.assert(fc.property(bytes, look, check), { numRuns });
  });

  test(`${kind}: any attributes are shown or skipped`, () => {
    fc.assert(
      fc.property(message, listOf(known, payload), look, (bytes, list, look) =>
        check(Buffer.concat([bytes.subarray(0, minimum), list]), look),
      ),
      { numRuns },
    );
  });

  test(`${kind}: any mutation of a message decodes to a socket`, () => {
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(message, mutations, look, (bytes, mutations, look) => {
        const mutated = bytes.slice();
        for (const [at, byte] of mutations) mutated[at % mutated.length] = byte;
        check(mutated, look);
      }),
      { numRuns },
    );
  });

  test(`${kind}: every prefix of a message decodes to a socket`, () => {
    fc.assert(
      fc.property(message, fc.nat(), look, (bytes, cut, look) =>
        check(bytes.subarray(0, minimum + (cut % (bytes.length - minimum + 1))), look),
      ),
      { numRuns },
    );
  });

  test(`${kind}: an unknown attribute changes nothing`, () => {
    const unknown = fc.integer({ min: 20, max: 0x3fff });
    fc.assert(
      fc.property(message, unknown, plain, look, (bytes, type, payload, look) => {
        const more = Buffer.concat([
          bytes.subarray(0, minimum),
          attribute(type, payload),
          bytes.subarray(minimum),
        ]);
        expect(shown(alone(more), look)).toEqual(shown(alone(bytes), look));
      }),
      { numRuns },
    );
  });

  test(`${kind}: a dump returns the same sockets for any split into datagrams`, () => {
    const everything: Look = { style: wholeStyle, hidden: new Set() };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(message, fc.boolean()), { maxLength: 40 }),
        fc.boolean(),
        (messages, doneAlone) => {
          const parts = messages.map(([bytes, split]) => ({ message: encodeAnswer(bytes), split }));
          const datagrams = datagramsOf([...parts, { message: dumpEnd, split: doneAlone }]);
          const sockets: unknown[] = [];
          for (const { data, count, offsets, lengths } of dump(
            playing(datagrams),
            new Uint8Array(0),
            allocate,
          ))
            for (let index = 0; index < count; index++)
              sockets.push(shown(new View(data, offsets[index]!, lengths[index]!, origin), everything));
          expect(sockets).toEqual(messages.map(([bytes]) => shown(alone(bytes), everything)));
        },
      ),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });
}
