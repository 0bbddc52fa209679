/** What a recorder noted beside its samples, in words. */
import type { PastNote } from "../host/host.ts";
import { durationText } from "../store/time.ts";

const counted = (count: number | undefined, what: string) =>
  `${count ?? "some"} ${what}${count === 1 ? "" : "s"}`;

/** The words of each kind of note. */
const noteWords: Readonly<Record<string, (note: PastNote) => string>> = {
  clock: ({ count = 0 }) =>
    `the wall clock was set ${count < 0 ? "back" : "forward"} by ${durationText(Math.abs(count))}`,
  suspend: ({ count = 0 }) => `the host was suspended for ${durationText(count)}`,
  lost: ({ count = "some", detail = "events" }) => `${count} ${detail} lost`,
  slow: ({ count }) => `the sample took ${count} ms`,
  degraded: ({ detail }) => `samples ${detail}`,
  bundled: ({ count }) => `${counted(count, "ended connection")} only counted`,
  unfollowed: ({ detail = "network namespaces without events" }) => detail,
  disk: ({ count }) => `${counted(count, "row")} lost for want of space`,
  restart: ({ detail }) => detail ?? "the recorder was restarted",
  damaged: ({ detail }) => (detail === undefined ? "later samples are damaged" : `damaged: ${detail}`),
};

/** A note in plain words: `the sample took 617 ms`, `12 events of destroy lost`. */
export function noteText(note: PastNote): string {
  const words = Object.hasOwn(noteWords, note.kind) ? noteWords[note.kind] : undefined;
  const { kind, count, detail } = note;
  return words?.(note) ?? [kind, count, detail].filter((part) => part !== undefined).join(" ");
}
