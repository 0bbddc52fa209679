/** `history new`: listeners and peers that were seen for the first time. */
import { escapeText } from "../../../bytes/terminal.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { endpointText } from "../../../model/endpoint.ts";
import { IPPROTO_TCP } from "../../../model/family.ts";
import type { Json } from "../../../model/json.ts";
import type { StoredSighting } from "../../../store/noted.ts";
import type { Span, StoreReader } from "../../../store/reader.ts";
import { timeText } from "../../../store/time.ts";
import { halt } from "../../halt.ts";
import type { Task } from "../command.ts";
import { aligned, writeLines, writeObject } from "./answer.ts";
import { isoTime } from "./coverage.ts";
import type { HistorySettings } from "./settings.ts";
import { usageStop } from "./span.ts";

const kinds: readonly StoredSighting["what"][] = ["listener", "server", "client"];

function netidOf({ protocol }: StoredSighting): string {
  return protocol === IPPROTO_TCP ? "tcp" : "udp";
}

function sightingObject(each: StoredSighting): { readonly [key: string]: Json } {
  const { what, process, address, port, netns, afterMs, firstMs } = each;
  return {
    what,
    ...(process === "" ? {} : { process }),
    netid: netidOf(each),
    address,
    port,
    firstSeen: isoTime(firstMs),
    ...(afterMs === undefined ? {} : { notBefore: isoTime(afterMs) }),
    ...(netns === undefined ? {} : { netns: netns.inode }),
  };
}

/** What was new in a span: first seen in it, and not there when the recorder first looked. */
export function newIn(reader: StoreReader, { fromMs, untilMs }: Span): StoredSighting[] {
  return reader
    .sightings()
    .filter(({ afterMs, firstMs }) => afterMs !== undefined && firstMs >= fromMs && firstMs <= untilMs);
}

/** Shows what is new. Words choose among listeners, servers and clients. @returns the exit status */
export async function showNews(
  task: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
  words: readonly string[],
): Promise<number> {
  const { world, draft } = task;
  const unknown = words.find((word) => !kinds.some((kind) => kind === word));
  if (unknown !== undefined)
    return halt(world, usageStop(world.program, `"${unknown}" is not one of ${kinds.join(", ")}`));
  const found = newIn(reader, span)
    .filter(({ what }) => words.length === 0 || words.includes(what))
    .slice(0, draft.top);
  if (draft.format !== "table") {
    writeObject(task, { new: found.map(sightingObject) }, reader.coverage(span));
    return 0;
  }
  const names = new Set(found.map(({ netns }) => netns?.inode)).size > 1;
  const rows = found.map((each) => [
    timeText(each.firstMs),
    each.what,
    netidOf(each),
    endpointText(each.address, each.port),
    escapeText(each.process === "" ? "-" : each.process),
    names && each.netns !== undefined ? escapeText(netnsLabel(each.netns)) : "",
  ]);
  writeLines(task, aligned(rows));
  return 0;
}
