import { expect, test } from "bun:test";
import type { InetSocket } from "../families/inet/socket.ts";
import type { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import type { PacketSocket } from "../families/packet/socket.ts";
import type { UnixSocket } from "../families/unix/socket.ts";
import { demandSet } from "../model/demand.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from "../model/family.ts";
import type { DumpName, Table } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { sourcesOf } from "../procfs/source.ts";
import { listProc, type ProcQuery } from "./procfs.ts";

const families = [AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK];
const every: Table[] = ["unix_stream", "unix_dgram", "unix_seqpacket", "packet_raw", "packet_dgram"];

/** Lists a table from fake files, given by their path below /proc. */
function listed<S>(table: DumpName, files: Record<string, string>, changes: Partial<ProcQuery> = {}): S[] {
  const read = (path: string) => {
    const text = files[path.replace("/proc/net/", "")];
    if (text === undefined) throw new Error("not there");
    return new TextEncoder().encode(text);
  };
  const query: ProcQuery = {
    selection: {
      tables: new Set(every),
      families: new Set(families),
      states: stateGroups.all,
      preferred: undefined,
    },
    families,
    demands: demandSet(["info"]),
    describe: () => ({}),
    accepts: () => true,
    ...changes,
  };
  return [...listProc(read, sourcesOf({}), table, query)].flat() as S[];
}

const tcpHeading = "  sl  local_address rem_address   st\n";
const tcpLine =
  "   2: 010200C0:0016 020200C0:C350 01 00000024:00000005 01:00000017 00000003  1000        7 602 4 ffff88810a5c0880 23 4 29 10 -1\n";
const tcp6Line =
  "   1: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0009 0A 00000000:00000000 02:00057E40 00000001     0        9 605 2 0 22 4 30 10 14 more of it\n";

function portsOf(sockets: readonly InetSocket[]): number[] {
  return sockets.map(({ sport }) => sport);
}

test("a line of /proc/net/tcp becomes the equivalent netlink answer", () => {
  const [socket] = listed<InetSocket>("tcp", { tcp: tcpHeading + tcpLine });
  const { data } = socket!;
  expect(socket).toMatchObject({
    familyNumber: AF_INET,
    stateNumber: 1,
    sport: 22,
    dport: 50000,
    wqueue: 0x24,
    rqueue: 5,
    uid: 1000,
    inode: 602,
    cookie: 0n,
    protocol: 6,
    timer: { name: "on", expiresMs: 230, retransmits: 3 },
  });
  expect(data.getUint32(socket!.sourceOffset)).toBe(0xc0000201);
  expect(data.getUint32(socket!.destinationOffset)).toBe(0xc0000202);
  expect(socket!.procfs).toMatchObject({
    pointer: 0xffff88810a5c0880n,
    tcp: { rto: 23, ato: 4, quick: 29, cwnd: 10, ssthresh: -1 },
  });
  expect(socket!.procfs!.tcp!.info).toEqual({
    retransmits: 3,
    probes: 7,
    rto: 230_000,
    ato: 40_000,
    sndCwnd: 10,
  });
});

test("reads IPv6 addresses as words, counts probes for other timers, and keeps the rest of the line", () => {
  const [socket] = listed<InetSocket>("tcp", { tcp: tcpHeading, tcp6: tcpHeading + tcp6Line });
  const address = new Uint8Array(socket!.data.buffer, socket!.sourceOffset, 16);
  expect([...address]).toEqual([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(socket!.timer).toEqual({ name: "keepalive", expiresMs: 3_600_000, retransmits: 9 });
  const { tcp } = socket!.procfs!;
  expect(new TextDecoder().decode(tcp!.options)).toBe("more of it");
  // A listener's last column is not the threshold.
  expect(tcp!.info).not.toHaveProperty("sndSsthresh");
});

test("the IPv4 file is required if selected, the IPv6 file may be missing", () => {
  const six = { tcp6: tcpHeading + tcp6Line };
  expect(listed<InetSocket>("tcp", six)).toEqual([]);
  expect(portsOf(listed("tcp", six, { families: [AF_INET6] }))).toEqual([443]);
  expect(portsOf(listed("tcp", { tcp: tcpHeading + tcpLine }))).toEqual([22]);
});

test("a malformed line ends its file; a line that is too long for ss ends the table", () => {
  const six = tcpHeading + tcp6Line;
  expect(portsOf(listed("tcp", { tcp: `${tcpHeading}garbage\n${tcpLine}`, tcp6: six }))).toEqual([443]);
  const long = `${" ".repeat(300)}\n`;
  expect(portsOf(listed("tcp", { tcp: tcpHeading + tcpLine + long, tcp6: six }))).toEqual([22]);
  expect(portsOf(listed("tcp", { tcp: tcpHeading + tcpLine + tcpLine.trimEnd(), tcp6: six }))).toEqual([22]);
});

test("selects by state and filter, and each socket keeps its own bytes", () => {
  const lines = Array.from({ length: 1500 }, (_, index) =>
    tcpLine.replace("0016", index.toString(16).padStart(4, "0")),
  );
  const files = { tcp: tcpHeading + lines.join("") };
  const all = portsOf(listed("tcp", files));
  expect(all).toEqual(lines.map((_, index) => index));
  expect(portsOf(listed("tcp", files, { accepts: (socket) => (socket as InetSocket).sport > 1497 }))).toEqual(
    [1498, 1499],
  );
  const selection = { tables: new Set<Table>(), families: new Set(families), states: 1 << 10 };
  expect(listed("tcp", files, { selection: { ...selection, preferred: undefined } })).toEqual([]);
});

test("a raw socket has its protocol in place of the port", () => {
  const raw =
    "    0: 00000000:0001 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 508 2 0261b0d428cf032c 0\n";
  const [socket] = listed<InetSocket>("raw", { raw: tcpHeading + raw });
  expect(socket).toMatchObject({ protocol: 1, rqueue: 0x300, inode: 508 });
  expect(socket!.procfs).toEqual({ pointer: 0x0261b0d428cf032cn });
});

test("unix sockets are sorted by type and inode, 1681 at a time", () => {
  const lines = Array.from(
    { length: 2000 },
    (_, index) => `0: 2 0 0 000${(index % 2) + 1} 01 ${9000 - index} /s/${index}\n`,
  );
  const inodes = listed<UnixSocket>("unix", { unix: `Num\n${lines.join("")}` }).map(({ inode }) => inode);
  expect(inodes.length).toBe(2000);
  expect(inodes.slice(0, 2)).toEqual([7320, 7322]);
  expect(inodes[1681]).toBe(7002);
});

test("a unix socket has its name, its state, and with an old heading its peer", () => {
  const [one, two] = listed<UnixSocket>("unix", {
    unix: "Peer: RcvQueue\n0: 0 5 10000 1 01 7 @a b\nnothing\n7: 1 2 0 1 03 8\n",
  });
  expect(one).toMatchObject({ stateNumber: 10, wqueue: 5, procfs: { peerName: undefined } });
  expect(one!.name).toEqual(Uint8Array.of(0, 0x61));
  expect(two).toMatchObject({ stateNumber: 1, peerInode: 7, rqueue: 1, name: undefined });
  expect(two!.procfs!.peerName).toEqual(Uint8Array.of(0, 0x61));
});

test("packet sockets are selected by type", () => {
  const packet = "sk\nff 3 3 0003 2 1 7 1000 601\nff 3 2 0806 1 1 42 0 520\nnot one\n";
  const tables = new Set<Table>(["packet_dgram"]);
  const selection = { tables, families: new Set(families), states: stateGroups.all, preferred: undefined };
  const found = listed<PacketSocket>("packet", { packet }, { selection });
  expect(found.length).toBe(1);
  expect(found[0]).toMatchObject({ protocol: 0x806, interfaceIndex: 1, rqueue: 42, uid: 0, inode: 520 });
  expect(found[0]!.memory).toBeUndefined();
});

test("netlink sockets have their groups and addresses", () => {
  const netlink = "sk Eth\nffff888100a1b800 15 -4095 80000551 5 7 1 2 0 601\nffff888100a1b800 15 short\n";
  const found = listed<NetlinkDiagSocket>("netlink", { netlink });
  expect(found.length).toBe(1);
  expect(found[0]).toMatchObject({
    protocol: 15,
    portId: -4095,
    groupMask: 0x80000551,
    rqueue: 5,
    wqueue: 7,
    inode: 601,
    procfs: { pointer: 0xffff888100a1b800n, callback: 1n },
  });
});

test("a table that /proc does not have is empty", () => {
  expect(listed("sctp", {})).toEqual([]);
  expect(listed("unix", {})).toEqual([]);
});
