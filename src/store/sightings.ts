/** Which listeners and peers each process ever had, so that a new one is noticed. */
import type { SightingFacts } from "./facts.ts";

/** What a sighting is of. */
export type Sighted = Omit<SightingFacts, "place" | "afterMs" | "firstMs">;

/** The store, as far as sightings are written. */
export interface SightingStore {
  readonly fileNumber: number;
  sighting(facts: SightingFacts): void;
  cover(kind: "peers", fromMs: number, untilMs: number, count: number, detail: string): void;
}

/** Peers, or listeners, that are remembered for one process and port. */
const EACH_LIMIT = 256;
/** And in all. */
const ALL_LIMIT = 100_000;

/** Names what a sighting is of. */
export function sightingKey({ what, process, protocol, address, port }: Sighted): string {
  return `${what} ${protocol} ${address} ${port} ${process}`;
}

/** Of what one service may have a limited number: the peers of a port, or the listeners of a process. */
function serviceKey({ what, process, protocol, port }: Sighted): string {
  return `${what} ${protocol} ${what === "listener" ? "" : port} ${process}`;
}

/** When something was first seen. */
interface Known {
  readonly facts: SightingFacts;
  /** The file that has it. */
  file: number;
}

/** Remembers first sightings. Each file of the store has those that were seen in its time. */
export class Sightings {
  readonly #store: SightingStore;
  readonly #known = new Map<string, Known>();
  readonly #counts = new Map<string, number>();
  readonly #full = new Set<string>();

  /** @param earlier what the store has from earlier runs */
  constructor(store: SightingStore, earlier: Iterable<SightingFacts>) {
    this.#store = store;
    for (const facts of earlier) this.#remember(facts, -1);
  }

  /**
   * Notes something that is there now.
   *
   * @param afterMs the last sample without it; undefined if there was none before
   * @returns the sighting if it is the first, and there were samples without it
   */
  see(
    sighted: Sighted,
    place: number,
    afterMs: number | undefined,
    nowMs: number,
  ): SightingFacts | undefined {
    const known = this.#known.get(sightingKey(sighted));
    const file = this.#store.fileNumber;
    if (known !== undefined) {
      // The number of a place is that of this run.
      if (known.file !== file) this.#store.sighting({ ...known.facts, place });
      known.file = file;
      return undefined;
    }
    const facts = { ...sighted, place, afterMs, firstMs: nowMs };
    if (this.#isFull(sighted, nowMs)) return undefined;
    this.#remember(facts, file);
    this.#store.sighting(facts);
    return afterMs === undefined ? undefined : facts;
  }

  /** Whether there are too many of a service; the first time, this is noted. */
  #isFull(sighted: Sighted, nowMs: number): boolean {
    const service = serviceKey(sighted);
    if ((this.#counts.get(service) ?? 0) < EACH_LIMIT && this.#known.size < ALL_LIMIT) return false;
    const name = this.#known.size < ALL_LIMIT ? service : "";
    if (this.#full.has(name)) return true;
    this.#full.add(name);
    const { what, process, port } = sighted;
    const detail = name === "" ? "of all processes" : `of ${process} (${what}, port ${port})`;
    this.#store.cover("peers", nowMs, nowMs, this.#counts.get(service) ?? 0, detail);
    return true;
  }

  #remember(facts: SightingFacts, file: number): void {
    const key = sightingKey(facts);
    const known = this.#known.get(key);
    if (known !== undefined && known.facts.firstMs <= facts.firstMs) return;
    if (known === undefined) {
      const service = serviceKey(facts);
      this.#counts.set(service, (this.#counts.get(service) ?? 0) + 1);
    }
    this.#known.set(key, { facts, file });
  }
}
