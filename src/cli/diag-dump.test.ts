import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtures, readCases } from "../../test/golden/cases.ts";
import { liveFiles } from "../host/live.ts";
import { noDemands } from "../model/demand.ts";
import type { Selection, Table } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allParts } from "../query/all-parts.ts";
import { list } from "../query/list.ts";
import { replayHost } from "../replay/host.ts";
import { dumpDiag } from "./diag-dump.ts";
import { parse } from "./options.ts";
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
  const asked = ports(list(host, query));
  expect(asked.length).toBeGreaterThan(2);
  expect(ports(list(host, { ...query, sources: sourcesOf({ TCPDIAG_FILE: all }) }))).toEqual(asked);
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
