/** `-D`: writes the kernel's raw answers about TCP sockets to a file. */
import { closeSync, writeSync } from "node:fs";
import type { Host } from "../host/host.ts";
import { openOutputFile } from "../host/output-file.ts";
import type { Selection } from "../model/selection.ts";
import { systemMessage } from "../native/errno.ts";
import { teeTransport } from "../netlink/tee.ts";
import { allParts } from "../query/all-parts.ts";
import { list, type Query } from "../query/list.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import type { World } from "./world.ts";

/** Writes all bytes to a descriptor; write(2) may take fewer at a time. */
function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/**
 * Dumps TCP sockets over netlink. As in ss, the filter and the /proc settings are ignored.
 *
 * @param path the file; standard output if it begins with `-`
 * @returns an error that ends the run, if one occurred
 */
export function dumpDiag(
  { program, stdout }: World,
  host: Host,
  path: string,
  selection: Selection,
  { demands, report }: Pick<Query, "demands" | "report">,
): Stop | undefined {
  const fail = (message: string, status: number): Stop => ({ kind: "error", message, usage: false, status });
  if (!selection.tables.has("tcp"))
    return fail(`${program}: tcpdiag dump requested and no tcp in filter.`, 0);
  let fd: number | undefined;
  try {
    if (!path.startsWith("-")) fd = openOutputFile(path);
  } catch (error) {
    return fail(`fopen dump file: ${systemMessage(error)}`, EXIT_USAGE);
  }
  const write = (bytes: Uint8Array) => (fd === undefined ? stdout.write(bytes) : writeFully(fd, bytes));
  const transport = teeTransport(host.transport, write);
  const tcp: Selection = { ...selection, tables: new Set(["tcp"]) };
  try {
    const query: Query = {
      selection: tcp,
      demands,
      predicate: undefined,
      keep: false,
      report,
      parts: allParts,
    };
    for (const _ of list({ ...host, transport }, query));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return undefined;
}
