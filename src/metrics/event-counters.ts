/** Counts events: connections that open, fail and end, and events that were lost. */
import { processName } from "../enrich/processes.ts";
import { type EventKind, eventKinds, type SocketEvent } from "../events/event.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { SS_ESTABLISHED, SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";
import { EndingMemory } from "./ending.ts";
import { nameLabel } from "./label-text.ts";
import type { SampleCounters } from "./sample-counters.ts";
import type { Traffic } from "./traffic.ts";

/** Why a connect failed, as label values, by the words of the event. Other errors are `other`. */
const failureReasons: Readonly<Record<string, string>> = {
  refused: "refused",
  "timed out": "timeout",
  unreachable: "unreachable",
  reset: "reset",
  aborted: "aborted",
  abandoned: "abandoned",
};

/** All label values for the reason of a failed connect. */
export const failures: readonly string[] = [...Object.values(failureReasons), "other", "unknown"];

/** The kinds of event that happen to sockets. */
export const countedKinds = (Object.keys(eventKinds) as EventKind[]).filter(
  (kind) => kind !== "existing" && kind !== "lost" && kind !== "sources",
);

const decoder = new TextDecoder();
/** Names by the content of /proc/PID/stat, which events of one process share. */
const processLabels = new WeakMap<Uint8Array, string>();

/** The process of an event as a label value; undefined if the event has none. */
function processOf({ owners }: SocketEvent): string | undefined {
  const stat = owners?.[0]?.stat;
  if (stat === undefined) return undefined;
  let label = processLabels.get(stat);
  if (label === undefined) {
    label = nameLabel(decoder.decode(processName(stat)));
    processLabels.set(stat, label);
  }
  return label;
}

/** Whether a connection has just begun: a connect was answered, or a socket is first seen as a connection. */
function isEstablished({ kind, oldState, newState }: SocketEvent): boolean {
  if (kind === "state") return oldState === SS_SYN_SENT && newState === SS_ESTABLISHED;
  return kind === "open" && newState !== SS_SYN_SENT;
}

/** Counts events. */
export class EventCounters {
  /** Events by kind. */
  readonly events = new Map<EventKind, number>(countedKinds.map((kind) => [kind, 0]));
  /** Failed connects by the words of {@link failures}. */
  readonly failed = new Map<string, number>(failures.map((reason) => [reason, 0]));
  /** Lost events by source; one where the kernel does not count them. */
  readonly lost = new Map<string, number>();
  readonly #traffic: Traffic;
  readonly #sample: SampleCounters;
  readonly #endings = new EndingMemory();

  /** @param sources the names of the sources of events */
  constructor(traffic: Traffic, sample: SampleCounters, sources: readonly string[]) {
    this.#traffic = traffic;
    this.#sample = sample;
    for (const source of sources) this.lost.set(source, 0);
  }

  /** Counts an event. */
  take(event: SocketEvent, nowMs: number): void {
    const { kind, source, socket, count = 1 } = event;
    if (kind === "lost") this.lost.set(source, (this.lost.get(source) ?? 0) + count);
    const counted = this.events.get(kind);
    if (counted !== undefined) this.events.set(kind, counted + 1);
    if (socket !== undefined && socket.origin.protocol === IPPROTO_TCP) this.#takeTcp(event, socket, nowMs);
  }

  #takeTcp(event: SocketEvent, socket: InetSocket, nowMs: number): void {
    const { kind, oldState, newState, durationMs } = event;
    if (kind === "close") {
      // A socket without a peer was never connected.
      if (socket.dport === 0) return;
      const ending = this.#endings.take(event, socket);
      if (ending === undefined) return;
      const ended = this.#traffic.end(event, socket, processOf(event), this.#sample.ports, nowMs);
      ended.end(ending, durationMs, socket.tcpInfo);
      return;
    }
    this.#endings.note(event, socket);
    if (kind === "failed") {
      const reason = event.failure?.reason;
      const label = reason === undefined ? "unknown" : (failureReasons[reason] ?? "other");
      this.failed.set(label, this.failed.get(label)! + 1);
      this.#traffic.fail(socket, processOf(event), this.#sample.ports, nowMs);
    } else if (kind === "open" && newState === SS_LISTEN)
      this.#sample.listens(socket.sport, processOf(event));
    else if (isEstablished(event) && socket.dport !== 0) {
      const direction = oldState === SS_SYN_SENT ? "outbound" : undefined;
      this.#traffic.kindOf(socket, this.#sample.ports, direction).opened++;
    }
  }
}
