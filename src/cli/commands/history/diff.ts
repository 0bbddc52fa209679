/** `history diff`: what differs between two moments, and what came and went between them. */

import { endpointText } from "../../../model/endpoint.ts";
import { IPPROTO_TCP } from "../../../model/family.ts";
import type { Json } from "../../../model/json.ts";
import { type Change, changesBetween } from "../../../store/changes.ts";
import { STALE_MS } from "../../../store/connections.ts";
import { StoreError } from "../../../store/error.ts";
import type { Moment, Span, StoreReader } from "../../../store/reader.ts";
import { timeText } from "../../../store/time.ts";
import type { Task } from "../command.ts";
import { writeLines, writeObject } from "./answer.ts";
import { isoTime } from "./coverage.ts";
import { newIn } from "./news.ts";
import type { HistorySettings } from "./settings.ts";

/** A change, and whether it was never seen before. */
interface ShownChange extends Change {
  readonly isNew: boolean;
}

function changeLine({ sign, what, netid, end, process, isNew }: ShownChange): string {
  const who = process === undefined ? "" : `  ${process}`;
  return `${sign} ${what.padEnd(10)} ${netid.padEnd(4)} ${end}${who}${isNew ? "  (never seen before)" : ""}`;
}

function changeObject({ sign, what, netid, end, process, isNew }: ShownChange): {
  readonly [key: string]: Json;
} {
  return {
    change: sign === "+" ? "appeared" : "gone",
    what,
    netid,
    end,
    ...(process === undefined ? {} : { process }),
    ...(isNew ? { new: true } : {}),
  };
}

/** Shows the changes between two moments. @throws StoreError if nothing was recorded at one of them */
export async function showChanges(
  task: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
): Promise<number> {
  const momentAt = (ms: number): Moment => {
    const found = reader.moment(ms);
    if (found === undefined || found.wallMs < ms - STALE_MS)
      throw new StoreError(`nothing was recorded at ${timeText(ms)}`);
    return found;
  };
  const before = momentAt(span.fromMs);
  const after = momentAt(span.untilMs);
  // Changes name ends as text. A peer that is a client has no port of its own.
  const news = new Set(
    newIn(reader, span).map(({ what, protocol, address, port }) => {
      const netid = protocol === IPPROTO_TCP ? "tcp" : "udp";
      const end = what === "client" ? endpointText(address, "").slice(0, -1) : endpointText(address, port);
      return `${what === "listener" ? "listener" : "peer"} ${netid} ${end}`;
    }),
  );
  const changes = changesBetween(before, after).map((change) => ({
    ...change,
    isNew: change.sign === "+" && news.has(`${change.what} ${change.netid} ${change.end}`),
  }));
  const between = reader.countBetween({ fromMs: before.wallMs, untilMs: after.wallMs });
  if (task.draft.format !== "table") {
    const object = {
      before: isoTime(before.wallMs),
      after: isoTime(after.wallMs),
      changes: changes.map(changeObject),
      openedAndEnded: between,
    };
    writeObject(task, object, reader.coverage(span));
    return 0;
  }
  writeLines(task, [
    `--- ${timeText(before.wallMs)}`,
    `+++ ${timeText(after.wallMs)}`,
    ...changes.map(changeLine),
    ...(between > 0
      ? [`${between} more ${between === 1 ? "connection" : "connections"} opened and ended between`]
      : []),
  ]);
  return 0;
}
