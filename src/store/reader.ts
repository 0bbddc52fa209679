/** Reads a store: the sockets of a moment, the connections of a span, and how much of that span was recorded. */
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { sampleFormats } from "./codec.ts";
import { inflate, unpack } from "./compress.ts";
import { anyConnection, type ConnectionQuery } from "./conditions.ts";
import { isCut, openForReading, openSalvaged, versionOf } from "./database.ts";
import { StoreError } from "./error.ts";
import { begunMs, type StoreFile, storeFiles } from "./folder.ts";
import { type DecodedImage, ImageDecoder } from "./image-decoder.ts";
import { findingsIn, mergedFindings, type StoredFinding, type StoredSighting, sightingsIn } from "./noted.ts";
import { ByteSource } from "./numbers.ts";
import { decodeOwners, type StoredOwner, type StoredOwners } from "./owners.ts";
import type { StoredContext, StoredPlace, StoredProcess } from "./rows.ts";
import { FORMAT_VERSION, IDS_PER_MS } from "./schema.ts";
import { sightingKey } from "./sightings.ts";

/** A run of a recorder, as far as one file has it. */
export interface StoredRun {
  readonly boot_id: string;
  readonly host: string;
  readonly interval_ms: number;
  readonly filter: string | null;
  readonly tables: string | null;
  readonly sources: string;
  readonly started_ms: number;
  readonly until_ms: number;
  readonly ended: number;
}

/** The sockets of one moment, with what was known of them. */
export interface Moment {
  readonly wallMs: number;
  /** Milliseconds between boot and the sample. */
  readonly bootMs: number;
  readonly image: DecodedImage;
  readonly owners: StoredOwners;
  readonly processes: readonly StoredProcess[];
  readonly places: readonly StoredPlace[];
  readonly context: readonly StoredContext[];
  readonly run: StoredRun;
  /** Whether later samples up to the moment are damaged, so that this is an earlier one. */
  readonly damaged: boolean;
}

/** A row of the table `connection`, with its file's names resolved. */
export interface StoredConnection {
  readonly closedMs: number;
  readonly opened_ms: number | null;
  readonly protocol: number;
  readonly place: number;
  readonly local: Uint8Array;
  readonly local_port: number;
  readonly peer: Uint8Array;
  readonly peer_port: number;
  readonly process: number | null;
  readonly uid: number;
  readonly reason: string | null;
  readonly bytes_sent: number | null;
  readonly bytes_received: number | null;
  readonly segments_sent: number | null;
  readonly segments_received: number | null;
  readonly retransmits: number | null;
  readonly rtt_us: number | null;
  readonly min_rtt_us: number | null;
}

/** The connections of one file that ended in a span, with the processes and places that they name. */
export interface FileConnections {
  readonly connections: readonly StoredConnection[];
  readonly processes: readonly StoredProcess[];
  readonly places: readonly StoredPlace[];
  /** When the host was booted, in milliseconds since 1970; undefined if the file has no sample. */
  readonly bootedMs: number | undefined;
}

/** A span of time, in milliseconds since 1970. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Something that the recorder noted about a span of time. */
export interface CoverageNote extends Span {
  readonly kind: string;
  readonly count: number | undefined;
  readonly detail: string | undefined;
}

/** How much of a span was recorded. */
export interface StoreCoverage {
  readonly span: Span;
  /** When a recorder ran. */
  readonly recorded: readonly Span[];
  /** What is missing between. */
  readonly gaps: readonly Span[];
  readonly notes: readonly CoverageNote[];
  /** Names of the sources of events. */
  readonly sources: readonly string[];
  /** The filters of the recorders, without repetition. */
  readonly filters: readonly string[];
}

/** A run records until its last flush; a pause that is no longer is no gap. */
const FLUSH_MS = 10_000;
const DAY_MS = 86_400_000;

interface SampleRow {
  readonly wall_ms: number;
  readonly run: number;
  readonly boot_ms: number;
  readonly format: number;
  readonly crc: number;
  readonly data: Uint8Array;
}

/** A store that is read. Damaged files are skipped, and noted. */
export class StoreReader {
  readonly #folder: string;
  readonly #files: readonly StoreFile[];
  readonly #damage: CoverageNote[] = [];
  /** Names of files whose tables were checked. */
  readonly #checked = new Set<string>();

  /** @throws StoreError if the folder cannot be read */
  constructor(folder: string) {
    this.#folder = folder;
    this.#files = storeFiles(folder);
  }

  /**
   * The sockets at a time: those of the last sample that is not later.
   *
   * @returns undefined if there is no sample before
   */
  moment(atMs: number): Moment | undefined {
    let best: Moment | undefined;
    for (const file of this.#files.toReversed()) {
      const begun = begunMs(file);
      if (begun > atMs) continue;
      // A file is of one day; only a clock that was set lets an older one have later samples.
      if (best !== undefined && begun < best.wallMs - 2 * DAY_MS) break;
      const found = this.#reading(file, (database, rowsOf) =>
        momentIn(database, rowsOf, atMs, best?.wallMs ?? 0),
      );
      if (found !== undefined) best = found;
    }
    return best;
  }

  /** When the first sample after a time was taken; undefined if there is none. */
  sampleAfter(atMs: number): number | undefined {
    for (const file of this.#files) {
      const found = this.#reading(
        file,
        (database) =>
          database.query("SELECT wall_ms FROM sample WHERE wall_ms > ? ORDER BY wall_ms LIMIT 1").get(atMs) as
            | { wall_ms: number }
            | undefined,
      );
      if (found) return found.wall_ms;
    }
    return undefined;
  }

  /** When the last sample before a time was taken; undefined if there is none. */
  sampleBefore(atMs: number): number | undefined {
    for (const file of this.#files.toReversed()) {
      if (begunMs(file) > atMs) continue;
      const found = this.#reading(
        file,
        (database) =>
          database
            .query("SELECT wall_ms FROM sample WHERE wall_ms < ? ORDER BY wall_ms DESC LIMIT 1")
            .get(atMs) as { wall_ms: number } | null,
      );
      if (found) return found.wall_ms;
    }
    return undefined;
  }

  /** The connections that ended in a span, file by file. */
  *connections(span: Span, query = anyConnection): Generator<FileConnections> {
    for (const file of this.#files) {
      if (begunMs(file) > span.untilMs) continue;
      const found = this.#reading(file, (database, rowsOf) => connectionsIn(database, rowsOf, span, query));
      if (found !== undefined && found.connections.length > 0) yield found;
    }
  }

  /** How many connections both opened and ended in a span. */
  countBetween({ fromMs, untilMs }: Span): number {
    let count = 0;
    for (const file of this.#files) {
      if (begunMs(file) > untilMs) continue;
      const found = this.#reading(
        file,
        (database) =>
          database
            .query("SELECT count(*) AS count FROM connection WHERE id BETWEEN ? AND ? AND opened_ms >= ?")
            .get(...idsOf(fromMs, untilMs), fromMs) as { count: number },
      );
      count += found?.count ?? 0;
    }
    return count;
  }

  /** The findings that lasted at some time of a span, the first first. */
  findings({ fromMs, untilMs }: Span): StoredFinding[] {
    const files = this.#files.filter((file) => begunMs(file) <= untilMs);
    return mergedFindings(
      files.map((file) => this.#reading(file, (database) => findingsIn(database, fromMs, untilMs)) ?? []),
    );
  }

  /** The first sightings of all times, each once. */
  sightings(): StoredSighting[] {
    const found = new Map<string, StoredSighting>();
    for (const file of this.#files)
      for (const each of this.#reading(file, sightingsIn) ?? []) {
        const key = sightingKey(each);
        const known = found.get(key);
        if (known === undefined || each.firstMs < known.firstMs) found.set(key, each);
      }
    return [...found.values()].sort((a, b) => a.firstMs - b.firstMs);
  }

  /** How much of a span was recorded. */
  coverage(span: Span): StoreCoverage {
    const recorded: Span[] = [];
    const notes: CoverageNote[] = [];
    const sources = new Set<string>();
    const filters = new Set<string>();
    for (const file of this.#files) {
      if (begunMs(file) > span.untilMs) continue;
      this.#reading(file, (database, rowsOf) => {
        const runs = rowsOf<StoredRun>(
          database,
          "SELECT * FROM run WHERE until_ms >= ? AND started_ms <= ? ORDER BY id",
          span.fromMs,
          span.untilMs,
        );
        // What is lost of a damaged file is not recorded, whatever its runs say.
        const keptMs = rowsOf === leftRows ? lastKept(database) : Number.POSITIVE_INFINITY;
        for (const { started_ms, until_ms, sources: names, filter, tables } of runs) {
          const fromMs = Math.max(span.fromMs, started_ms);
          const untilMs = Math.min(span.untilMs, until_ms, keptMs);
          if (untilMs >= fromMs) recorded.push({ fromMs, untilMs });
          for (const name of names.split(",")) if (name !== "") sources.add(name);
          const limits = [tables, filter].filter((each) => each !== null).join(" ");
          if (limits !== "") filters.add(limits);
        }
        const rows = rowsOf<{
          readonly kind: string;
          readonly from_ms: number;
          readonly until_ms: number;
          readonly count: number | null;
          readonly detail: string | null;
        }>(
          database,
          "SELECT * FROM coverage WHERE until_ms >= ? AND from_ms <= ? ORDER BY id",
          span.fromMs,
          span.untilMs,
        );
        for (const { kind, from_ms, until_ms, count, detail } of rows)
          notes.push({
            kind,
            fromMs: from_ms,
            untilMs: until_ms,
            count: count ?? undefined,
            detail: detail ?? undefined,
          });
      });
    }
    const spans = joined(recorded);
    return {
      span,
      recorded: spans,
      gaps: gapsBetween(span, spans),
      notes: [...notes, ...this.#damage],
      sources: [...sources],
      filters: [...filters],
    };
  }

  /** Reads a file; one that is damaged is noted once, and read as far as it can be. */
  #reading<T>(file: StoreFile, read: (database: Database, rows: RowsOf) => T): T | undefined {
    const path = join(this.#folder, file.name);
    let database: Database | undefined;
    try {
      database = openForReading(path, file.name, this.#checked);
      return read(database, allRows);
    } catch (error) {
      const begun = begunMs(file);
      const detail = `${file.name}: ${(error as Error).message}`;
      if (!this.#damage.some((note) => note.detail === detail))
        this.#damage.push({ kind: "damaged", fromMs: begun, untilMs: begun, count: undefined, detail });
      try {
        if (database === undefined && isCut(path)) database = openSalvaged(path, file.name);
        return database && read(database, leftRows);
      } catch {
        return undefined;
      }
    } finally {
      database?.close();
    }
  }
}

/** Reads the rows of a query. */
type RowsOf = <Row>(database: Database, sql: string, ...values: readonly (number | Uint8Array)[]) => Row[];

/** Reads all rows. */
const allRows: RowsOf = <Row>(database: Database, sql: string, ...values: readonly (number | Uint8Array)[]) =>
  database.query(sql).all(...values) as Row[];

/** Reads the rows of a damaged file, up to the first that cannot be read. */
const leftRows: RowsOf = <Row>(
  database: Database,
  sql: string,
  ...values: readonly (number | Uint8Array)[]
) => {
  const rows: Row[] = [];
  try {
    const query = database.prepare(sql);
    try {
      for (const row of query.iterate(...values)) rows.push(row as Row);
    } finally {
      query.finalize();
    }
  } catch {
    // The rest is lost.
  }
  return rows;
};

/** When the last thing happened that a damaged file still has, in milliseconds since 1970; 0 if it has nothing. */
function lastKept(database: Database): number {
  const samples = leftRows<{ ms: number }>(database, "SELECT wall_ms AS ms FROM sample ORDER BY wall_ms");
  const ends = leftRows<{ ms: number }>(
    database,
    `SELECT id / ${IDS_PER_MS} AS ms FROM connection ORDER BY id`,
  );
  return Math.max(samples.at(-1)?.ms ?? 0, ends.at(-1)?.ms ?? 0);
}

/** Spans in order, those that touch as one. */
function joined(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted((a, b) => a.fromMs - b.fromMs);
  const result: { fromMs: number; untilMs: number }[] = [];
  for (const { fromMs, untilMs } of sorted) {
    const last = result.at(-1);
    if (last !== undefined && fromMs <= last.untilMs + FLUSH_MS)
      last.untilMs = Math.max(last.untilMs, untilMs);
    else result.push({ fromMs, untilMs });
  }
  return result;
}

/** What spans leave out of a span; pauses no longer than a flush are none. */
function gapsBetween({ fromMs, untilMs }: Span, spans: readonly Span[]): Span[] {
  const gaps: Span[] = [];
  let at = fromMs;
  for (const span of spans) {
    if (span.fromMs > at + FLUSH_MS) gaps.push({ fromMs: at, untilMs: span.fromMs });
    at = Math.max(at, span.untilMs);
  }
  if (untilMs > at + FLUSH_MS || spans.length === 0) gaps.push({ fromMs: at, untilMs });
  return gaps;
}

function momentIn(database: Database, rowsOf: RowsOf, atMs: number, laterThan: number): Moment | undefined {
  const samples =
    rowsOf === leftRows
      ? leftRows<SampleTime>(
          database,
          "SELECT wall_ms, whole FROM sample WHERE wall_ms <= ? ORDER BY wall_ms",
          atMs,
        )
      : undefined;
  const newest = lastSample(database, samples, "", atMs);
  if (newest === undefined || newest <= laterThan) return undefined;
  let damaged = samples !== undefined;
  for (let until = atMs; ; damaged = true) {
    const whole = lastSample(database, samples, "AND whole = 1", until);
    if (whole === undefined) {
      if (damaged) throw new StoreError("its samples are damaged");
      return undefined;
    }
    const chain = decodeChain(database, whole, until);
    if (chain === undefined) {
      until = whole - 1;
      continue;
    }
    const { row, image, owners } = chain;
    const used = new Set<number>();
    for (const [, list] of owners) for (const { process } of list) used.add(process);
    const runs = rowsOf<StoredRun & { readonly id: number }>(database, "SELECT * FROM run ORDER BY id");
    return {
      wallMs: row.wall_ms,
      bootMs: row.boot_ms,
      image,
      owners,
      processes: processesIn(database, used, rowsOf),
      places: placesIn(database, rowsOf),
      context: contextIn(database, rowsOf, row.wall_ms),
      run: runs.find(({ id }) => id === row.run) ?? runs.at(-1)!,
      damaged: damaged || chain.damaged,
    };
  }
}

/** When a sample was taken, and whether it is whole. */
interface SampleTime {
  readonly wall_ms: number;
  readonly whole: number;
}

/** The time of the last sample up to a time. @param samples those of a damaged file, which no index finds */
function lastSample(
  database: Database,
  samples: readonly SampleTime[] | undefined,
  condition: "" | "AND whole = 1",
  untilMs: number,
): number | undefined {
  if (samples !== undefined)
    return samples.findLast(({ wall_ms, whole }) => wall_ms <= untilMs && (condition === "" || whole === 1))
      ?.wall_ms;
  const found = database
    .query(`SELECT wall_ms FROM sample WHERE wall_ms <= ? ${condition} ORDER BY wall_ms DESC LIMIT 1`)
    .get(untilMs) as { wall_ms: number } | null;
  return found?.wall_ms;
}

/** How a query finds the format of a sample: early versions of the schema do not say. */
function formatColumn(database: Database): string {
  return versionOf(database) >= FORMAT_VERSION ? "format" : `${sampleFormats.first}`;
}

/** The last of some samples. */
interface Chain {
  readonly row: SampleRow;
  readonly image: DecodedImage;
  readonly owners: StoredOwners;
  /** Whether later ones are damaged. */
  readonly damaged: boolean;
}

/** Decodes samples from a whole one on, as far as they are intact; undefined if not even the first is. */
function decodeChain(database: Database, fromMs: number, untilMs: number): Chain | undefined {
  const decoder = new ImageDecoder();
  const owners = new Map<number, readonly StoredOwner[]>();
  let row: SampleRow | undefined;
  /** The sample that was begun last, which an error leaves half read. */
  let begunAt: number | undefined;
  let damaged = false;
  const query = database.prepare(
    `SELECT wall_ms, run, boot_ms, crc, data, ${formatColumn(database)} AS format FROM sample
      WHERE wall_ms BETWEEN ? AND ? ORDER BY wall_ms`,
  );
  try {
    for (const next of query.iterate(fromMs, untilMs) as IterableIterator<SampleRow>) {
      const source = new ByteSource(unpack(next));
      begunAt = next.wall_ms;
      decoder.read(source, next.format);
      decodeOwners(source, owners);
      row = next;
    }
  } catch {
    damaged = true;
  } finally {
    query.finalize();
  }
  if (row === undefined) return undefined;
  // The sample that was half read has changed what was there before.
  if (begunAt !== row.wall_ms) return { ...decodeChain(database, fromMs, row.wall_ms)!, damaged };
  return { image: decoder.image, owners, row, damaged };
}

function processesIn(database: Database, ids: ReadonlySet<number>, rowsOf: RowsOf): StoredProcess[] {
  return [...ids].flatMap((id) => rowsOf<StoredProcess>(database, "SELECT * FROM process WHERE id = ?", id));
}

function placesIn(database: Database, rowsOf: RowsOf): StoredPlace[] {
  return rowsOf<StoredPlace>(database, "SELECT * FROM place ORDER BY id");
}

/** The latest note of each name that is not later than a time. */
function contextIn(database: Database, rowsOf: RowsOf, atMs: number): StoredContext[] {
  const rows = rowsOf<StoredContext>(
    database,
    "SELECT place, name, data, max(id) FROM context WHERE wall_ms <= ? GROUP BY place, name ORDER BY place, name",
    atMs,
  );
  return rows.flatMap(({ place, name, data }) => {
    try {
      return { place, name, data: inflate(data) };
    } catch {
      return [];
    }
  });
}

/** The first and the last id of connections that ended in a span. */
function idsOf(fromMs: number, untilMs: number): [number, number] {
  return [Math.floor(fromMs) * IDS_PER_MS, Math.floor(untilMs) * IDS_PER_MS + IDS_PER_MS - 1];
}

function connectionsIn(
  database: Database,
  rowsOf: RowsOf,
  { fromMs, untilMs }: Span,
  { conditions, first }: ConnectionQuery,
): FileConnections {
  const where = ["connection.id BETWEEN ? AND ?", ...conditions.map(({ sql }) => `(${sql})`)].join(" AND ");
  const order =
    first === undefined
      ? "id"
      : `${first.column} ${first.descending ? "DESC" : "ASC"} NULLS LAST, id LIMIT ${first.count}`;
  const connections = rowsOf<StoredConnection>(
    database,
    `SELECT chosen.id / ${IDS_PER_MS} AS closedMs, opened_ms, protocol, place, here.bytes AS local, local_port,
        there.bytes AS peer, peer_port, process, uid, reason, bytes_sent, bytes_received, segments_sent,
        segments_received, retransmits, rtt_us, min_rtt_us
      FROM (SELECT * FROM connection WHERE ${where} ORDER BY ${order}) AS chosen
      JOIN address AS here ON here.id = local JOIN address AS there ON there.id = peer ORDER BY chosen.id`,
    ...idsOf(fromMs, untilMs),
    ...conditions.flatMap(({ values }) => values),
  );
  const ids = new Set(connections.flatMap(({ process }) => process ?? []));
  const [booted] = rowsOf<{ ms: number }>(database, "SELECT wall_ms - boot_ms AS ms FROM sample LIMIT 1");
  return {
    connections,
    processes: processesIn(database, ids, rowsOf),
    places: placesIn(database, rowsOf),
    bootedMs: booted?.ms,
  };
}
