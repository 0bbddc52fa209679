/** Events that wait until the place and the local port of their socket are known. */
import type { InetSocket } from "../families/inet/socket.ts";
import { SS_CLOSE, SS_SYN_SENT } from "../model/state.ts";
import { type DeferredEvent, type Tracked, UNPLACED } from "./tracked.ts";

/** How long the places are searched for a socket before it counts as being elsewhere. */
const PLACE_WAIT_MS = 2000;
/** How long to wait for further records of a socket before sending a sock_diag request for it. */
const PATIENCE_MS = 50;
/** How long an event waits for the local port. */
const PORT_WAIT_MS = 500;

/** Whether a socket connects and its local port is unknown: the kernel chooses it after the trace record. */
function isPortless({ socket, state }: Tracked): boolean {
  return socket.sport === 0 && state === SS_SYN_SENT;
}

/** The events that wait, with their sockets. */
export class DeferredEvents {
  readonly #emit: (entry: Tracked, event: DeferredEvent) => void;
  readonly #waiting = new Set<Tracked>();
  readonly #portless = new Set<Tracked>();

  /** @param emit takes events that need not wait any longer */
  constructor(emit: (entry: Tracked, event: DeferredEvent) => void) {
    this.#emit = emit;
  }

  /** Takes an event of a trace record: emits it now, or when enough is known. */
  add(entry: Tracked, event: DeferredEvent): void {
    if (entry.ended) return;
    const portless = isPortless(entry);
    if (entry.deferred === undefined && entry.place !== UNPLACED && !portless)
      return void this.#emit(entry, event);
    entry.deferred ??= [];
    entry.deferred.push(event);
    this.#waiting.add(entry);
    if (portless) this.#portless.add(entry);
  }

  /** Emits the events of a socket whose place is known, even without its port. */
  release(entry: Tracked): void {
    const { deferred, place } = entry;
    if (deferred === undefined || place < 0) return;
    this.forget(entry);
    for (const event of deferred) this.#emit(entry, event);
  }

  /** Drops the events of a socket. */
  forget(entry: Tracked): void {
    entry.deferred = undefined;
    this.#waiting.delete(entry);
    this.#portless.delete(entry);
  }

  /**
   * Emits the events that have waited long enough.
   *
   * @param nowMs milliseconds since 1970
   * @param elsewhere takes each socket that is in none of the places
   */
  releaseDue(nowMs: number, elsewhere: (entry: Tracked) => void): void {
    for (const entry of this.#waiting) {
      const waitedMs = nowMs - entry.deferred![0]!.timeMs;
      if (!isPortless(entry) || waitedMs >= PORT_WAIT_MS) this.release(entry);
      if (entry.place === UNPLACED && waitedMs > PLACE_WAIT_MS) {
        this.forget(entry);
        elsewhere(entry);
      }
    }
  }

  /** Sockets whose place must be found, each once. @param nowMs milliseconds since 1970 */
  *unplaced(nowMs: number): Generator<InetSocket> {
    for (const entry of this.#waiting) {
      if (entry.place !== UNPLACED || entry.sought || entry.socket.sport === 0) continue;
      // A socket that ends at once is placed by its end.
      if (nowMs - entry.deferred![0]!.timeMs < PATIENCE_MS) continue;
      if (entry.state === SS_CLOSE) continue;
      entry.sought = true;
      yield entry.socket;
    }
  }

  /** Whether sockets have waited long enough for their local port to list them. @param nowMs milliseconds since 1970 */
  wantsPorts(nowMs: number): boolean {
    for (const entry of this.#portless) {
      if (!isPortless(entry)) this.#portless.delete(entry);
      else if (nowMs - entry.deferred![0]!.timeMs >= PATIENCE_MS) return true;
    }
    return false;
  }
}
