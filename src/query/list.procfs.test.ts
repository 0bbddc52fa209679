/** The fallback to /proc: it is read only if netlink does not list a table, and no socket is listed twice. */

import { expect, test } from "bun:test";
import { writeField } from "../bytes/layout.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { PACKET_DIAG_MESSAGE_SIZE, packetAttributes, packetDiagMessage } from "../families/packet/layout.ts";
import type { Socket } from "../families/socket.ts";
import type { Host } from "../host/host.ts";
import { noDemands } from "../model/demand.ts";
import { AF_INET, AF_INET6, AF_PACKET } from "../model/family.ts";
import type { Selection, Table } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { NLMSG_DONE, NLMSG_ERROR, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK } from "../netlink/constants.ts";
import { DUMP_SEQUENCE } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type AttributeToWrite, encodeMessage } from "../netlink/message.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allParts } from "./all-parts.ts";
import { list, type Problem } from "./list.ts";

const EPERM = 1;
const EPROTONOSUPPORT = 93;

/** The numbers of a socket that identify its source. */
type Answer = readonly Uint8Array[];

function message(type: number, payload: Uint8Array, attributes: AttributeToWrite[] = []): Uint8Array {
  return encodeMessage({ type, flags: 0, sequence: DUMP_SEQUENCE, portId: 0 }, payload, attributes);
}

function inet(family: number, port: number): Uint8Array {
  const payload = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  const data = new DataView(payload.buffer);
  writeField(inetDiagMessage.familyNumber, data, 0, family);
  writeField(inetDiagMessage.sport, data, 0, port);
  return message(SOCK_DIAG_BY_FAMILY, payload);
}

function packet(inode: number, attributes: AttributeToWrite[]): Uint8Array {
  const payload = new Uint8Array(PACKET_DIAG_MESSAGE_SIZE);
  writeField(packetDiagMessage.inode, new DataView(payload.buffer), 0, inode);
  return message(SOCK_DIAG_BY_FAMILY, payload, attributes);
}

const done = message(NLMSG_DONE, new Uint8Array(4));
/** NLMSG_DONE of a dump that fails halfway. */
const broken = message(NLMSG_DONE, new Uint8Array(Int32Array.of(-EPERM).buffer));
const refused = message(NLMSG_ERROR, new Uint8Array(Int32Array.of(-EPERM, 0, 0, 0, 0).buffer));

const heading = "sl\n";
const line = (port: number, address: string) => {
  const end = (number: number) => `${address}:${number.toString(16)}`;
  return `0: ${end(port)} ${end(0)} 01 0:0 0:0 0 0 0 5 1 0\n`;
};
const proc: Record<string, string> = {
  "/proc/net/tcp": heading + line(1004, "00000000"),
  "/proc/net/tcp6": heading + line(1006, "00000000000000000000000000000000"),
  "/proc/net/packet": "sk\nff 3 3 0003 2 1 7 1000 1017\n",
};

/** Lists a table from a fake kernel that answers by message type and family. */
function listed(
  table: Table,
  families: readonly number[],
  answers: Record<string, Answer>,
  env: Record<string, string> = {},
  familyByFamily = true,
) {
  const requests: string[] = [];
  const read: string[] = [];
  const problems: Problem[] = [];
  const host: Host = {
    transport: {
      familyByFamily,
      open() {
        if ("socket" in answers) throw new NetlinkError("socket", EPROTONOSUPPORT);
        let left: Uint8Array[] = [];
        return {
          portId: 0,
          send(request) {
            const what = `${request[4]}/${request[16]}`;
            requests.push(what);
            left = [...(answers[what] ?? [refused])];
          },
          receive: () => left.shift() ?? new Uint8Array(0),
          close: () => undefined,
        };
      },
    },
    files: {
      read(path: string) {
        read.push(path);
        if (proc[path] === undefined) throw Object.assign(new Error("not there"), { code: "ENOENT" });
        return new TextEncoder().encode(proc[path]);
      },
    } as unknown as Host["files"],
    resolver: undefined as unknown as Host["resolver"],
    bpf: undefined as unknown as Host["bpf"],
    cgroups: () => undefined,
  };
  const selection: Selection = {
    tables: new Set([table]),
    families: new Set(families),
    states: stateGroups.all,
    preferred: undefined,
  };
  const query = {
    selection,
    demands: noDemands,
    parts: allParts,
    predicate: undefined,
    keep: true,
    sources: sourcesOf(env),
    report: (problem: Problem) => problems.push(problem),
  };
  const sockets = [...list(host, query)].flatMap((batch) => [...batch.sockets]);
  const numbers = sockets.map((socket: Socket) => (socket.kind === "inet" ? socket.sport : socket.inode));
  return { numbers, requests, read, problems: problems.map(({ kind }) => kind) };
}

const both = [AF_INET, AF_INET6];
const dump4 = `${SOCK_DIAG_BY_FAMILY}/${AF_INET}`;
const dump6 = `${SOCK_DIAG_BY_FAMILY}/${AF_INET6}`;
const legacy = `${TCPDIAG_GETSOCK}/${AF_INET}`;

test("a table that netlink lists is not read from /proc", () => {
  const found = listed("tcp", both, {
    [dump4]: [inet(AF_INET, 4), done],
    [dump6]: [inet(AF_INET6, 6), done],
  });
  expect(found).toEqual({ numbers: [4, 6], requests: [dump4, dump6], read: [], problems: [] });
});

test("an empty answer is an answer", () => {
  const found = listed("tcp", both, { [dump4]: [done], [dump6]: [done] });
  expect(found).toMatchObject({ numbers: [], read: [] });
});

test("/proc is read if both kinds of request are refused", () => {
  const found = listed("tcp", both, {});
  expect(found).toMatchObject({ numbers: [1004, 1006], requests: [dump4, legacy], problems: ["refused"] });
});

test("an old kernel answers the legacy request for both families", () => {
  const found = listed("tcp", both, { [legacy]: [inet(AF_INET, 4), inet(AF_INET6, 6), done] });
  expect(found).toEqual({ numbers: [4, 6], requests: [dump4, legacy], read: [], problems: [] });
});

test("sockets listed before a dump failed are not listed again", () => {
  const found = listed("tcp", both, {
    [dump4]: [inet(AF_INET, 4), broken],
    [legacy]: [inet(AF_INET, 4), done],
  });
  expect(found).toMatchObject({ numbers: [4, 1006], requests: [dump4], problems: ["refused"] });
  expect(found.read).toEqual(["/proc/net/tcp6"]);
});

test("only IPv6 is read from /proc if only IPv6 is refused", () => {
  const found = listed("tcp", both, { [dump4]: [inet(AF_INET, 4), done] });
  expect(found).toMatchObject({ numbers: [4, 1006], requests: [dump4, dump6], read: ["/proc/net/tcp6"] });
});

test("falls back to one request per family if the combined request is refused", () => {
  const ask = (answers: Record<string, Answer>) => listed("tcp", both, answers, {}, false);
  expect(ask({ [legacy]: [inet(AF_INET6, 6), inet(AF_INET, 4), done] })).toEqual({
    numbers: [4, 6],
    requests: [legacy],
    read: [],
    problems: [],
  });
  const refusing = { [dump4]: [inet(AF_INET, 4), done] as const, [dump6]: [done] as const };
  expect(ask(refusing)).toMatchObject({ numbers: [4], requests: [legacy, dump4, dump6], read: [] });
  expect(ask({})).toMatchObject({ numbers: [1004, 1006], requests: [legacy, dump4], problems: ["refused"] });
  expect(ask({ [legacy]: [inet(AF_INET6, 6), inet(AF_INET, 4), broken] })).toMatchObject({
    numbers: [4, 6],
    requests: [legacy],
    read: [],
    problems: ["refused"],
  });
});

test("only the selected families are read from /proc", () => {
  expect(listed("tcp", [AF_INET6], {})).toMatchObject({ numbers: [1006], read: ["/proc/net/tcp6"] });
});

test("/proc is read if no netlink socket can be opened", () => {
  const found = listed("tcp", both, { socket: [] });
  expect(found).toMatchObject({ numbers: [1004, 1006], requests: [], problems: ["socket"] });
});

test("/proc is read on an old kernel that does not send the memory of packet sockets", () => {
  const ask = `${SOCK_DIAG_BY_FAMILY}/${AF_PACKET}`;
  const memory = { type: packetAttributes.memInfo.id, payload: new Uint8Array(36) };
  const old = listed("packet_raw", [AF_PACKET], { [ask]: [packet(17, []), done] });
  expect(old).toMatchObject({ numbers: [1017], requests: [ask], problems: [] });
  const young = listed("packet_raw", [AF_PACKET], { [ask]: [packet(17, [memory]), done] });
  expect(young).toMatchObject({ numbers: [17], read: [] });
});

test("a variable disables netlink", () => {
  const path = "/proc/net/tcp6";
  const found = listed("tcp", both, { [dump4]: [inet(AF_INET, 4), done] }, { PROC_NET_TCP: path });
  expect(found).toMatchObject({ numbers: [1006, 1006], requests: [], read: [path, path], problems: [] });
});

test("TCPDIAG_FILE takes precedence, even if the file is missing", () => {
  const env = { TCPDIAG_FILE: "/nowhere", PROC_ROOT: "/proc" };
  const found = listed("tcp", both, { [dump4]: [inet(AF_INET, 4), done] }, env);
  expect(found).toEqual({ numbers: [], requests: [], read: ["/nowhere"], problems: ["diagFile"] });
});
