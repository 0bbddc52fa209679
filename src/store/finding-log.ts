/** Findings from sample to sample: when each appeared, was last seen, and cleared. */
import { type Severity, severities } from "../doctor/rule.ts";
import type { FindingFacts } from "./facts.ts";

/** The store, as far as findings are written. */
export interface FindingStore {
  readonly fileNumber: number;
  newFindingId(): number;
  finding(id: number, facts: FindingFacts): void;
  findingLasts(id: number, lastMs: number): void;
}

/** A finding of one sample. */
export interface FoundNow {
  /** The same for the same finding in each sample. */
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly place: number | undefined;
  readonly subject: string;
  readonly title: string;
  /** The finding as JSON. */
  json(): string;
}

/** A finding that lasts. */
interface Lasting {
  readonly id: number;
  facts: FindingFacts;
  /** When the row was written in full, and when its last time was written. */
  writtenMs: number;
  touchedMs: number;
  file: number;
  /** The first sample without it. */
  missingMs: number | undefined;
}

/** A finding clears when no sample has had it for so long. */
const CLEAR_MS = 30_000;
/** How often the title and the sockets of a finding that lasts are written again. */
const REFRESH_MS = 60_000;
/** How often the time that it was last seen is. */
const TOUCH_MS = 10_000;
/** Findings that may last at one time; more are not kept. */
const LIMIT = 1000;

/** Keeps the findings of a recorder. */
export class FindingLog {
  readonly #store: FindingStore;
  readonly #lasting = new Map<string, Lasting>();

  constructor(store: FindingStore) {
    this.#store = store;
  }

  /** Takes the findings of a sample. @param nowMs by the wall clock @returns those that appeared */
  take(found: readonly FoundNow[], nowMs: number): FoundNow[] {
    const appeared: FoundNow[] = [];
    const here = new Set<string>();
    for (const each of found) {
      here.add(each.key);
      const known = this.#lasting.get(each.key);
      if (known !== undefined) this.#goOn(known, each, nowMs);
      else if (this.#lasting.size < LIMIT) {
        this.#appear(each, nowMs);
        appeared.push(each);
      }
    }
    for (const [key, lasting] of this.#lasting) if (!here.has(key)) this.#miss(key, lasting, nowMs);
    return appeared;
  }

  /** Writes when each was last seen: the recorder ends. */
  close(): void {
    for (const { id, facts } of this.#lasting.values()) this.#store.findingLasts(id, facts.lastMs);
  }

  #appear(each: FoundNow, nowMs: number): void {
    const { rule, severity, place, subject, title } = each;
    const facts: FindingFacts = {
      rule,
      severity,
      place,
      subject,
      title,
      firstMs: nowMs,
      lastMs: nowMs,
      clearedMs: undefined,
      data: each.json(),
    };
    const id = this.#store.newFindingId();
    const file = this.#store.fileNumber;
    this.#store.finding(id, facts);
    this.#lasting.set(each.key, {
      id,
      facts,
      writtenMs: nowMs,
      touchedMs: nowMs,
      file,
      missingMs: undefined,
    });
  }

  #goOn(lasting: Lasting, each: FoundNow, nowMs: number): void {
    const rank = (severity: string) => severities.indexOf(severity as Severity);
    const file = this.#store.fileNumber;
    const isWorse = rank(each.severity) > rank(lasting.facts.severity);
    const isAsBad = each.severity === lasting.facts.severity;
    lasting.missingMs = undefined;
    // A clock that was set back must not end a finding before it began.
    lasting.facts = { ...lasting.facts, lastMs: Math.max(lasting.facts.firstMs, nowMs) };
    if (isWorse || lasting.file !== file || (isAsBad && Math.abs(nowMs - lasting.writtenMs) >= REFRESH_MS)) {
      const { severity, title } = each;
      // Of a finding that improves, the row keeps the worst.
      if (isWorse || isAsBad) lasting.facts = { ...lasting.facts, severity, title, data: each.json() };
      this.#store.finding(lasting.id, lasting.facts);
      lasting.file = file;
      lasting.writtenMs = nowMs;
      lasting.touchedMs = nowMs;
    } else if (Math.abs(nowMs - lasting.touchedMs) >= TOUCH_MS) {
      this.#store.findingLasts(lasting.id, lasting.facts.lastMs);
      lasting.touchedMs = nowMs;
    }
  }

  #miss(key: string, lasting: Lasting, nowMs: number): void {
    lasting.missingMs ??= nowMs;
    const { lastMs } = lasting.facts;
    if (nowMs >= lastMs && nowMs - lastMs < CLEAR_MS) return;
    this.#store.finding(lasting.id, { ...lasting.facts, clearedMs: Math.max(lastMs, lasting.missingMs) });
    this.#lasting.delete(key);
  }
}
