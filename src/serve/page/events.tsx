/** What happened: sockets that opened, failed, changed their state and closed. */
import { effect, signal, useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { defaultView } from "./address.ts";
import type { SocketEvent } from "./answers.ts";
import { Connections } from "./connections.tsx";
import { endText, filterOf } from "./ends.ts";
import { events, loadEvents, lostEvents } from "./events-data.ts";
import { cellText, clock, duration } from "./format.ts";
import { List, type RowRange } from "./list.tsx";
import { host, narrow, show, view } from "./state.ts";

const ROW = 32;
const NARROW_ROW = 54;

const range = signal<RowRange>({ first: 0, count: 40 });
const failure = signal("");

/** Kinds of events that can be chosen, by what they are called here. */
const kinds = [
  ["", "All kinds"],
  ["open", "Opened"],
  ["failed", "Failed"],
  ["close", "Closed"],
  ["state", "State changes"],
  ["retransmit", "Retransmissions"],
  ["reset", "Resets"],
  ["flow", "Flows"],
] as const;

/** What an event adds to its kind and socket. */
function remark({
  event,
  oldState,
  newState,
  durationMs,
  reason,
  synsSent,
  tcpInfo,
  count,
}: SocketEvent): string {
  const parts: string[] = [];
  if (event === "state") parts.push(`${oldState ?? "–"} → ${newState ?? "–"}`);
  if (reason !== undefined) parts.push(reason);
  if (synsSent !== undefined && synsSent > 1) parts.push(`${synsSent} SYNs`);
  if (event === "failed" && reason === undefined) parts.push("no reason known");
  if (durationMs !== undefined) parts.push(`after ${duration(durationMs / 1000)}`);
  if (tcpInfo !== undefined) {
    const { bytesReceived = 0, bytesAcked = 0 } = tcpInfo;
    parts.push(`↓ ${cellText(bytesReceived, "bytes")}B ↑ ${cellText(bytesAcked, "bytes")}B`);
  }
  if (count !== undefined) parts.push(`${count} events`);
  return parts.join(", ");
}

/** Goes to the socket of an event, or to the sockets of its peer if it is gone. */
function follow(event: SocketEvent): void {
  const filter = filterOf(event);
  if (event.socketId) show({ ...defaultView, filter: filter ?? "", open: event.socketId });
  else if (filter !== undefined) show({ ...defaultView, filter });
}

function EventRow({ event, index }: { readonly event: SocketEvent | undefined; readonly index: number }) {
  if (event === undefined) return <div role="listitem" class="event" />;
  const { time, event: kind, netid, local, peer, processes = [] } = event;
  const owner = processes
    .map(({ comm, pid }) => `${comm ?? "?"}${pid === undefined ? "" : ` ${pid}`}`)
    .join(", ");
  return (
    <div role="listitem" class="event" data-kind={kind} aria-posinset={index + 1}>
      <button type="button" data-step="" onClick={() => follow(event)}>
        <time dateTime={time}>{clock(Date.parse(time))}</time>
        <span class="kind">{kind}</span>
        <span class="netid">{netid}</span>
        <span class="ends">
          {endText(local)} <i>→</i> {endText(peer)}
        </span>
        <span class="owner">{owner}</span>
        <span class="remark">{remark(event)}</span>
      </button>
    </div>
  );
}

/** Loads the kept events when the tab opens. */
export function followEvents(): void {
  effect(() => {
    if (view.value.tab !== "events" || host.value === undefined) return;
    loadEvents().then(
      () => {
        failure.value = "";
      },
      (error: Error) => {
        failure.value = error.message;
      },
    );
  });
}

function LiveEvents() {
  const kind = useSignal("");
  const wanted = useSignal("");
  const held = useSignal<readonly SocketEvent[] | undefined>(undefined);
  const shown = useComputed(() => {
    const words = wanted.value.toLowerCase();
    return (held.value ?? events.value).filter(
      (event) =>
        (kind.value === "" || event.event.startsWith(kind.value)) &&
        (words === "" ||
          `${event.event} ${endText(event.local)} ${endText(event.peer)} ${remark(event)} ${event.processes?.map(({ comm, pid }) => `${comm} ${pid}`)}`
            .toLowerCase()
            .includes(words)),
    );
  });
  const missing = host.value?.events.missing ?? [];
  return (
    <div class="page full">
      <div class="heading">
        <h2>What happened</h2>
        <input
          type="search"
          placeholder="Search the events"
          aria-label="Search the events"
          value={wanted.value}
          onInput={({ currentTarget }) => {
            wanted.value = currentTarget.value;
          }}
        />
        <select
          aria-label="Kind of event"
          value={kind.value}
          onChange={({ currentTarget }) => {
            kind.value = currentTarget.value;
          }}
        >
          {kinds.map(([word, name]) => (
            <option key={word} value={word}>
              {name}
            </option>
          ))}
        </select>
        <button
          type="button"
          aria-pressed={held.value !== undefined}
          onClick={() => {
            held.value = held.value === undefined ? events.value : undefined;
          }}
        >
          {held.value === undefined ? "Hold" : "Go on"}
        </button>
        <output class="matched">
          <b>{shown.value.length}</b> events
        </output>
      </div>
      {lostEvents.value > 0 ? (
        <p class="call" data-severity="warning">
          {lostEvents.value} events were lost, as there were more than could be read in time.
        </p>
      ) : null}
      {missing.map((text) => (
        <p key={text} class="call" data-severity="info">
          {text}
        </p>
      ))}
      {failure.value === "" ? null : (
        <p class="call" data-severity="warning">
          {failure.value}
        </p>
      )}
      <List
        count={shown.value.length}
        rowHeight={narrow.value ? NARROW_ROW : ROW}
        range={range}
        show={-1}
        draw={(index) => {
          const event = shown.value[index];
          return <EventRow key={event?.seq ?? index} event={event} index={index} />;
        }}
        attributes={{ class: "scroller events", role: "list", "aria-label": "Events, newest first" }}
      />
      {shown.value.length === 0 ? <p class="empty">Nothing has happened since this tab was opened.</p> : null}
    </div>
  );
}

/** The tab: events now, or the connections of a past time. */
export function Events() {
  useEffect(() => {
    range.value = { first: 0, count: 40 };
  }, []);
  return view.value.at === "" ? <LiveEvents /> : <Connections />;
}
