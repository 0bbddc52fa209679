/** Whatever bytes a message is made of, its row is the same straight from it and from a view. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { roomBytes } from "../../src/bytes/room.ts";
import { OwnerTable } from "../../src/enrich/owner-table.ts";
import type { DirectRows } from "../../src/families/direct-rows.ts";
import { directRows, isDirect } from "../../src/families/inet/direct.ts";
import { infoWriter } from "../../src/families/inet/direct-info.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../../src/families/inet/layouts/inet-diag.ts";
import { writeInetRow } from "../../src/families/inet/row.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import type { Socket } from "../../src/families/socket.ts";
import { directUnixRows } from "../../src/families/unix/direct.ts";
import { UNIX_DIAG_MESSAGE_SIZE, unixAttributes, unixDiagMessage } from "../../src/families/unix/layout.ts";
import { writeUnixRow } from "../../src/families/unix/row.ts";
import { UnixSocket } from "../../src/families/unix/socket.ts";
import type { Netns } from "../../src/host/namespaces.ts";
import { AF_INET, AF_INET6, AF_UNIX, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP } from "../../src/model/family.ts";
import { netnsCell } from "../../src/table/places.ts";
import { ownerCells } from "../../src/table/process.ts";
import type { Names, Style } from "../../src/table/style.ts";
import { Table, type TableColumn } from "../../src/table/table.ts";
import { fixtureMessages, viewOf } from "./fixture-messages.ts";
import { inetFixtures, made, mutated } from "./messages.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const unixFixtures = ["unix", "mixed-500"];

const encoder = new TextEncoder();
/** The owners of sockets: none for some inodes, too many for direct rows for one in sixteen of the others. */
const owners = new OwnerTable();
const holders = ["sshd", "a b)c", "\u0001\u007f\u00e9", "", "n".repeat(80)].map((name, index) =>
  owners.addHolder({
    pid: 10 ** index,
    tid: 10 ** index,
    stat: encoder.encode(`${10 ** index} (${name}) S`),
    processContext: undefined,
    socketContext: () => undefined,
  }),
);
for (let inode = 1; inode < 128; inode++)
  for (let fd = 0; fd < (inode % 16 === 0 ? 300 : inode % 4); fd++)
    owners.add(holders[(inode >> 4) % holders.length]!, fd * 1000, inode);

/** Names with a control character, which a terminal must not get; every other port and cgroup has none. */
const names: Names = {
  useTable: () => {},
  port: (port) => (port % 2 === 0 ? encoder.encode(`service-${port}`) : undefined),
  interface: (index, netns) => encoder.encode(`eth\u001b${netns?.inode ?? ""}${index}`),
  host: () => undefined,
  owners: (inode) => owners.get(inode),
  ownerTable: () => owners,
  peerOwners: () => undefined,
  cgroupOwner: () => undefined,
  netlinkProtocol: () => undefined,
  processStat: () => undefined,
  processContext: () => undefined,
  cgroup: (id) => encoder.encode(id % 2n === 0n ? `/a/\u0007${id}` : `unreachable:${id.toString(16)}`),
  cgroupPath: (id) => (id % 2n === 0n ? encoder.encode(`/a/\u0007${id}`) : undefined),
};

/** Our own namespace, one with a name that a terminal must not get, and one without a name. */
const namespaces: readonly (Netns | undefined)[] = [
  undefined,
  { inode: 4026531840, name: "a\u0007b", pid: undefined },
  { inode: 4026532177, name: undefined, pid: 4711 },
];

const style = fc.record<Style>({
  numeric: fc.boolean(),
  oneline: fc.boolean(),
  timers: fc.boolean(),
  extended: fc.boolean(),
  memory: fc.boolean(),
  info: fc.boolean(),
  escape: fc.boolean(),
  resolve: fc.constant(false),
  tos: fc.constant(false),
  cgroup: fc.constant(false),
  inetSockopt: fc.constant(false),
  tipcinfo: fc.constant(false),
  bpf: fc.constant(false),
  bpfMaps: fc.constant(false),
  bpfMapIds: fc.constant([]),
  threads: fc.constant(false),
  processContext: fc.constant(false),
  socketContext: fc.constant(false),
});

const places: readonly TableColumn[] = ["peerProcess", "container"];
const layout = fc.record({
  hidden: fc
    .subarray<readonly TableColumn[]>([
      ["netns"],
      ["netid"],
      ["state"],
      ["recvQueue", "sendQueue"],
      ["process"],
    ])
    .map((columns) => new Set([...places, ...columns.flat()])),
  header: fc.boolean(),
  screen: fc.constantFrom(undefined, 80, 200),
});

/** A family whose rows are compared. */
interface Compared {
  readonly messages: fc.Arbitrary<Uint8Array>;
  readonly protocols: readonly number[];
  /** Where a message has its inode. */
  readonly inode: number;
  view(bytes: Uint8Array, protocol: number, netns: Netns | undefined): Socket;
  write(table: Table, socket: Socket, style: Style): void;
  rows(table: Table, style: Style, protocol: number, netns: Netns | undefined): DirectRows<Socket>;
}

const originOf = (protocol: number, netns: Netns | undefined) => ({
  protocol,
  netns,
  describe: () => ({}),
});

const inet: Compared = {
  messages: fc.oneof(
    made(INET_DIAG_MESSAGE_SIZE, inetAttributes),
    mutated(
      inetFixtures.flatMap((name) => fixtureMessages(name, INET_DIAG_MESSAGE_SIZE, [AF_INET, AF_INET6])),
      INET_DIAG_MESSAGE_SIZE,
    ),
  ),
  protocols: [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_RAW],
  inode: inetDiagMessage.inode.offset,
  view: (bytes, protocol, netns) => new InetSocket(viewOf(bytes), 0, bytes.length, originOf(protocol, netns)),
  write: (table, socket, style) => writeInetRow(table, socket as InetSocket, style, names),
  rows(table, style, protocol, netns) {
    expect(isDirect(table, style)).toBeTrue();
    const parts = {
      writeRow: (socket: InetSocket) => writeInetRow(table, socket, style, names),
      putInfo: infoWriter(style),
      owners: table.shows.process ? ownerCells(names) : undefined,
      netnsCell: table.shows.netns ? netnsCell : undefined,
    };
    return directRows(table, style, names, protocol, parts, netns);
  },
};

const unix: Compared = {
  messages: fc.oneof(
    made(UNIX_DIAG_MESSAGE_SIZE, unixAttributes),
    mutated(
      unixFixtures.flatMap((name) => fixtureMessages(name, UNIX_DIAG_MESSAGE_SIZE, [AF_UNIX])),
      UNIX_DIAG_MESSAGE_SIZE,
    ),
  ),
  protocols: [0],
  inode: unixDiagMessage.inode.offset,
  view: (bytes, _, netns) => new UnixSocket(viewOf(bytes), 0, bytes.length, originOf(0, netns)),
  write: (table, socket, style) => writeUnixRow(table, socket as UnixSocket, style, names),
  rows: (table, style, _, netns) => directUnixRows(table, style, names)!("unix", netns),
};

/** Fills a table, and gives its text and how many rows `write` said that it wrote. */
function filled(
  options: { hidden: ReadonlySet<TableColumn>; header: boolean; screen: number | undefined },
  write: (table: Table) => void,
): string {
  let text = "";
  const table = new Table({
    ...options,
    write: (bytes) => {
      text += Buffer.from(bytes).toString("latin1");
    },
  });
  write(table);
  table.flush();
  return text;
}

test.each([
  ["inet", inet],
  ["unix", unix],
] as const)("a row straight from an %s message is the row of its view", (_, family) => {
  let direct = 0;
  let all = 0;
  fc.assert(
    fc.property(
      fc.array(family.messages, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...family.protocols),
      style,
      layout,
      fc.nat(255),
      fc.constantFrom(...namespaces),
      (messages, protocol, style, layout, filler, netns) => {
        // Half of the inodes are small, as are those of sockets with owners.
        for (const message of messages)
          if (message[family.inode]! < 128) message.fill(0, family.inode + 1, family.inode + 4);
        const expected = filled(layout, (table) => {
          for (const message of messages) family.write(table, family.view(message, protocol, netns), style);
        });
        const text = filled(layout, (table) => {
          const rows = family.rows(table, style, protocol, netns);
          for (const message of messages) {
            // Other bytes stand around a message: what is read outside of it would show.
            roomBytes.fill(filler, 0, message.length + 64);
            roomBytes.set(message, 32);
            all++;
            if (rows.put(32, message.length)) direct++;
            else rows.write(family.view(message, protocol, netns));
          }
        });
        expect(text).toBe(expected);
      },
    ),
    { numRuns },
  );
  // Half of the messages are malformed or have something rare in them.
  expect(direct).toBeGreaterThan(all / 4);
});

test("styles and columns that direct rows do not support are recognised", () => {
  const table = (shown: readonly TableColumn[]) =>
    new Table({
      hidden: new Set(
        [...places, "netns" as const, "process" as const].filter((column) => !shown.includes(column)),
      ),
      header: false,
      screen: undefined,
      write: () => undefined,
    });
  const [plain] = fc.sample(style, 1);
  expect(isDirect(table([]), plain!)).toBeTrue();
  expect(isDirect(table(["netns", "process"]), plain!)).toBeTrue();
  for (const name of ["threads", "processContext", "socketContext"] as const)
    expect(isDirect(table(["process"]), { ...plain!, [name]: true })).toBeFalse();
  for (const column of places) expect(isDirect(table([column]), plain!)).toBeFalse();
  for (const name of ["resolve", "tos", "cgroup", "inetSockopt", "bpfMaps"] as const)
    expect(isDirect(table([]), { ...plain!, [name]: true })).toBeFalse();
  expect(isDirect(table([]), { ...plain!, bpfMapIds: [1] })).toBeFalse();
});
