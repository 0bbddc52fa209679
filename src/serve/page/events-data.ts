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

/** Adds events, unless they are known already. */
export function addEvents(more: readonly SocketEvent[]): void {
  const newest = events.peek()[0]?.seq ?? -1;
  const fresh = more.filter(({ seq }) => seq > newest);
  if (fresh.length > 0) events.value = [...fresh.reverse(), ...events.peek()].slice(0, MOST);
}

/** Requests the events that the server has kept. */
export async function loadEvents(signal?: AbortSignal): Promise<void> {
  const answer = await request<EventsAnswer>("/api/events", { limit: 500 }, signal);
  const known = new Set(events.peek().map(({ seq }) => seq));
  const all = [...events.peek(), ...answer.events.filter(({ seq }) => !known.has(seq))];
  events.value = all.sort((a, b) => b.seq - a.seq).slice(0, MOST);
}
