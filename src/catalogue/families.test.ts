import { expect, test } from "bun:test";
import type { FamilyDump } from "../families/family-dump.ts";
import { netlinkDump } from "../families/netlink/socket.ts";
import { packetDump } from "../families/packet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { tipcDump } from "../families/tipc/socket.ts";
import { vsockDump } from "../families/vsock/socket.ts";
import { xdpDump } from "../families/xdp/socket.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import { describers } from "./describe.ts";

/** The socket of a message in hexadecimal, one field or attribute per line, behind the netlink header. */
function json(
  { View }: Pick<FamilyDump<Socket>, "View">,
  fields: readonly string[],
  names: Partial<NameSource> = {},
): unknown {
  const bytes = Buffer.from(`${"00".repeat(16)}${fields.join("").replaceAll(" ", "")}`, "hex");
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const describe = describers({ ...noNames, ...names });
  const socket = new View(data, 16, bytes.length - 16, {
    protocol: 0,
    describe: (socket) => describe(socket as Socket),
  });
  return socket.toJSON();
}

const text = (text: string) => Uint8Array.from(Buffer.from(text));

test("packet: an AF_PACKET socket with all its attributes", () => {
  const fields = [
    "11 03 0300 2aa00000 5544332211000000", // family, SOCK_RAW, ETH_P_ALL, inode, cookie
    "1c00 0000 02000000 02000000 04000000 ffff0000 00000000 25000000", // PACKET_DIAG_INFO: flags 0x25
    "2000 0200 00000200 1f000000 50000100 1e000000 0a000000 08000000 01000000", // PACKET_DIAG_RX_RING
    "0800 0400 efbe 0700", // PACKET_DIAG_FANOUT: id, PACKET_FANOUT_EBPF
    "0800 0500 00000000", // PACKET_DIAG_UID
    "0c00 0600 00030000 01000000", // PACKET_DIAG_MEMINFO, cut after two words
    "0c00 0700 1500 00 03 00080000", // PACKET_DIAG_FILTER
  ];
  expect(json(packetDump, fields, { interface: (index) => text(`eth${index}`) })).toEqual({
    netid: "packet",
    family: "link",
    type: "raw",
    protocol: 3,
    protocolName: "all",
    state: "UNCONN",
    recvQueueBytes: 768,
    local: { interface: "eth2", interfaceIndex: 2 },
    uid: 0,
    inode: 41002,
    cookie: "0x1122334455",
    info: {
      version: 2,
      reserveBytes: 4,
      copyThreshBytes: 65535,
      timestamp: 0,
      flags: 0x25,
      running: true,
      auxdata: false,
      origdev: true,
      vnethdr: false,
      loss: false,
    },
    rxRing: {
      blockSizeBytes: 131072,
      blocks: 31,
      frameSizeBytes: 65616,
      frames: 30,
      retireTimeoutMs: 10,
      privateSizeBytes: 8,
      features: 1,
    },
    fanout: { id: 48879, type: "ebpf" },
    filter: [{ code: 21, jt: 0, jf: 3, k: 2048 }],
    memory: { rmemAllocBytes: 768, rcvbufBytes: 1 },
  });
});

test("packet: unsent values are absent, unknown numbers are `unknown(N)`", () => {
  expect(json(packetDump, ["11 0a ffff 01000000 0000000000000000", "0800 0400 0100 0680"])).toEqual({
    netid: "packet",
    family: "link",
    type: "unknown(10)",
    protocol: 65535,
    state: "UNCONN",
    inode: 1,
    fanout: { id: 1, type: "unknown(32774)" },
  });
});

const netlinkFields = [
  "10 03 00 01 10100000 12100000 05000000 19790000 ffffffffffffffff", // SOCK_RAW, protocol 0, connected
  "1000 0100 01000080 00000000 01000000", // NETLINK_DIAG_GROUPS: 1, 32, 65
];

test("netlink: groups beyond 32, whole process names, contexts", () => {
  const names = {
    netlinkProtocol: () => text("rtnl"),
    processStat: (pid: number) => text(`${pid} (par)en) S`),
    processContext: (pid: number) => text(`user_u:${pid}`),
  };
  expect(json(netlinkDump, netlinkFields, names)).toEqual({
    netid: "netlink",
    family: "netlink",
    type: "raw",
    protocol: 0,
    protocolName: "rtnl",
    state: "UNCONN",
    connected: true,
    local: { portId: 4112, process: "par)en", processContext: "user_u:4112" },
    peer: { group: 5, portId: 4114 },
    groups: [1, 32, 65],
    inode: 31001,
    cookie: "0xffffffffffffffff",
  });
});

test("netlink: no port id, no peer, no names", () => {
  expect(json(netlinkDump, ["10 02 1f 00 ffffffff 07000000 01000000 00000000 0000000000000000"])).toEqual({
    netid: "netlink",
    family: "netlink",
    type: "dgram",
    protocol: 31,
    state: "UNCONN",
    connected: false,
    inode: 0,
  });
});

test("vsock: an unspecified end is absent", () => {
  const fields = ["28 05 0a 01 ffffffff 00040000 ffffffff ffffffff 39c70000 0100000000000000"];
  expect(json(vsockDump, fields)).toEqual({
    netid: "vsock",
    family: "vsock",
    type: "seqpacket",
    state: "LISTEN",
    local: { port: 1024 },
    inode: 51001,
    cookie: "0x1",
    shutdown: { receive: true, send: false },
  });
});

test("tipc: attributes in nests", () => {
  const fields = [
    "7c00 0200", // TIPC_NLA_SOCK
    "0800 0600 05000000  0800 0900 01000000", // type, state
    "0800 0700 4bee0000  0800 0800 e8030000", // inode, uid
    "0c00 0a00 0000000000010000", // cookie
    "0800 0100 01100001  0800 0200 005ed0b2", // node, ref
    "2000 0300 0400 0100  0800 0200 02100001  0800 0400 c8490000  0800 0500 11000000", // connection without ref
    "1800 0500 0800 0000 02000000  0400 0200  0800 0400 ffffffff", // statistics: rqueue, link congestion, drops
    "0400 0400", // published
  ];
  expect(json(tipcDump, fields)).toEqual({
    netid: "tipc",
    family: "tipc",
    type: "seqpacket",
    state: "ESTAB",
    recvQueuePackets: 2,
    local: { node: 16781313, ref: 3000000000 },
    peer: { node: 16781314, serviceType: 18888, serviceInstance: 17 },
    uid: 1000,
    inode: 61003,
    cookie: "0x10000000000",
    published: true,
    congestion: { link: true, connection: false },
    drops: 4294967295,
  });
});

test("tipc: an empty nest", () => {
  expect(json(tipcDump, ["0400 0200"])).toEqual({ netid: "tipc", family: "tipc", published: false });
});

test("xdp: a bound socket", () => {
  const fields = [
    "2c 03 0000 5a150100 7700000000000000",
    "0c00 0100 05000000 3f000000", // XDP_DIAG_INFO
    "0800 0200 e8030000", // XDP_DIAG_UID
    "0800 0300 40000000", // XDP_DIAG_RX_RING
    "2c00 0500 0000000100000000 02000000 00100000 00080000 00010000 05000000 3f000000 03000000 09000000",
    "0800 0600 01000000", // XDP_DIAG_UMEM_FILL_RING
    "1400 0900 0100000000000000 0200000000000000", // XDP_DIAG_STATS, cut after two counters
  ];
  expect(json(xdpDump, fields)).toEqual({
    netid: "xdp",
    family: "xdp",
    type: "raw",
    state: "UNCONN",
    local: { interfaceIndex: 5, queue: 63 },
    uid: 1000,
    inode: 71002,
    cookie: "0x77",
    rxRing: { entries: 64 },
    umem: {
      sizeBytes: 16777216,
      id: 2,
      pages: 4096,
      chunkSizeBytes: 2048,
      headroomBytes: 256,
      interfaceIndex: 5,
      queueId: 63,
      zeroCopy: true,
      references: 9,
    },
    fillRing: { entries: 1 },
    stats: { rxDropped: 1, rxInvalid: 2 },
  });
});

test("xdp: a socket that is not bound has no queue", () => {
  const fields = ["2c 03 0000 5d150100 0000000000000000", "0c00 0100 00000000 07000000"];
  expect(json(xdpDump, fields)).not.toHaveProperty("local");
});
