/**
 * Which lines of the hosts were received, by their numbers.
 *
 * An agent sends a packet only after the server has stored the one before. So the first copy of a line arrives after
 * all lines before it, and the highest number of a spool is enough to know every line again: what is not above it has
 * been here, however long ago. A number that is left out was lost on the way, and never comes.
 */
import type { Origin } from "../spool/spool.ts";

/** How many lines of a packet are new, and how many are missing before it. */
export interface Intake {
  /** Lines at the beginning of the packet that were received before. */
  readonly known: number;
  /** Lines before the packet that were never received, although later ones of the spool were. */
  readonly missing: number;
}

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

/** Recognises lines that come again, in bounded memory: the hosts and spools that were silent longest are forgotten. */
export class ReceivedNumbers {
  readonly #hosts = new Map<string, Map<string, number>>();

  /** @param known what {@link toJSON} gave */
  constructor(known: readonly NextNumber[] = []) {
    for (const { host, next, ...origin } of known) this.#put(host, keyOf(origin), next);
  }

  /** Takes the numbers of a packet, from `first` to before `end`. */
  take(host: string, packet: Origin & { readonly first: number; readonly end: number }): Intake {
    const { first, end } = packet;
    const key = keyOf(packet);
    const next = this.#hosts.get(host)?.get(key);
    this.#put(host, key, Math.max(next ?? end, end));
    if (next === undefined) return { known: 0, missing: 0 };
    return { known: Math.min(Math.max(0, next - first), end - first), missing: Math.max(0, first - next) };
  }

  /** The next number of each spool. */
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
