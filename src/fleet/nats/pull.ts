/**
 * Pulls the pages of answers in the order of the hosts, a few megabytes at a time, so that neither this process nor the
 * server ever holds more of an answer than that.
 */
import { ProtocolError } from "../protocol.ts";
import { type Collection, credit, finish } from "./collection.ts";
import { type FarHost, isDone, readReady } from "./far-host.ts";
import { MOST_CREDIT } from "./messages.ts";

/** Pages that are on their way, or wait for their turn here: 16 MiB if nothing in them repeats. */
const WINDOW = MOST_CREDIT;
/** When pages that do not come are requested again. Each further request waits twice as long. */
export const STALL_MS = 3000;

/** Reads the pages of a host that have come. */
function readFrom(collection: Collection, far: FarHost): void {
  try {
    if (readReady(far, collection.take)) finish(collection, far);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    far.end = undefined;
    finish(collection, far, `its answer is malformed: ${error.message}`);
  }
}

/** Allows hosts to send, the first of the queue first. */
function grant(collection: Collection): void {
  let room = WINDOW;
  for (const far of collection.queue) {
    room -= far.granted - far.next;
    if (room <= 0) return;
    const { pages } = far.summary!;
    const until = Math.min(pages, far.granted + room);
    // Few large grants, not one for each page.
    if (until === far.granted || (until < pages && until - far.granted < WINDOW / 4)) continue;
    room -= until - far.granted;
    credit(collection, far, far.granted, until);
    far.granted = until;
    far.lastMs = collection.now();
  }
}

/** Reads the pages that have come and whose turn it is, and allows hosts to send more. */
export function pull(collection: Collection): void {
  const { queue } = collection;
  for (let [first] = queue; first !== undefined; [first] = queue) {
    if (!isDone(first)) {
      if (first.granted === first.next) grant(collection);
      readFrom(collection, first);
    }
    if (!isDone(first)) break;
    queue.shift();
  }
  if (collection.isLate) for (const far of queue.splice(0)) readFrom(collection, far);
  else grant(collection);
}

/**
 * Requests pages again that do not come: they were lost with a connection.
 *
 * @param hasReturned whether the connection was lost since the last call
 */
export function rescue(collection: Collection, hasReturned: boolean): void {
  const { queue, now } = collection;
  for (const far of queue) {
    if (isDone(far) || far.granted === far.next || far.early.has(far.next)) continue;
    if (!hasReturned && now() - far.lastMs < STALL_MS * 2 ** far.stalls) continue;
    far.lastMs = now();
    far.stalls++;
    credit(collection, far, far.next, far.granted);
  }
  // Others need not wait for the first.
  const [first] = queue;
  if (first !== undefined && first.stalls > 0 && !isDone(first)) queue.push(queue.shift()!);
}
