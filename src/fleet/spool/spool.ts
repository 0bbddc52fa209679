/**
 * A queue on disk: what an agent has to deliver while its broker is away. A SQLite file that one process has open.
 *
 * Each line has a number. Numbers go up by one and are never given out twice: the file keeps the next one, and its own
 * random id stands beside the number in case the file is removed. When the queue is full, its oldest lines are dropped,
 * and a row in their place keeps their numbers, so that whoever reads the queue learns how many there were.
 */
import { Database } from "bun:sqlite";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../../store/error.ts";
import { createPrivate, makeFolder } from "../../store/folder.ts";
import { LEAST_SPOOL_BYTES } from "./limits.ts";

/** Where a line comes from. With the number of the line it names the line for all time. */
export interface Origin {
  /** /proc/sys/kernel/random/boot_id of the boot in which the line was written. */
  readonly boot: string;
  /** Random id of the spool's file: nobody else can guess the ids of its messages, and claim them first. */
  readonly spool: string;
}

/** Consecutive lines of a spool, or the numbers of lines that were dropped. */
export interface Packet extends Origin {
  /** Number of the first line. */
  readonly first: number;
  /** Number of the last line, plus one. */
  readonly end: number;
  /** The lines, each with its newline; undefined if they were dropped. */
  readonly body: Uint8Array | undefined;
  /** Of lines that were dropped: when the last of them was, in milliseconds since 1970. */
  readonly lostMs: number | undefined;
}

/** How to open a spool. */
export interface SpoolOptions {
  readonly folder: string;
  /** Name of the spool within the folder. */
  readonly name: string;
  /** Bytes that its files may take, from {@link LEAST_SPOOL_BYTES}. */
  readonly limitBytes: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** The longest line, in bytes of UTF-8. A longer one counts as dropped. */
export const LINE_LIMIT = 256 << 10;

/** Bytes of a row, and of a packet, at most. */
const ROW_BYTES = 64 << 10;
const PACKET_BYTES = LINE_LIMIT;
const PAGE_BYTES = 4096;
/** Pages of the write-ahead log that are moved to the file. */
const LOG_PAGES = 256;
/** Bytes that the write-ahead log may take: those pages, and one transaction with its tree. */
const LOG_BYTES = 2 << 20;
/** Pages that a row takes beyond its bytes: a leaf, the last page of its overflow, and a split of the tree. */
const ROW_PAGES = 4;
const NEWLINE = 0x0a;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS state (next INTEGER NOT NULL, spool TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS boot (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS batch (
    first INTEGER PRIMARY KEY, past INTEGER NOT NULL, boot INTEGER NOT NULL, lost_ms REAL, body BLOB
  );
`;

/** A row of the table `batch`: numbers `first` to `past - 1`. Without a body they were dropped. */
interface Row {
  readonly first: number;
  readonly past: number;
  readonly boot: number;
  readonly lost_ms: number | null;
}

const encoder = new TextEncoder();

/** What SQLite says of a file that is no longer one of its own. sqlite.org/rescode.html. */
const DAMAGED: ReadonlySet<unknown> = new Set(["SQLITE_CORRUPT", "SQLITE_NOTADB"]);

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

/** Opens the file, which nobody else may have open. @throws an error of SQLite */
function openFile(path: string): Database {
  createPrivate(path);
  const database = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    database.run("PRAGMA journal_mode = WAL");
    // A commit survives the end of the process. The last ones may not survive a loss of power, after which the boot id is another.
    database.run("PRAGMA synchronous = NORMAL");
    database.run(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
    database.run("PRAGMA cache_size = -512");
    const { quick_check: found } = database.query("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (found !== "ok") throw Object.assign(new Error(found), { code: "SQLITE_CORRUPT" });
    database.run(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens the file, or puts a new one in the place of a damaged one. @returns whether it was damaged */
function openOrReplace(path: string): { readonly database: Database; readonly replaced: boolean } {
  try {
    return { database: openFile(path), replaced: false };
  } catch (error) {
    if (!DAMAGED.has(codeOf(error))) throw error;
    renameSync(path, `${path}.damaged`);
    rmSync(`${path}-wal`, { force: true });
    return { database: openFile(path), replaced: true };
  }
}

/** A spool that this process has open. */
export class Spool implements Disposable {
  readonly #database: Database;
  readonly #limitPages: number;
  readonly #now: () => number;
  readonly #boots = new Map<number, string>();
  readonly #boot: number;
  readonly #id: string;
  #next: number;
  /** Lines that could not be written: the disk is full. */
  #unwritten = 0;
  /** End of the packet that is being delivered: what is before it must not change. */
  #flightEnd = 0;
  /** Whether a damaged file was found: it is kept as `NAME.db.damaged`, and its lines are lost. */
  readonly replaced: boolean;

  /** @throws StoreError if the folder or the file cannot be used */
  constructor({ folder, name, limitBytes, boot, now = Date.now }: SpoolOptions) {
    makeFolder(folder, "spool");
    this.#now = now;
    this.#limitPages = Math.floor((Math.max(limitBytes, LEAST_SPOOL_BYTES) - LOG_BYTES) / PAGE_BYTES);
    try {
      const { database, replaced } = openOrReplace(join(folder, `${name}.db`));
      this.#database = database;
      this.replaced = replaced;
      database.query("INSERT OR IGNORE INTO boot (id) VALUES (?)").run(boot);
      for (const { number, id } of database.query("SELECT number, id FROM boot").all() as {
        number: number;
        id: string;
      }[])
        this.#boots.set(number, id);
      this.#boot = [...this.#boots].find(([, id]) => id === boot)![0];
      database
        .query("INSERT INTO state SELECT 1, lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM state)")
        .run();
      const state = database.query("SELECT next, spool FROM state").get() as { next: number; spool: string };
      this.#next = state.next;
      this.#id = state.spool;
      this.#forgetBoots();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const busy = codeOf(error) === "SQLITE_BUSY";
      throw new StoreError(
        `cannot open the spool in ${folder}: ${busy ? "another agent has it open" : (error as Error).message}`,
      );
    }
  }

  /** Whether there is nothing to deliver. */
  get isEmpty(): boolean {
    return this.#database.query("SELECT 1 FROM batch LIMIT 1").get() === null;
  }

  /** Number of lines to deliver, those that were dropped included. */
  get waiting(): number {
    const { sum } = this.#database.query("SELECT sum(past - first) AS sum FROM batch").get() as {
      sum: number | null;
    };
    return (sum ?? 0) + this.#unwritten;
  }

  /**
   * Keeps lines. They survive the end of this process once this returns.
   *
   * @param lines without their newlines
   * @returns whether they are kept; if not, they count as dropped
   */
  append(lines: readonly string[]): boolean {
    const next = this.#next;
    try {
      this.#database.transaction(() => {
        if (this.#unwritten > 0) this.#insertLost(this.#unwritten);
        let row: Uint8Array[] = [];
        let size = 0;
        const flush = () => {
          if (row.length > 0) this.#insert(row, size);
          row = [];
          size = 0;
        };
        for (const line of lines) {
          const bytes = encoder.encode(`${line}\n`);
          const tooLong = bytes.length > LINE_LIMIT;
          if (tooLong || size + bytes.length > ROW_BYTES) flush();
          if (tooLong) this.#insertLost(1);
          else {
            row.push(bytes);
            size += bytes.length;
          }
        }
        flush();
        this.#database.query("UPDATE state SET next = ?").run(this.#next);
      })();
      this.#unwritten = 0;
      return true;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      this.#next = next;
      this.#unwritten += lines.length;
      return false;
    }
  }

  /**
   * The oldest lines. Until {@link remove} is called with them, they are kept as they are. The same lines may come
   * again, together with later ones, after the process has ended: readers know lines by their numbers.
   *
   * @returns undefined if there are none
   */
  oldest(): Packet | undefined {
    const rows = this.#database
      .query("SELECT first, past, boot, lost_ms, body FROM batch ORDER BY first LIMIT 256")
      .iterate() as Iterable<Row & { readonly body: Uint8Array | null }>;
    const bodies: Uint8Array[] = [];
    let size = 0;
    let head: Row | undefined;
    let end = 0;
    for (const row of rows) {
      const { body } = row;
      if (head !== undefined) {
        const fits = body !== null && size + body.length <= PACKET_BYTES;
        if (!fits || head.lost_ms !== null || row.boot !== head.boot || row.first !== end) break;
      }
      head ??= row;
      end = row.past;
      if (body === null) break;
      bodies.push(body);
      size += body.length;
    }
    if (head === undefined) return undefined;
    this.#flightEnd = end;
    return {
      boot: this.#boots.get(head.boot)!,
      spool: this.#id,
      first: head.first,
      end,
      body: head.lost_ms === null ? Buffer.concat(bodies) : undefined,
      lostMs: head.lost_ms ?? undefined,
    };
  }

  /** Removes a packet: it has been delivered. */
  remove({ end }: Packet): void {
    this.#database.query("DELETE FROM batch WHERE first < ?").run(end);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #insert(lines: readonly Uint8Array[], size: number): void {
    this.#makeRoom(size);
    const first = this.#next;
    this.#next += lines.length;
    this.#database
      .query("INSERT INTO batch (first, past, boot, body) VALUES (?, ?, ?, ?)")
      .run(first, this.#next, this.#boot, Buffer.concat(lines));
  }

  #insertLost(count: number): void {
    this.#makeRoom(0);
    const first = this.#next;
    this.#next += count;
    this.#putLost({ first, past: this.#next, boot: this.#boot });
  }

  #putLost({ first, past, boot }: Pick<Row, "first" | "past" | "boot">): void {
    this.#database
      .query("INSERT INTO batch (first, past, boot, lost_ms) VALUES (?, ?, ?, ?)")
      .run(first, past, boot, this.#now());
  }

  /** Drops the oldest rows that are not being delivered, until there is room for another one. */
  #makeRoom(bytes: number): void {
    const wanted = Math.ceil(bytes / PAGE_BYTES) + ROW_PAGES;
    if (this.#usedPages() + wanted <= this.#limitPages) return;
    const oldest = this.#database.query(
      "SELECT first, past, boot, lost_ms FROM batch WHERE first >= ? ORDER BY first LIMIT 1",
    );
    let lost: Row | undefined;
    for (;;) {
      const from: number = lost?.past ?? this.#flightEnd;
      const row = oldest.get(from) as Row | null;
      if (row === null) break;
      // The numbers of a boot are together.
      if (lost !== undefined && row.boot !== lost.boot) {
        this.#putLost(lost);
        lost = undefined;
      }
      this.#database.query("DELETE FROM batch WHERE first = ?").run(row.first);
      lost = { ...row, first: lost?.first ?? row.first };
      if (this.#usedPages() + wanted <= this.#limitPages) break;
    }
    if (lost !== undefined) this.#putLost(lost);
  }

  /** Pages of the file that hold something. */
  #usedPages(): number {
    const { page_count: all } = this.#database.query("PRAGMA page_count").get() as { page_count: number };
    const { freelist_count: free } = this.#database.query("PRAGMA freelist_count").get() as {
      freelist_count: number;
    };
    return all - free;
  }

  /** Forgets boots without lines. */
  #forgetBoots(): void {
    this.#database
      .query("DELETE FROM boot WHERE number <> ? AND number NOT IN (SELECT boot FROM batch)")
      .run(this.#boot);
  }
}

/** The lines of a packet. @param body as in {@link Packet} */
export function linesOfBody(body: Uint8Array): string[] {
  const text = new TextDecoder().decode(body);
  return (body.at(-1) === NEWLINE ? text.slice(0, -1) : text).split("\n");
}
