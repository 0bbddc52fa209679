/** The events that the page keeps: the newest ones. */
import { computed, signal } from "@preact/signals";
import type { EventsAnswer, SocketEvent } from "./answers.ts";
import { request } from "./api.ts";
import { view } from "./state.ts";

/** Events to keep. */
const MOST = 2000;

/** The kinds of events that the page shows. */
const KINDS = "open,state,failed,close,retransmit,reset,flow,flow-end";

/** The kept events, newest first. */
export const events = signal<readonly SocketEvent[]>([]);

/** Events that were lost, as the kernel or the server dropped them. */
export const lostEvents = signal(0);

/** Whether somebody has opened the tab of events. They cost the host something, so they are not requested before. */
let opened = false;

/** The kinds of events to request; empty for none. */
export const wantsEvents = computed(() => {
  opened ||= view.value.tab === "events";
  return opened ? KINDS : "";
});

/** Events that came since the list was drawn, oldest first. */
let fresh: SocketEvent[] = [];

/** How long events wait for others, in milliseconds: a busy host has hundreds per second. */
const DRAW = 200;

function showFresh(): void {
  const newest = events.peek()[0]?.seq ?? -1;
  const later = fresh.filter(({ seq }) => seq > newest);
  fresh = [];
  if (later.length > 0) events.value = [...later.reverse(), ...events.peek()].slice(0, MOST);
}

/** Adds an event of the stream, unless it is known. */
export function addEvent(event: SocketEvent): void {
  if (fresh.length === 0) setTimeout(showFresh, DRAW);
  fresh.push(event);
  // A page in the background draws seldom.
  if (fresh.length > 2 * MOST) fresh = fresh.slice(-MOST);
}

/** Requests the events that the server has kept. */
export async function loadEvents(signal?: AbortSignal): Promise<void> {
  const answer = await request<EventsAnswer>("/api/events", { limit: 500 }, signal);
  const known = new Set(events.peek().map(({ seq }) => seq));
  const all = [...events.peek(), ...answer.events.filter(({ seq }) => !known.has(seq))];
  events.value = all.sort((a, b) => b.seq - a.seq).slice(0, MOST);
}
