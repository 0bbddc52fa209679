/** What the library exports, by name: nothing comes or goes unnoticed. */
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
    "netnsList",
    "owners",
    "parseFilter",
    "replay",
    "sockets",
    "socketsAsync",
    "summary",
  ]);
});

test("the types", () => {
  expect(typeNames.sort()).toEqual([
    "Abortable",
    "BbrInfo",
    "DctcpInfo",
    "DestroyEvent",
    "DiagMessage",
    "Family",
    "Filter",
    "InetMemInfo",
    "InetSocket",
    "InetSockopt",
    "InetTable",
    "Join",
    "Json",
    "Machine",
    "NetlinkDiagSocket",
    "Netns",
    "Not",
    "PacketSocket",
    "Predicate",
    "Problem",
    "ProcInetDetails",
    "ProcTcpDetails",
    "ProcTcpInfo",
    "ProcUnixDetails",
    "Relation",
    "SctpStateName",
    "SelectionOptions",
    "Shutdown",
    "SkMemInfo",
    "Socket",
    "SocketOwner",
    "SocketsOptions",
    "StateName",
    "Summary",
    "Table",
    "TcpInfo",
    "Timer",
    "TimerName",
    "TipcSocket",
    "UnixSocket",
    "VegasInfo",
    "VsockSocket",
    "XdpSocket",
  ]);
});

test("every function is documented with an example", () => {
  const functions = Array.from(source.matchAll(/(\/\*\*(?:(?!\*\/).)*\*\/)?\n?export function (\w+)/gs));
  expect(functions.map(([, , name]) => name)).toHaveLength(9);
  for (const [, doc, name] of functions) expect(doc ?? name).toContain("```ts");
});
