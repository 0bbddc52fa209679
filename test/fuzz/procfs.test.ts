/** Whatever stands in the files of /proc and in TCPDIAG_FILE, sockets come out of them or the end, and can be shown. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describers } from "../../src/catalogue/describe.ts";
import { readDiagFile } from "../../src/families/inet/diag-file.ts";
import { noNames } from "../../src/fields/names.ts";
import { demandSet } from "../../src/model/demand.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from "../../src/model/family.ts";
import type { DumpName } from "../../src/model/selection.ts";
import { type Table as SocketTable, tables } from "../../src/model/selection.ts";
import { stateGroups } from "../../src/model/state.ts";
import { writeRow } from "../../src/output/row.ts";
import { formatSummary } from "../../src/output/summary.ts";
import { countSockets, establishedOf } from "../../src/procfs/sockstat.ts";
import { type ProcFile, sourcesOf } from "../../src/procfs/source.ts";
import { listProc, type ProcSocket } from "../../src/query/procfs.ts";
import type { Names, Style } from "../../src/table/style.ts";
import { plainStyle } from "../../src/table/style.ts";
import { Table } from "../../src/table/table.ts";
import { fixtures } from "../golden/cases.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const families = [AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK];
const encoder = new TextEncoder();
const describe = describers(noNames);

const name = encoder.encode("name");
const names: Names = {
  useTable: () => undefined,
  port: () => undefined,
  interface: () => name,
  host: () => undefined,
  owners: () => undefined,
  peerOwners: () => undefined,
  cgroupOwner: () => undefined,
  netlinkProtocol: () => undefined,
  processStat: () => undefined,
  processContext: () => undefined,
  cgroup: () => name,
  cgroupPath: () => undefined,
};
const style: Style = {
  ...plainStyle,
  timers: true,
  extended: true,
  memory: true,
  info: true,
  tos: true,
  inetSockopt: true,
  bpf: true,
  escape: true,
};

/** Shows sockets as the table and as JSON. */
function showAll(sockets: Iterable<ProcSocket>): void {
  const table = new Table({
    hidden: new Set(["process"]),
    header: true,
    screen: undefined,
    write: () => undefined,
  });
  for (const socket of sockets) {
    writeRow(table, socket, style, names);
    JSON.stringify(describe(socket));
    expect(socket.malformed).toBeUndefined();
  }
  table.flush();
}

/** A file of a fixture, to be made worse. */
const seed = (path: string) => readFileSync(join(fixtures, path));

/** The bytes of a file with some of them changed, and perhaps cut. */
function damaged(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(Math.max(0, file.length - 1)), fc.nat(255)), { maxLength: 8 });
  return fc.tuple(changes, fc.option(fc.nat(file.length))).map(([changed, end]) => {
    const bytes = file.slice(0, end ?? file.length);
    for (const [at, value] of changed) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
}

/** Text that has the look of the files: numbers, colons and blanks in lines. */
const likely = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        " ",
        ":",
        "\n",
        "\t",
        "-",
        "0",
        "ffffffffffffffffff",
        "01",
        "0A",
        "@",
        "/p",
        "Peer",
        "\0",
      ),
      fc.nat().map((number) => number.toString(16)),
      fc.string({ maxLength: 4, unit: "binary" }),
    ),
    { maxLength: 80 },
  )
  .map((pieces) => encoder.encode(`sl\n${pieces.join("")}`));

const seeds: Record<string, readonly [ProcFile, string][]> = {
  tcp: [
    ["tcp", "proc-net/proc/net/tcp"],
    ["tcp6", "proc-net/proc/net/tcp6"],
  ],
  udp: [
    ["udp", "proc-net/proc/net/udp"],
    ["udp6", "proc-net/proc/net/udp6"],
  ],
  raw: [
    ["raw", "proc-net/proc/net/raw"],
    ["raw6", "proc-net/proc/net/raw6"],
  ],
  unix: [["unix", "proc-net/old-unix"]],
  packet: [["packet", "proc-net/proc/net/packet"]],
  netlink: [["netlink", "proc-net/proc/net/netlink"]],
};

for (const [table, files] of Object.entries(seeds)) {
  const anyFile = (path: string) => fc.oneof(damaged(seed(path)), likely, fc.uint8Array({ maxLength: 400 }));
  const anyFiles = fc.tuple(...files.map(([, path]) => anyFile(path)));

  test(`any files of ${table} yield sockets that can be shown, or none`, () => {
    fc.assert(
      fc.property(anyFiles, fc.integer({ min: 0, max: stateGroups.all }), (contents, states) => {
        const sources = sourcesOf({});
        const read = (path: string) => {
          const index = files.findIndex(([file]) => sources.path(file) === path);
          return contents[index]!;
        };
        const selection = {
          tables: new Set(Object.keys(tables) as SocketTable[]),
          families: new Set(families),
          states,
          preferred: undefined,
        };
        const query = { selection, families, demands: demandSet(["info"]), describe, accepts: () => true };
        showAll([...listProc(read, sources, table as DumpName, query as never)].flat());
      }),
      { numRuns },
    );
  });
}

test("any file of messages yields sockets that can be shown, and ends", () => {
  const origin = { protocol: 6, describe: () => ({}) };
  fc.assert(
    fc.property(fc.oneof(damaged(seed("files/diag")), fc.uint8Array({ maxLength: 400 })), (bytes) => {
      const table = new Table({
        hidden: new Set(["process"]),
        header: true,
        screen: 80,
        write: () => undefined,
      });
      for (const socket of readDiagFile(bytes, origin)) {
        writeRow(table, socket, style, names);
        JSON.stringify(describe(socket));
      }
      table.flush();
    }),
    { numRuns },
  );
});

test("any text of the counters yields a summary", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 200, unit: "binary" }),
    likely.map((bytes) => new TextDecoder().decode(bytes)),
    damaged(seed("proc-net/proc/net/snmp")).map((bytes) => new TextDecoder().decode(bytes)),
    damaged(seed("proc-net/proc/net/sockstat")).map((bytes) => new TextDecoder().decode(bytes)),
  );
  fc.assert(
    fc.property(text, text, text, (sockstat, sockstat6, snmp) => {
      const counts = countSockets(sockstat, sockstat6, establishedOf(snmp) ?? 0);
      expect(formatSummary(counts)).not.toMatch(/NaN|undefined|Infinity/);
    }),
    { numRuns },
  );
});
