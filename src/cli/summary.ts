/** `-s`: shows counts of sockets, before or instead of the sockets. */
import type { Host } from "../host/host.ts";
import { systemMessage } from "../native/errno.ts";
import { formatSummary, summaryObject } from "../output/summary.ts";
import { countSockets, establishedOf, type SocketCounts } from "../procfs/sockstat.ts";
import { type ProcFile, type Sources, sourcesOf } from "../procfs/source.ts";
import type { Draft } from "./draft.ts";
import type { Output, World } from "./world.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** More bytes than the kernel's counts of sockets ever have. */
const LIMIT = 1 << 20;

/** ss's message for a file that lacks the value: strerror(ESRCH). */
const NO_VALUE = "No such process";

/** Reads the counts. A file that cannot be read is reported, and its counts are 0. */
function readCounts({ program, stderr }: World, { files }: Host, sources: Sources): SocketCounts {
  const say = (what: string, why: string) => stderr.write(encoder.encode(`${program}: ${what}: ${why}\n`));
  const read = (file: ProcFile, complain: (why: string) => void): string | undefined => {
    const path = sources.path(file);
    try {
      // With a limit, a file is read without node:fs, whose loading takes longer than all the rest.
      return decoder.decode(files.read(path, path.startsWith("/proc/net/") ? { limit: LIMIT } : undefined));
    } catch (error) {
      complain(systemMessage(error));
      return undefined;
    }
  };
  const sockstat = read("sockstat", (why) => say("get_sockstat", why));
  // A host without IPv6 does not have the second file.
  const sockstat6 = sockstat === undefined ? undefined : read("sockstat6", () => undefined);
  const snmp = read("snmp", (why) => say("get_snmpstat", why));
  const established = snmp === undefined ? 0 : establishedOf(snmp);
  if (established === undefined) say("get_snmpstat", NO_VALUE);
  return countSockets(sockstat ?? "", sockstat6 ?? "", established ?? 0);
}

/**
 * Shows the summary. The sockets follow if a table, a family or a filter is given.
 *
 * @param words state words and filter
 * @param showSockets shows the sockets and returns the exit status
 * @returns the exit status
 */
export async function withSummary(
  world: World,
  host: Host,
  draft: Draft,
  words: readonly string[],
  showSockets: (world: World) => Promise<number>,
): Promise<number> {
  const alone = !draft.choice.made && words.length === 0;
  const counts = readCounts(world, host, sourcesOf(world.env));
  const write = (text: string) => world.stdout.write(encoder.encode(text));
  if (draft.format === "table") write(formatSummary(counts));
  else if (draft.format === "json" && !alone) {
    return inDocument(world, JSON.stringify(summaryObject(counts)), showSockets);
  } else write(`${JSON.stringify({ summary: summaryObject(counts) })}\n`);
  return alone ? 0 : showSockets(world);
}

/** Shows summary and sockets as one document; without `sockets` if nothing of them can be shown. */
async function inDocument(
  world: World,
  summary: string,
  showSockets: (world: World) => Promise<number>,
): Promise<number> {
  const write = (text: string) => world.stdout.write(encoder.encode(text));
  let begun = false;
  const stdout: Output = {
    ...world.stdout,
    write(bytes) {
      if (!begun) write(`{"summary":${summary},"sockets":`);
      begun = true;
      world.stdout.write(bytes);
    },
  };
  try {
    return await showSockets({ ...world, stdout });
  } finally {
    write(begun ? "}\n" : `{"summary":${summary}}\n`);
  }
}
