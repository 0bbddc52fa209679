/** Findings and first sightings in the files of a store. */
import type { Database } from "bun:sqlite";
import { versionOf } from "./database.ts";
import type { FindingFacts, SightingFacts } from "./facts.ts";

/** The first version of the schema with these tables. */
const NOTED_SINCE = 2;

/** The network namespace that a row is about. */
export interface NotedPlace {
  readonly inode: number;
  readonly name: string | undefined;
  readonly pid: number | undefined;
}

/** A finding of the past. */
export interface StoredFinding extends Omit<FindingFacts, "place"> {
  /** undefined for the whole host. */
  readonly netns: NotedPlace | undefined;
}

/** A first sighting of the past. */
export interface StoredSighting extends SightingFacts {
  readonly netns: NotedPlace | undefined;
}

interface PlaceColumns {
  readonly inode: number | null;
  readonly place_name: string | null;
  readonly place_pid: number | null;
}

function placeOf({ inode, place_name, place_pid }: PlaceColumns): NotedPlace | undefined {
  return inode === null ? undefined : { inode, name: place_name ?? undefined, pid: place_pid ?? undefined };
}

const PLACE = "place.inode AS inode, place.name AS place_name, place.pid AS place_pid";

/** The findings of a file that lasted at some time of a span. */
export function findingsIn(database: Database, fromMs: number, untilMs: number): StoredFinding[] {
  if (versionOf(database) < NOTED_SINCE) return [];
  const rows = database
    .query(
      `SELECT finding.*, ${PLACE} FROM finding LEFT JOIN place ON place.id = finding.place
      WHERE last_ms >= ? AND first_ms <= ? ORDER BY first_ms, finding.id`,
    )
    .all(fromMs, untilMs) as (PlaceColumns & {
    readonly rule: string;
    readonly severity: string;
    readonly subject: string;
    readonly title: string;
    readonly first_ms: number;
    readonly last_ms: number;
    readonly cleared_ms: number | null;
    readonly data: string;
  })[];
  return rows.map((row) => ({
    rule: row.rule,
    severity: row.severity,
    netns: placeOf(row),
    subject: row.subject,
    title: row.title,
    firstMs: row.first_ms,
    lastMs: row.last_ms,
    clearedMs: row.cleared_ms ?? undefined,
    data: row.data,
  }));
}

/** The first sightings that a file has. */
export function sightingsIn(database: Database): StoredSighting[] {
  if (versionOf(database) < NOTED_SINCE) return [];
  const rows = database
    .query(`SELECT sighting.*, ${PLACE} FROM sighting LEFT JOIN place ON place.id = sighting.place`)
    .all() as (PlaceColumns & {
    readonly what: SightingFacts["what"];
    readonly process: string;
    readonly protocol: number;
    readonly address: string;
    readonly port: number;
    readonly place: number;
    readonly after_ms: number | null;
    readonly first_ms: number;
  })[];
  return rows.map((row) => ({
    what: row.what,
    process: row.process,
    protocol: row.protocol,
    address: row.address,
    port: row.port,
    place: row.place,
    afterMs: row.after_ms ?? undefined,
    firstMs: row.first_ms,
    netns: placeOf(row),
  }));
}

/** Findings of several files as one each: a finding that lasts is in every file of its time. */
export function mergedFindings(files: Iterable<readonly StoredFinding[]>): StoredFinding[] {
  const found = new Map<string, StoredFinding>();
  for (const findings of files)
    for (const each of findings) {
      const key = `${each.rule} ${each.netns?.inode ?? ""} ${each.firstMs} ${each.subject}`;
      const known = found.get(key);
      if (known === undefined || known.lastMs <= each.lastMs) found.set(key, each);
    }
  return [...found.values()].sort((a, b) => a.firstMs - b.firstMs);
}
