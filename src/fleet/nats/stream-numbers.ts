/**
 * Which lines of the hosts were received, by their numbers.
 *
 * An agent sends a packet only after the server has stored the one before. So the first copy of a line arrives after
 * all lines before it, and the highest number of a spool is enough to recognise every line that comes again: what is
 * not above it was received, however long ago. A number that is left out was lost on the way, and never comes.
 */
import type { Origin } from "../spool/spool.ts";

/** The next number of one spool. */
export interface NextNumber extends Origin {
  readonly host: string;
  readonly next: number;
}

/** Spools that are remembered for one host: it gets another with each boot, and when its file is removed. */
const MOST_SPOOLS = 4;
/** Hosts that are remembered. */
const MOST_HOSTS = 65_536;

function keyOf({ boot, spool }: Origin): string {
  return `${boot} ${spool}`;
}

/** Puts a value at the end of a map, and removes the first one beyond a limit. */
function touch<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}

/** The highest numbers, in bounded memory: the hosts and spools that were silent longest are forgotten. */
export class ReceivedNumbers {
  readonly #hosts = new Map<string, Map<string, number>>();

  /** @param known what {@link toJSON} gave */
  constructor(known: readonly NextNumber[] = []) {
    for (const { host, next, ...origin } of known) this.#put(host, keyOf(origin), next);
  }

  /** The number of the next line of a spool; undefined if nothing of it is known. */
  next(host: string, origin: Origin): number | undefined {
    return this.#hosts.get(host)?.get(keyOf(origin));
  }

  /** Notes that all lines before a number were received. A lower number than before changes nothing. */
  receivedUntil(host: string, origin: Origin, end: number): void {
    this.#put(host, keyOf(origin), Math.max(this.next(host, origin) ?? end, end));
  }

  /** The next number of each spool, the one that was silent longest first. */
  toJSON(): NextNumber[] {
    return Array.from(this.#hosts, ([host, spools]) =>
      Array.from(spools, ([key, next]) => {
        const [boot = "", spool = ""] = key.split(" ");
        return { host, boot, spool, next };
      }),
    ).flat();
  }

  #put(host: string, key: string, next: number): void {
    const spools = this.#hosts.get(host) ?? new Map<string, number>();
    touch(spools, key, next, MOST_SPOOLS);
    touch(this.#hosts, host, spools, MOST_HOSTS);
  }
}
