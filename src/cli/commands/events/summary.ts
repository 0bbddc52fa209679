/** The summary at the end of a run on a terminal: how many events of each kind, and how long it took. */
import { type EventKind, eventKinds, type SocketEvent } from "../../../events/event.ts";

const MS_PER_SECOND = 1000;

/** Counts events. */
export class EventSummary {
  readonly #begunMs: number;
  readonly #counts = new Map<EventKind, number>();
  /** Lost events that the kernel has counted. */
  #lost = 0;

  /** @param nowMs of a steady clock */
  constructor(nowMs: number) {
    this.#begunMs = nowMs;
  }

  /** Counts an event that is shown. */
  add({ kind, count }: SocketEvent): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    if (kind === "lost") this.#lost += count ?? 0;
  }

  /** One line: `7 events in 3.2 s: 2 open, 3 state, 2 close`. @param nowMs of the same clock */
  text(nowMs: number): string {
    const seconds = ((nowMs - this.#begunMs) / MS_PER_SECOND).toFixed(1);
    const kinds = (Object.keys(eventKinds) as EventKind[]).filter(
      (kind) => kind !== "lost" && this.#counts.has(kind),
    );
    const total = kinds.reduce((sum, kind) => sum + this.#counts.get(kind)!, 0);
    const each = kinds.map((kind) => `${this.#counts.get(kind)} ${kind}`).join(", ");
    const text = `${total} ${total === 1 ? "event" : "events"} in ${seconds} s${each === "" ? "" : `: ${each}`}`;
    if (!this.#counts.has("lost")) return text;
    return `${text}; ${this.#lost === 0 ? "an unknown number" : this.#lost} lost`;
  }
}
