/** Events that wait until enough is known of their socket: where it is, and the local port that the kernel gives it. */
import type { InetSocket } from "../families/inet/socket.ts";
import { SS_CLOSE, SS_SYN_SENT } from "../model/state.ts";
import { ELSEWHERE, type HeldEvent, type Tracked, UNPLACED } from "./tracked.ts";

/** How long a socket is looked for in the places before it counts as one of another. */
const PLACE_WAIT_MS = 2000;
/** How long a socket of the trace may take to tell by itself what is not known of it yet. */
const PATIENCE_MS = 50;
/** How long an open event waits for the local port. */
const PORT_WAIT_MS = 500;

/** Whether a socket connects, and its local port is not known yet: the kernel chooses it after the trace has told. */
function isPortless({ socket, state }: Tracked): boolean {
  return socket.sport === 0 && state === SS_SYN_SENT;
}

/** The events that wait. */
export class HeldEvents {
  readonly #emit: (entry: Tracked, event: HeldEvent) => void;
  readonly #holding = new Set<Tracked>();
  readonly #portless = new Set<Tracked>();

  /** @param emit takes events that wait no more */
  constructor(emit: (entry: Tracked, event: HeldEvent) => void) {
    this.#emit = emit;
  }

  /** Takes an event that the trace tells of: it is emitted now, or when enough is known. */
  take(entry: Tracked, event: HeldEvent): void {
    if (entry.place === ELSEWHERE || entry.ended) return;
    const portless = isPortless(entry);
    if (entry.held === undefined && entry.place !== UNPLACED && !portless)
      return void this.#emit(entry, event);
    entry.held ??= [];
    entry.held.push(event);
    this.#holding.add(entry);
    if (portless) this.#portless.add(entry);
  }

  /** Emits what waits for a socket whose place is known, be its port or not. */
  release(entry: Tracked): void {
    const { held, place } = entry;
    if (held === undefined || place < 0) return;
    this.forget(entry);
    for (const event of held) this.#emit(entry, event);
  }

  /** Drops what waits for a socket. */
  forget(entry: Tracked): void {
    entry.held = undefined;
    this.#holding.delete(entry);
    this.#portless.delete(entry);
  }

  /**
   * Emits what has waited long enough.
   *
   * @param nowMs milliseconds since 1970
   * @param elsewhere takes each socket that is in none of the places
   */
  settle(nowMs: number, elsewhere: (entry: Tracked) => void): void {
    for (const entry of this.#holding) {
      const waitedMs = nowMs - entry.held![0]!.timeMs;
      if (!isPortless(entry) || waitedMs >= PORT_WAIT_MS) this.release(entry);
      if (entry.place === UNPLACED && waitedMs > PLACE_WAIT_MS) {
        this.forget(entry);
        elsewhere(entry);
      }
    }
  }

  /** Sockets whose place the trace does not tell: each once. @param nowMs milliseconds since 1970 */
  *unplaced(nowMs: number): Generator<InetSocket> {
    for (const entry of this.#holding) {
      if (entry.place !== UNPLACED || entry.sought || entry.socket.sport === 0) continue;
      // The end of one that ends at once tells it without being asked.
      if (nowMs - entry.held![0]!.timeMs < PATIENCE_MS) continue;
      if (entry.state === SS_CLOSE) continue;
      entry.sought = true;
      yield entry.socket;
    }
  }

  /** Whether sockets wait for their local port. @param nowMs milliseconds since 1970 */
  wantsPorts(nowMs: number): boolean {
    for (const entry of this.#portless) {
      if (!isPortless(entry)) this.#portless.delete(entry);
      else if (nowMs - entry.held![0]!.timeMs >= PATIENCE_MS) return true;
    }
    return false;
  }
}
