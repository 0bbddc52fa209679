/** Lists sockets from files: /proc/net, and TCPDIAG_FILE. */
import { type DiagFileProblem, readDiagFile } from "../families/inet/diag-file.ts";
import type { Files } from "../host/host.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import type { DumpName } from "../model/selection.ts";
import type { Sources } from "../procfs/source.ts";
import { admits, originOf } from "./common.ts";
import { listProc } from "./procfs.ts";
import type { SocketBatch, TableQuery } from "./query.ts";

/** Lists the families of a table that netlink did not list. */
export function* listFromProc(
  files: Files,
  query: TableQuery,
  sources: Sources,
  name: DumpName,
  families: readonly number[],
): Generator<SocketBatch> {
  const { selection, demands, predicate } = query;
  const found = listProc((path) => files.read(path), sources, name, {
    selection,
    families,
    demands,
    describe: query.describe,
    netns: query.netns,
    accepts: (socket) => predicate?.accepts(socket) ?? true,
  });
  for (const sockets of found) yield { dump: name, sockets };
}

/** Lists TCP sockets from a file of netlink messages. Like ss, ignores the selected states. */
export function* listDiagFile(files: Files, query: TableQuery, path: string): Generator<SocketBatch> {
  const report = (problem: DiagFileProblem) => query.report({ kind: "diagFile", problem });
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
  } catch (cause) {
    // open(2) succeeds on a directory, but read(2) fails.
    report({ what: (cause as NodeJS.ErrnoException).code === "EISDIR" ? "read" : "open", cause });
    return;
  }
  const origin = originOf(query, IPPROTO_TCP);
  const found = readDiagFile(bytes, origin);
  let next = found.next();
  for (; !next.done; next = found.next())
    if (admits(query, next.value)) yield { dump: "tcp", sockets: [next.value] };
  if (next.value !== undefined) report(next.value);
}
