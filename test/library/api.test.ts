/** The library's exports by name, so that no export is added or removed by accident. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as sockscope from "sockscope";

const source = readFileSync(join(import.meta.dirname, "../../src/index.ts"), "utf8");

/** The names in the `export type { … }` of the index. */
const typeNames = Array.from(source.matchAll(/^export type \{([^}]*)\}/gm), ([, names]) => names!.split(","))
  .flat()
  .map((name) => name.trim())
  .filter((name) => name !== "");

test("the values", () => {
  expect(Object.keys(sockscope).sort()).toEqual([
    "DecodeError",
    "FilterError",
    "NetlinkError",
    "RecordingError",
    "destroy",
    "destroyed",
    "formatFilter",
    "machine",
    "netnsList",
    "owners",
    "parseFilter",
    "playedKernel",
    "replay",
    "sockets",
    "socketsAsync",
    "summary",
  ]);
});

test("the types", () => {
  expect(typeNames.sort()).toEqual([
    "Abortable",
    "AmountOperand",
    "BbrInfo",
    "BpfInstruction",
    "BpfStorage",
    "BpfStorages",
    "CgroupOperand",
    "DctcpInfo",
    "DestroyEvent",
    "DeviceOperand",
    "DiagFileProblem",
    "DiagMessage",
    "DumpName",
    "FactOperands",
    "Family",
    "FamilyCounts",
    "Files",
    "Filter",
    "FilterErrorKind",
    "FilterJoin",
    "FilterKeyword",
    "FilterNot",
    "FilterOperands",
    "FilterPosition",
    "FilterPredicate",
    "FilterRelation",
    "HostOperand",
    "InetHost",
    "InetMemInfo",
    "InetSocket",
    "InetSockopt",
    "InetTable",
    "Json",
    "JsonObject",
    "Kind",
    "Machine",
    "MalformedAttribute",
    "MarkOperand",
    "Md5Signature",
    "MptcpInfo",
    "MptcpSubflow",
    "NameProblem",
    "NamedHost",
    "NamespaceProblem",
    "NestedView",
    "NetlinkDiagSocket",
    "NetlinkSocket",
    "Netns",
    "NumberHost",
    "Origin",
    "PacketDiagInfo",
    "PacketDiagRing",
    "PacketFanout",
    "PacketSocket",
    "PatternOperand",
    "Prefix",
    "Problem",
    "ProcInetDetails",
    "ProcNetlinkDetails",
    "ProcTcpDetails",
    "ProcTcpInfo",
    "ProcUnixDetails",
    "ProcessDetails",
    "ReadBound",
    "Recall",
    "SctpInfo",
    "SctpStateName",
    "SelectionOptions",
    "Shutdown",
    "SkMemInfo",
    "Socket",
    "SocketAddress",
    "SocketOwner",
    "SocketsByKind",
    "SocketsOptions",
    "SsOperands",
    "StateName",
    "StructView",
    "Summary",
    "SweepWorker",
    "Table",
    "TcpInfo",
    "Timer",
    "TimerName",
    "TimerOperand",
    "TipcConnection",
    "TipcSocket",
    "TipcSocketNest",
    "TipcStatistics",
    "TlsInfo",
    "Transport",
    "TransportCounts",
    "UlpInfo",
    "UnixHost",
    "UnixSocket",
    "UserOperand",
    "VegasInfo",
    "VsockSocket",
    "XdpDiagInfo",
    "XdpDiagRing",
    "XdpDiagStats",
    "XdpDiagUmem",
    "XdpSocket",
  ]);
});

test("every function is documented with an example", () => {
  const functions = Array.from(source.matchAll(/(\/\*\*(?:(?!\*\/).)*\*\/)?\n?export function (\w+)/gs));
  expect(functions.map(([, , name]) => name)).toHaveLength(10);
  for (const [, doc, name] of functions) expect(doc ?? name).toContain("```ts");
});
