import { expect, test } from "bun:test";
import { NETLINK_DIAG_MESSAGE_SIZE } from "../families/netlink/layout.ts";
import { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import { UNIX_DIAG_MESSAGE_SIZE } from "../families/unix/layout.ts";
import { UnixSocket } from "../families/unix/socket.ts";
import type { Netns } from "../host/namespaces.ts";
import { writeRow } from "../output/row.ts";
import type { Names, Style } from "./style.ts";
import { Table, type TableColumn } from "./table.ts";

const netns: Netns = { inode: 7, name: "blue\x1b", pid: 3 };
const origin = { protocol: 0, describe: () => ({}), netns };
const bytes = () => new DataView(new ArrayBuffer(64));
const unix = new UnixSocket(bytes(), 16, UNIX_DIAG_MESSAGE_SIZE, origin);
const netlink = new NetlinkDiagSocket(bytes(), 16, NETLINK_DIAG_MESSAGE_SIZE, origin);

const owner = {
  pid: 5,
  tid: 5,
  fd: 6,
  stat: new TextEncoder().encode("5 (peer) S"),
  processContext: undefined,
  socketContext: undefined,
};
const names = {
  netlinkProtocol: () => undefined,
  owners: () => undefined,
  peerOwners: ({ kind }) => (kind === "unix" ? [owner] : undefined),
  cgroupOwner: () => ({ container: { runtime: "docker", id: "1", name: "w\x07eb" }, unit: undefined }),
} as Partial<Names> as Names;

const optional: readonly TableColumn[] = [
  "netns",
  "netid",
  "state",
  "recvQueue",
  "sendQueue",
  "process",
  "peerProcess",
  "container",
];

/** The lines of a table with the columns that are always there, and some of the others. */
function lines(shown: readonly TableColumn[], style: Partial<Style> = {}): string[] {
  let text = "";
  const table = new Table({
    hidden: new Set(optional.filter((name) => !shown.includes(name))),
    header: true,
    screen: undefined,
    write: (chunk) => {
      text += Buffer.from(chunk).toString("latin1");
    },
  });
  for (const socket of [unix, netlink]) writeRow(table, socket, style as Style, names);
  table.flush();
  return text.trimEnd().split("\n");
}

test("the namespace is the first column", () => {
  expect(lines(["netns", "netid"]).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ["Netns", "Netid"],
    ["blue\x1b", "u_dgr"],
    ["blue\x1b", "nl"],
  ]);
  expect(lines(["netns"])[1]).toStartWith("blue\x1b ");
});

test("peer and container follow the process, in rows of every kind", () => {
  const [header, first, second] = lines(["process", "peerProcess", "container"]);
  expect(header).toMatch(/Process +Peer Process +Container$/);
  expect(first).toEndWith(' users:(("peer",pid=5,fd=6)) docker:w\x07eb');
  expect(second).toEndWith(" docker:w\x07eb");
  for (const line of [first, second]) expect(line!.indexOf("docker")).toBe(header!.indexOf("Container"));
});

test("foreign names send no control characters to a terminal", () => {
  const [, first] = lines(["netns", "container"], { escape: true });
  expect(first).toStartWith("blue\\x1b ");
  expect(first).toEndWith("docker:w\\x07eb");
});
