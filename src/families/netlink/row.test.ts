import { expect, test } from "bun:test";
import { describers } from "../../catalogue/describe.ts";
import { noNames } from "../../fields/names.ts";
import type { Names, Style } from "../../table/style.ts";
import { Table, type TableColumn } from "../../table/table.ts";
import { NETLINK_DIAG_MESSAGE_SIZE } from "./layout.ts";
import { writeNetlinkRow } from "./row.ts";
import { NetlinkDiagSocket } from "./socket.ts";

const describe = describers(noNames);
const ATTRIBUTE = 16 + NETLINK_DIAG_MESSAGE_SIZE;

/** A socket of protocol 0 and port id 1, with or without two words of memory. */
function socket(withMemory: boolean): NetlinkDiagSocket {
  const data = new DataView(new ArrayBuffer(ATTRIBUTE + 12));
  data.setInt32(16 + 4, 1, true);
  data.setUint16(ATTRIBUTE, 12, true);
  data.setUint32(ATTRIBUTE + 4, 1_000_000, true);
  const length = NETLINK_DIAG_MESSAGE_SIZE + (withMemory ? 12 : 0);
  return new NetlinkDiagSocket(data, 16, length, {
    protocol: 0,
    describe: (each) => describe(each as NetlinkDiagSocket),
  });
}

/** The lines of a table of such sockets, `-nm`, on a screen if that is given. */
function lines(sockets: readonly NetlinkDiagSocket[], process: boolean, screen?: number): string[] {
  let text = "";
  const hidden: TableColumn[] = [
    ...(["netns", "netid", "state", "recvQueue", "sendQueue", "container", "peerProcess"] as const),
  ];
  if (!process) hidden.push("process");
  const table = new Table({
    hidden: new Set(hidden),
    header: false,
    screen,
    write: (bytes) => {
      text += Buffer.from(bytes).toString();
    },
  });
  const style = { numeric: true, memory: true, extended: false } as Style;
  for (const each of sockets) writeNetlinkRow(table, each, style, {} as Names);
  table.flush();
  return text.split("\n").slice(0, -1);
}

const details = " skmem:(r1000000,rb0,t0,tb0,f0,w0,o0)";

test("the details are part of the process cell, after a tab", () => {
  expect(lines([socket(true), socket(false)], true)).toEqual([`0:1 *\t${details}`, "0:1 *\t"]);
});

test("without a process column the details are in the last column, without a tab", () => {
  expect(lines([socket(true), socket(false)], false)).toEqual([
    `0:1 *${details}`,
    `0:1 *${" ".repeat(details.length)}`,
  ]);
});

test("the last row's process cell does not widen the column", () => {
  const [first] = lines([socket(false), socket(true)], true, 20);
  const [widened] = lines([socket(false), socket(true), socket(false)], true, 20);
  expect(first).toHaveLength(20);
  expect(widened).toHaveLength(40);
});
