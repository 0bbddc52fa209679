/**
 * A bounded set of label sets: the heaviest have series of their own, and all others share the series `other`. Whatever
 * is counted goes to exactly one of them, so sums over the labels are exact.
 *
 * A member stays for an hour at least, and is replaced only by a label set that is clearly heavier. Its series then
 * ends, and what its label set does from then on counts in `other`: what it had counted stays its own, so that `other`
 * never jumps and rate() is right for both.
 */
import { Candidates } from "./candidates.ts";
import { OTHER } from "./label-text.ts";

/** The shortest time that a label set keeps its series, in milliseconds. */
export const STAY_MS = 3_600_000;
/** Weights of the past count half after this time, in milliseconds. */
const HALF_LIFE_MS = 3_600_000;
/** The shortest time between two changes of the members, in milliseconds. */
const REBALANCE_MS = 60_000;
/** How much heavier than a member a label set must be to replace it. */
const HEAVIER = 2;
/** Label sets without series that are remembered, for each one that has some. */
const CANDIDATES_PER_MEMBER = 8;

/** A label set with series. */
export interface Member {
  readonly labels: readonly string[];
  /** The values of its series; the group's owner says which is which. */
  readonly values: Float64Array;
  /** Which of the values were ever set: the others have no series. */
  readonly used: Uint8Array;
  /** Whether it has lost its series. */
  gone: boolean;
  weight: number;
  readonly sinceMs: number;
  seenMs: number;
}

/** Joins label values to a key. Label values have no control characters. */
export function groupKey(labels: readonly string[]): string {
  return labels.join("\0");
}

/** The members of a group of families that share their labels. */
export class TopGroup {
  /** Takes what has no series of its own. */
  readonly other: Member;
  /** How often {@link find} gave `other`. */
  folded = 0;
  /** Counts the changes after which a label set that was in `other` may have series. */
  version = 0;
  readonly #size: number;
  readonly #width: number;
  readonly #members = new Map<string, Member>();
  readonly #candidates: Candidates;
  #rebalancedMs = Number.NEGATIVE_INFINITY;

  /**
   * @param size how many label sets have series, apart from `other`
   * @param width values of each
   * @param labels how many labels there are
   */
  constructor(size: number, width: number, labels: number) {
    this.#size = size;
    this.#width = width;
    this.#candidates = new Candidates(Math.max(1, size) * CANDIDATES_PER_MEMBER);
    this.other = this.#newMember(new Array<string>(labels).fill(OTHER), 0);
  }

  /** All that have series, `other` last. */
  *members(): Generator<Member> {
    yield* this.#members.values();
    yield this.other;
  }

  /**
   * Finds the member that counts a label set.
   *
   * @param key of the labels, see {@link groupKey}
   */
  find(key: string, labels: readonly string[], nowMs: number): Member {
    const known = this.#members.get(key);
    if (known !== undefined) {
      known.seenMs = nowMs;
      return known;
    }
    if (this.#members.size < this.#size) return this.#admit(key, labels, 0, nowMs);
    this.folded++;
    return this.other;
  }

  /**
   * Adds weight to a label set, which counts in the choice of members.
   *
   * @param member the member that {@link find} gave for it
   */
  weigh(member: Member, key: string, labels: readonly string[], weight: number, nowMs: number): void {
    if (member === this.other) this.#candidates.add(key, labels, weight);
    else {
      member.weight += weight;
      member.seenMs = nowMs;
    }
  }

  /** Sets values to 0 for all members: gauges that are counted anew. @param from the first, @param to after the last */
  clear(from: number, to: number): void {
    for (const member of this.members()) member.values.fill(0, from, to);
  }

  /** Replaces members that became light, and drops those that were not seen for long. At most once a minute. */
  rebalance(nowMs: number): void {
    const elapsed = nowMs - this.#rebalancedMs;
    if (elapsed < REBALANCE_MS) return;
    this.#rebalancedMs = nowMs;
    if (Number.isFinite(elapsed)) this.#age(0.5 ** (elapsed / HALF_LIFE_MS));
    for (const [key, member] of this.#members)
      if (nowMs - member.seenMs >= STAY_MS) this.#remove(key, member);
    for (;;) {
      const best = this.#candidates.best();
      if (best === undefined) return;
      if (this.#members.size >= this.#size) {
        const lightest = this.#lightest(nowMs);
        if (lightest === undefined || best.weight <= lightest[1].weight * HEAVIER) return;
        this.#remove(...lightest);
      }
      this.#admit(best.key, best.labels, best.weight, nowMs);
      this.version++;
    }
  }

  #age(factor: number): void {
    for (const member of this.#members.values()) member.weight *= factor;
    this.#candidates.scale(factor);
  }

  /** The lightest member that has stayed long enough. */
  #lightest(nowMs: number): [key: string, member: Member] | undefined {
    let lightest: [string, Member] | undefined;
    for (const entry of this.#members)
      if (nowMs - entry[1].sinceMs >= STAY_MS && !(entry[1].weight >= (lightest?.[1].weight ?? Infinity)))
        lightest = entry;
    return lightest;
  }

  #admit(key: string, labels: readonly string[], weight: number, nowMs: number): Member {
    const member = this.#newMember(labels, nowMs);
    member.weight = weight;
    this.#candidates.delete(key);
    this.#members.set(key, member);
    return member;
  }

  #remove(key: string, member: Member): void {
    member.gone = true;
    this.#members.delete(key);
  }

  #newMember(labels: readonly string[], nowMs: number): Member {
    return {
      labels,
      values: new Float64Array(this.#width),
      used: new Uint8Array(this.#width),
      gone: false,
      weight: 0,
      sinceMs: nowMs,
      seenMs: nowMs,
    };
  }
}

/** Adds to a value of a member, which has a series from then on. */
export function addTo(member: Member, at: number, amount: number): void {
  member.values[at]! += amount;
  member.used[at] = 1;
}
