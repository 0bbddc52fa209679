/** Keeps the stream of samples and events open: again after each loss, and not while nobody sees the page. */
import { effect } from "@preact/signals";
import type { Fields, HostInfo, SampleTotals, SocketEvent } from "./answers.ts";
import { authorization, NoAnswer, pathOf, refusalOf, request } from "./api.ts";
import { addEvent, lostEvents, wantsEvents } from "./events-data.ts";
import { requestEarly } from "./rows-data.ts";
import { readMessages } from "./server-events.ts";
import { announcement, fields, heardAt, host, link, now, samples } from "./state.ts";

/** Samples to keep: five minutes at one per second. */
const SAMPLES = 300;
/** Wait before the first and the later attempts, in milliseconds: each one twice as long. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
/** The server sends a comment every five seconds; without anything for so long, the connection is dead. */
const SILENCE = 16_000;
/** A hidden page keeps its connection for so long. */
const HIDDEN = 30_000;

let cut: ((reason: string) => void) | undefined;
let wake: (() => void) | undefined;
let lastId: string | undefined;

/** Whether another attempt is wanted, while one is under way. */
let again = false;

/** Ends the connection, or the wait for the next attempt, so that the next attempt is now. */
export function reconnect(): void {
  again = true;
  cut?.("");
  wake?.();
}

function isVisible(): boolean {
  return document.visibilityState === "visible";
}

function hear(event: string, data: string): void {
  if (event === "sample") {
    const next = JSON.parse(data) as SampleTotals;
    samples.value = [...samples.value.slice(1 - SAMPLES), next];
    heardAt.value = Date.now();
  } else if (event === "event") addEvent(JSON.parse(data) as SocketEvent);
  else if (event === "lost") lostEvents.value += (JSON.parse(data) as { readonly events: number }).events;
}

/** Follows one stream to its end, and returns why it ended. */
async function follow(): Promise<string> {
  const ended = new AbortController();
  let reason = "the server has closed the connection";
  cut = (why) => {
    reason = why;
    ended.abort();
  };
  let heard = Date.now();
  const watch = setInterval(() => {
    if (Date.now() - heard > SILENCE) cut?.("the server is silent");
  }, 1000);
  try {
    const answer = await fetch(pathOf("/api/stream", { events: wantsEvents.peek() }), {
      headers: { ...authorization(), ...(lastId === undefined ? {} : { "Last-Event-ID": lastId }) },
      cache: "no-store",
      signal: ended.signal,
    });
    if (!answer.ok || answer.body === null) throw await refusalOf(answer);
    const heardSome = (): void => {
      heard = Date.now();
    };
    for await (const { event, data, id } of readMessages(answer.body, heardSome)) {
      lastId = id ?? lastId;
      if (link.peek().state !== "live") {
        if (link.peek().state === "lost") announcement.value = "Connected again.";
        link.value = { state: "live" };
      }
      if (event === "bye") return (JSON.parse(data) as { readonly reason: string }).reason;
      hear(event, data);
    }
    return reason;
  } catch (error) {
    if (ended.signal.aborted) return reason;
    throw error;
  } finally {
    clearInterval(watch);
    ended.abort();
  }
}

/** Waits, or until {@link reconnect}, which may have been called already. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    wake = done;
    if (again) done();
    else setTimeout(done, ms);
  });
}

/** Learns what the server is: after a restart it may be another. */
async function greet(): Promise<void> {
  if (host.peek() === undefined) requestEarly();
  const [newHost, newFields] = await Promise.all([
    request<HostInfo>("/api/host"),
    fields.peek() ?? request<Fields>("/api/fields"),
  ]);
  host.value = newHost;
  fields.value = newFields;
}

/** Runs for as long as the page. */
async function stayConnected(): Promise<never> {
  for (let failures = 0; ; ) {
    if (!isVisible())
      await new Promise<void>((seen) =>
        document.addEventListener("visibilitychange", () => seen(), { once: true }),
      );
    const before = link.peek();
    again = false;
    let reason = "";
    try {
      await greet();
      reason = await follow();
    } catch (error) {
      const isGone = error instanceof TypeError || error instanceof NoAnswer;
      reason = isGone ? "the server does not answer" : `${(error as Error).message}`;
      if ((error as { status?: number }).status === 401) {
        link.value = { state: "refused" };
        await pause(2 ** 31 - 1);
        continue;
      }
    }
    if (reason === "") continue;
    failures = link.peek().state === "live" ? 0 : failures + 1;
    const wait = Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT) * (0.75 + Math.random() / 2);
    link.value = { state: "lost", retryAt: Date.now() + wait, reason };
    if (before.state !== "lost") announcement.value = `Connection lost: ${reason}.`;
    await pause(wait);
  }
}

/** Starts the clock and the connection. */
export function connect(): void {
  setInterval(() => {
    now.value = Date.now();
  }, 1000);
  let hide: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hide);
    if (!isVisible()) hide = setTimeout(() => cut?.(""), HIDDEN);
  });
  addEventListener("online", reconnect);
  void stayConnected();
  let first = true;
  effect(() => {
    void wantsEvents.value;
    if (!first) cut?.("");
    first = false;
  });
}
