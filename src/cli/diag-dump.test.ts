import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtures, readCases } from "../../test/golden/cases.ts";
import { writeField } from "../bytes/layout.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { liveFiles } from "../host/live.ts";
import { parseIpv6 } from "../model/address.ts";
import { noDemands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { Selection, Table } from "../model/selection.ts";
import { SS_ESTABLISHED, SS_LISTEN, stateGroups } from "../model/state.ts";
import { NLMSG_DONE, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { encodeMessage } from "../netlink/message.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allParts } from "../query/all-parts.ts";
import { list } from "../query/list.ts";
import { replayHost } from "../replay/host.ts";
import { dumpDiag } from "./diag-dump.ts";
import { parse } from "./parse.ts";
import { run } from "./run.ts";
import { select } from "./select.ts";
import type { World } from "./world.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "diag-dump-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const host = replayHost(join(fixtures, "files"), liveFiles);
const written: Uint8Array[] = [];
const world = {
  program: "ss",
  stdout: { write: (bytes: Uint8Array) => written.push(bytes.slice()) },
} as unknown as World;
const nothing = { demands: noDemands, parts: allParts, report: () => undefined };

/** The selection of a command line. */
function selected(...args: string[]): Selection {
  const { draft } = parse({ program: "ss", args, env: {} });
  const result = select(draft.choice, [], "ss");
  if ("kind" in result) throw new Error("nothing is selected");
  return result.selection;
}

test("a file has the same content as ss's, and can be read back", () => {
  const golden = readCases("files").find(({ writes }) => writes?.["out.diag"] !== undefined)!;
  const path = join(folder, "out.diag");
  expect(dumpDiag(world, host, path, selected("-t"), nothing)).toBeUndefined();
  expect(readFileSync(path).toString("base64")).toBe(golden.writes!["out.diag"]!);

  const query = {
    selection: { ...selected("-t"), tables: new Set<Table>(["tcp"]), states: stateGroups.all },
    demands: noDemands,
    parts: allParts,
    predicate: undefined,
    keep: true,
    report: () => expect.unreachable(),
  };
  const ports = (batches: ReturnType<typeof list>) =>
    [...batches].flatMap(({ sockets }) => sockets.map((socket) => socket.kind === "inet" && socket.sport));
  const all = join(folder, "all.diag");
  dumpDiag(world, host, all, query.selection, nothing);
  const listed = ports(list(host, query));
  expect(listed.length).toBeGreaterThan(2);
  expect(ports(list(replayHost(all, liveFiles), query))).toEqual(listed);
  const firstDump = ports(list(host, { ...query, sources: sourcesOf({ TCPDIAG_FILE: all }) }));
  expect(firstDump.length).toBeGreaterThan(0);
  expect(firstDump).toEqual(listed.slice(0, firstDump.length));
  expect(firstDump.length).toBeLessThan(listed.length);
});

describe("a file of two dumps: four IPv4 sockets, then three IPv6 sockets", () => {
  type End = readonly [address: string, port: number];
  const bytesOf = (address: string) =>
    address.includes(":") ? parseIpv6(address)! : Uint8Array.from(address.split("."), Number);
  const socket = (state: number, [source, sport]: End, [destination, dport]: End) => {
    const payload = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
    const data = new DataView(payload.buffer);
    const family = source.includes(":") ? AF_INET6 : AF_INET;
    for (const [name, value] of Object.entries({ familyNumber: family, stateNumber: state, sport, dport }))
      writeField(inetDiagMessage[name as "sport"], data, 0, value);
    payload.set(bytesOf(source), inetDiagMessage.source.offset);
    payload.set(bytesOf(destination), inetDiagMessage.destination.offset);
    return encodeMessage({ type: SOCK_DIAG_BY_FAMILY, flags: 2, sequence: 123456, portId: 1 }, payload);
  };
  const done = encodeMessage({ type: NLMSG_DONE, flags: 2, sequence: 123456, portId: 1 }, new Uint8Array(4));
  const dumps = [
    socket(SS_LISTEN, ["0.0.0.0", 22], ["0.0.0.0", 0]),
    socket(SS_ESTABLISHED, ["10.0.0.1", 22], ["10.0.0.1", 36266]),
    socket(SS_ESTABLISHED, ["10.0.0.1", 36266], ["10.0.0.1", 22]),
    socket(SS_ESTABLISHED, ["10.0.0.1", 22], ["10.0.0.2", 50312]),
    done,
    socket(SS_LISTEN, ["::", 22], ["::", 0]),
    socket(SS_ESTABLISHED, ["fec0:42::24", 40520], ["fec0:42::1", 22]),
    socket(SS_ESTABLISHED, ["fec0:42::24", 22], ["fec0:42::1", 44248]),
    done,
  ];

  /** The endpoints of each row of `-Htna`. */
  async function rows(args: readonly string[], env: World["env"] = {}): Promise<string[]> {
    let text = "";
    const stdout = { write: (bytes: Uint8Array) => (text += Buffer.from(bytes)), terminalColumns: undefined };
    const stderr = { write: () => expect.unreachable(), terminalColumns: undefined };
    const machine = { ...host, files: liveFiles };
    const status = await run({
      ...world,
      env,
      stdout,
      stderr,
      host: machine,
      args: ["-Htna", ...args],
    } as World);
    expect(status).toBe(0);
    return text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ +/).slice(3).join(" > "));
  }

  const outgoing = "10.0.0.1:36266 > 10.0.0.1:22";
  const listener = "0.0.0.0:22 > 0.0.0.0:*";
  const incoming = "10.0.0.1:22 > 10.0.0.2:50312";
  test.each([
    ["dport = 22", outgoing],
    ["dport 22", outgoing],
    ["( dport = 22 )", outgoing],
    ["src = 0.0.0.0", listener],
    ["src 0.0.0.0", listener],
    ["src 0.0.0.0 sport = 22", listener],
    ["src 0.0.0.0 and sport = 22", listener],
    ["src 10.0.0.1 and sport = 22 and dport = 50312", incoming],
    ["src 10.0.0.1 and sport = 22 and ( dport = 50312 )", incoming],
    ["src 10.0.0.1 and ( sport = 22 and dport = 50312 )", incoming],
    ["( src 10.0.0.1 and sport = 22 ) and dport = 50312", incoming],
    ["( src 0.0.0.0 or src 10.0.0.1 ) and dst 10.0.0.2", incoming],
  ])("TCPDIAG_FILE with %s", async (filter, expected) => {
    const path = join(folder, "two.diag");
    writeFileSync(path, Buffer.concat(dumps));
    expect(await rows([filter], { TCPDIAG_FILE: path })).toEqual([expected]);
  });

  test("--replay reads both dumps", async () => {
    const path = join(folder, "two.diag");
    writeFileSync(path, Buffer.concat(dumps));
    expect((await rows(["--replay", path])).length).toBe(7);
    expect(await rows(["--replay", path, "dport = 22"])).toEqual([
      outgoing,
      "[fec0:42::24]:40520 > [fec0:42::1]:22",
    ]);
  });

  test("--replay refuses a file that is cut", () => {
    const path = join(folder, "cut.diag");
    writeFileSync(path, Buffer.concat(dumps).subarray(0, 100));
    expect(() => replayHost(path, liveFiles)).toThrow("truncated message");
  });
});

test("a name that begins with a dash is standard output", () => {
  written.length = 0;
  expect(dumpDiag(world, host, "-x", selected("-t"), nothing)).toBeUndefined();
  expect(Buffer.concat(written).length).toBeGreaterThan(0);
});

test("opens nothing unless TCP is selected", () => {
  const path = join(folder, "none");
  expect(dumpDiag(world, host, path, selected("-u"), nothing)).toEqual({
    kind: "error",
    message: "ss: tcpdiag dump requested and no tcp in filter.",
    usage: false,
    status: 0,
  });
  expect(() => readFileSync(path)).toThrow();
});

test("a file that cannot be created ends the run", () => {
  expect(dumpDiag(world, host, join(folder, "no/such"), selected("-t"), nothing)).toMatchObject({
    message: "fopen dump file: No such file or directory",
    status: 255,
  });
});
