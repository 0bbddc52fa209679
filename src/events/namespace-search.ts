/** Finds network namespaces that are made, and those that end, while sockets are followed with `--all-netns`. */

import { descriptorLimit } from "../host/namespaces.ts";
import { processorMs } from "../host/processor-time.ts";
import { NetlinkError } from "../netlink/errors.ts";
import type { FilteredPlace } from "../query/filters.ts";
import type { OpenQuery } from "../query/open.ts";
import type { FollowedPlace } from "./event-source.ts";
import type { Follower } from "./follower.ts";

/** The share of a processor's time that searches and what they find may take, up to a pause. */
const SHARE = 0.01;
const LONGEST_PAUSE_MS = 30_000;
/** Descriptors for each followed namespace: two multicast sockets, and one for requests. */
const DESCRIPTORS = 3;
/** Descriptors that are left to everything else. */
const RESERVED = 64;

/** What the search works with. */
export interface NamespaceSearchOptions {
  readonly query: OpenQuery;
  /** Milliseconds between two searches at least. */
  readonly intervalMs: number;
  /** How a namespace is followed. */
  readonly followed: (place: FilteredPlace) => FollowedPlace;
  /** Called when the namespaces are others than before. */
  readonly changed: (added: readonly FilteredPlace[]) => void | Promise<void>;
  /** Called for a namespace that is still there at the next search. */
  readonly settled?: (place: FilteredPlace) => void;
  /** Called for a namespace that has ended, at the next search: the ends of its sockets are known by then. */
  readonly left?: (place: FilteredPlace) => void;
  /** Called when there begin to be, or cease to be, namespaces whose events cannot be followed. */
  readonly unfollowed?: (some: boolean) => void;
}

/** How many namespaces may be followed: half of the descriptors are for the namespaces themselves. */
export function mostFollowed(openFiles: number): number {
  return Math.max(1, Math.floor((openFiles / 2 - RESERVED) / DESCRIPTORS));
}

/** Keeps the places of a query and those of its follower in step with the host. */
export class NamespaceSearch {
  readonly #options: NamespaceSearchOptions;
  readonly #most: number;
  /** Inodes of namespaces that cannot be followed. */
  readonly #refused = new Set<number>();
  #recent: readonly FilteredPlace[] = [];
  #leaving: readonly FilteredPlace[] = [];
  #unfollowed = 0;
  #nextMs: number;
  #soonestMs = 0;

  constructor(options: NamespaceSearchOptions) {
    this.#options = options;
    const { query, intervalMs } = options;
    this.#most = mostFollowed(descriptorLimit(query.places[0].host.files));
    this.#nextMs = performance.now() + intervalMs;
  }

  /** The namespaces that can be followed at the beginning, our own first. */
  get first(): readonly FollowedPlace[] {
    const { query, followed } = this.#options;
    return query.places.slice(0, this.#most).map(followed);
  }

  /** A process was seen in a namespace that is not followed: searches as soon as its share of time allows. */
  readonly hasten = (): void => {
    if (this.#unfollowed === 0) this.#nextMs = Math.min(this.#nextMs, this.#soonestMs);
  };

  /** Searches if it is time. @param follower undefined if no events are followed */
  async searchIfDue(follower: Follower | undefined): Promise<void> {
    if (performance.now() < this.#nextMs) return;
    const { query, intervalMs, changed, settled, left } = this.#options;
    const begunMs = processorMs();
    const { added, removed } = await query.refreshPlaces();
    for (const { netns } of removed) {
      follower?.remove(netns!.inode);
      this.#refused.delete(netns!.inode);
    }
    if (added.length > 0 || removed.length > 0) await changed(added);
    if (follower !== undefined) this.#follow(follower);
    for (const place of this.#recent) if (query.places.includes(place)) settled?.(place);
    this.#recent = added;
    for (const place of this.#leaving) left?.(place);
    this.#leaving = removed;
    const now = performance.now();
    this.#soonestMs = now + Math.min(LONGEST_PAUSE_MS, (processorMs() - begunMs) / SHARE);
    this.#nextMs = Math.max(this.#soonestMs, now + intervalMs);
  }

  /** Follows what is not followed yet, as far as descriptors allow. */
  #follow(follower: Follower): void {
    const { query, followed, unfollowed } = this.#options;
    let left = 0;
    for (const place of query.places) {
      const inode = place.netns?.inode;
      if (inode === undefined || follower.follows(inode)) continue;
      if (follower.size >= this.#most || this.#refused.has(inode)) {
        left++;
        continue;
      }
      try {
        follower.add(followed(place));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        this.#refused.add(inode);
        left++;
      }
    }
    if (left > 0 !== this.#unfollowed > 0) unfollowed?.(left > 0);
    this.#unfollowed = left;
  }
}
