/** The map of other hosts: when it is requested, and what it says of hosts that did not answer. */
import { computed, effect, signal } from "@preact/signals";
import type { HostsMapAnswer } from "./answers.ts";
import { request } from "./api.ts";
import { loader } from "./loader.ts";
import { newMemory, remember } from "./map-layout.ts";
import { host, narrow, view } from "./state.ts";

/** Edges to show. */
const TOP = { wide: 40, narrow: 15 };
/** Milliseconds between two requests; shorter while there is no map yet. */
const EVERY_MS = 10_000;
const PENDING_MS = 1000;

/** The newest map. */
export const hostsMap = signal<HostsMapAnswer | undefined>(undefined);
/** Why there is none. */
export const hostsFailure = signal("");
/** Where its nodes are. */
export const hostsMemory = newMemory();

/** How many other hosts there are. */
export function otherHosts(): number {
  return host.value?.mapHosts ?? 0;
}

/** Whether the map shows the other hosts. */
export const showsHosts = computed(() => view.value.hosts === "others" && otherHosts() > 0);

let timer: ReturnType<typeof setTimeout> | undefined;

function isWatched(): boolean {
  return showsHosts.peek() && view.peek().tab === "map" && document.visibilityState === "visible";
}

const load = loader(async (signal) => {
  try {
    const top = narrow.peek() ? TOP.narrow : TOP.wide;
    const next = await request<HostsMapAnswer>("/api/map/hosts", { top }, signal);
    remember(hostsMemory, next);
    hostsMap.value = next;
    hostsFailure.value = "";
  } catch (error) {
    if (signal.aborted) return;
    hostsFailure.value = (error as Error).message;
  }
  clearTimeout(timer);
  const isPending = hostsMap.peek()?.pending === true && hostsFailure.peek() === "";
  timer = setTimeout(refresh, isPending ? PENDING_MS : EVERY_MS);
});

/** Requests the map, as long as somebody watches. */
function refresh(): void {
  if (isWatched()) load.refresh();
}

/** Requests the map of other hosts while it is shown: nothing is sampled otherwise. */
export function followHostsMap(): void {
  effect(() => {
    void [showsHosts.value, view.value.tab];
    clearTimeout(timer);
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
}
