/**
 * The store that a recorder writes: a folder of SQLite files. What comes is collected in memory and written every few
 * seconds in one transaction, which is on disk when it returns; nothing older is ever lost. The folder never grows
 * beyond its budget: the oldest file is removed before more is written.
 */
import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { join } from "node:path";
import { addressText } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { systemMessage } from "../native/errno.ts";
import { type ClockReading, clockChange } from "./clock.ts";
import { encodeImage, sampleFormats } from "./codec.ts";
import { pack } from "./compress.ts";
import { isCut, openForReading, openForWriting } from "./database.ts";
import { StoreError } from "./error.ts";
import type { Bundle, CoverageKind, EndedConnection, PlaceFacts, ProcessFacts } from "./facts.ts";
import {
  begunMs,
  createPrivate,
  fileBytes,
  fileName,
  freeBytes,
  LOCK_NAME,
  makeFolder,
  removeFile,
  type StoreFile,
  storeBytes,
  storeFiles,
} from "./folder.ts";
import type { SocketImage } from "./image.ts";
import { ByteSink } from "./numbers.ts";
import { encodeOwners, type SampleOwners, type StoredOwners } from "./owners.ts";
import { IDS_PER_MS } from "./schema.ts";

/** How much a store may take, and for how long. */
export interface StoreLimits {
  /** Bytes of the folder at most. */
  readonly budgetBytes: number;
  /** Days after which a file is removed. */
  readonly days: number;
  /** Bytes that must stay free on the disk. */
  readonly keepFreeBytes: number;
}

/** What is known of the recorder that writes. */
export interface RunFacts {
  readonly bootId: string;
  readonly version: string;
  readonly host: string;
  readonly intervalMs: number;
  readonly filter: string | undefined;
  /** The tables that are recorded; undefined for all. */
  readonly tables: string | undefined;
  /** Names of the sources of events in use. */
  readonly sources: string;
}

/** A finding of a rule of the doctor, from when it was first seen. */
export interface FindingFacts {
  /** Id of the rule. */
  readonly rule: string;
  readonly severity: string;
  /** undefined for the whole host. */
  readonly place: number | undefined;
  readonly subject: string;
  readonly title: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** When it was gone; undefined while it lasts. */
  readonly clearedMs: number | undefined;
  /** The finding as JSON. */
  readonly data: string;
}

/** A listener, or a peer of a process, that was seen for the first time. */
export interface SightingFacts {
  readonly what: "listener" | "client" | "server";
  /** Name of the process; empty if no process is known. */
  readonly process: string;
  /** IP protocol. */
  readonly protocol: number;
  /** Address of the listener, or of the peer. */
  readonly address: string;
  /** Port of the service: the peer's for a server, our own for a client. */
  readonly port: number;
  readonly place: number;
  /** The last sample without it; undefined if it was there when the recorder first looked. */
  readonly afterMs: number | undefined;
  readonly firstMs: number;
}

/** All sockets at one moment, as they are handed to the store. */
export interface SampleToStore {
  readonly clocks: ClockReading;
  readonly durationUs: number;
  /** The image that every sample of this store is of. */
  readonly image: SocketImage;
  readonly owners: SampleOwners;
}

/** How big samples are, for measurements. */
export interface StoreTotals {
  samples: number;
  sockets: number;
  changed: number;
  /** Bytes of samples that are differences. */
  differenceBytes: number;
  /** Bytes of whole samples. */
  wholeBytes: number;
  connections: number;
  /** Connections that are counted together. */
  bundled: number;
}

/** What a store is opened with. */
export interface StoreOptions {
  readonly folder: string;
  readonly limits: StoreLimits;
  readonly run: RunFacts;
  readonly now: ClockReading;
  /** Takes one line for each thing that goes wrong, and for its end. */
  readonly say: (line: string) => void;
  /** Whether to go on with the last file of today, where that is possible: for one sample after another by a timer. */
  readonly append?: boolean;
  /** Called before each step that changes a file: tests end the process there, or throw. */
  readonly step?: (name: string) => void;
}

/** The part of the budget that one file takes: what is removed at once when space is needed. */
const SHARES = 16;
/** A whole sample is written after this many differences: to read the last of them, all must be read. */
const DIFFERENCES_LIMIT = 120;
/** Bytes that wait in memory at most while nothing can be written. */
const WAITING_LIMIT = 32 << 20;
/** Estimates for the budget: what a row takes, and what SQLite adds to a transaction. */
const ROW_BYTES = 200;
const TRANSACTION_BYTES = 96 << 10;
const DAY_MS = 86_400_000;
/** Addresses and processes that are remembered, so that the next row finds them; others are written again. */
const ADDRESSES_LIMIT = 100_000;
const PROCESSES_LIMIT = 10_000;
/** How long the facts about a network namespace are kept after its end. */
const PLACE_MS = 60_000;

/** A span of time that has not ended. */
interface OpenSpan {
  readonly id: number;
  readonly kind: CoverageKind;
  readonly detail: string;
}

/** A row that waits: its statement, and what is bound. */
interface WaitingRow {
  readonly sql: string;
  readonly values: SQLQueryBindings[];
}

/** What a file has that a later run goes on with. */
interface KnownOfFile {
  readonly run: { readonly id: number; readonly boot_id: string } | null;
  readonly nextId: number;
  readonly lastSample: number;
  readonly lastConnection: number;
  readonly places: readonly {
    readonly id: number;
    readonly inode: number;
    readonly name: string | null;
    readonly pid: number | null;
  }[];
  readonly processes: readonly {
    readonly id: number;
    readonly pid: number;
    readonly start_ticks: number;
    readonly name: Uint8Array;
    readonly uid: number | null;
    readonly user: string | null;
    readonly exe: string | null;
    readonly arguments: Uint8Array | null;
    readonly cgroup: string | null;
  }[];
  readonly contexts: readonly { readonly place: number; readonly name: string; readonly data: Uint8Array }[];
}

/** The tables whose ids are numbers of {@link Store}. */
const NUMBERED = [
  "place",
  "process",
  "address",
  "context",
  "coverage",
  "bundle",
  "finding",
  "sighting",
] as const;

function knownOf(database: Database): KnownOfFile {
  const all = <Row>(sql: string) => database.query(sql).all() as Row[];
  const most = (column: string, table: string) =>
    (database.query(`SELECT max(${column}) AS most FROM ${table}`).get() as { most: number | null }).most ??
    0;
  return {
    run: database.query("SELECT id, boot_id FROM run ORDER BY id DESC LIMIT 1").get() as KnownOfFile["run"],
    nextId: Math.max(...NUMBERED.map((table) => most("id", table))) + 1,
    lastSample: most("wall_ms", "sample"),
    lastConnection: most("id", "connection"),
    places: all("SELECT * FROM place"),
    processes: all("SELECT * FROM process"),
    contexts: all("SELECT place, name, data, max(id) FROM context GROUP BY place, name"),
  };
}

const decoder = new TextDecoder();

/** Takes the lock of a folder; it is held until the returned database is closed, or the process ends. */
function lockFolder(folder: string): Database {
  const path = join(folder, LOCK_NAME);
  let lock: Database | undefined;
  try {
    createPrivate(path);
    lock = new Database(path, { readwrite: true, create: true });
    lock.run("PRAGMA locking_mode = EXCLUSIVE");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { code?: string }).code === "SQLITE_BUSY")
      throw new StoreError(`another recorder writes to ${folder}`);
    throw new StoreError(`cannot lock the store ${folder}: ${systemMessage(error)}`);
  }
}

/** A store that is open for a recorder. */
export class Store implements Disposable {
  readonly totals: StoreTotals = {
    samples: 0,
    sockets: 0,
    changed: 0,
    differenceBytes: 0,
    wholeBytes: 0,
    connections: 0,
    bundled: 0,
  };
  readonly #options: StoreOptions;
  readonly #lock: Database;
  #database: Database | undefined;
  #file: StoreFile;
  #fileDay: number;
  #statements = new Map<string, Statement>();
  #waiting: WaitingRow[] = [];
  #waitingBytes = 0;
  #places = new Map<number, number>();
  #placeFacts = new Map<number, PlaceFacts>();
  /** Namespaces that have ended, and when by the time awake. */
  #forgottenPlaces: { readonly place: number; readonly atMs: number }[] = [];
  #processes = new Map<string, number>();
  #processFacts = new Map<number, ProcessFacts>();
  #addresses = new Map<string, number>();
  #contexts = new Map<string, number>();
  /** Places and processes that the current file has, or will have with the next flush. */
  #written = new Set<number>();
  #nextId = 1;
  #run = 0;
  #lastConnection = 0;
  #lastSample = 0;
  /** Spans that have not ended, with their rows in this file. */
  readonly #spans = new Map<string, OpenSpan>();
  readonly #sink = new ByteSink();
  /** Differences since the last whole sample; undefined if the next one must be whole. */
  #differences: number | undefined;
  #clocks: ClockReading;
  #failing: string | undefined;

  /** @throws StoreError if the folder cannot be used, or another recorder does */
  constructor(options: StoreOptions) {
    const { folder, now } = options;
    this.#options = options;
    this.#clocks = now;
    makeFolder(folder);
    this.#lock = lockFolder(folder);
    try {
      const last = storeFiles(folder).at(-1);
      const resumed = options.append === true && last !== undefined ? this.#resume(last) : undefined;
      this.#file = resumed ?? this.#newFile();
      this.#fileDay = Math.floor(now.wallMs / DAY_MS);
      this.#makeRoom(0);
      if (resumed === undefined) this.#forgetFile();
      this.#beginRun();
      if (last !== undefined && resumed === undefined) this.#noteRestart(last);
      this.#commit(now);
    } catch (error) {
      this.#lock.close();
      if (error instanceof StoreError) throw error;
      throw new StoreError(`cannot write to the store ${folder}: ${(error as Error).message}`);
    }
  }

  /** The number of a network namespace, for sockets and connections. */
  place(facts: PlaceFacts): number {
    const known = this.#places.get(facts.inode);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#places.set(facts.inode, id);
    this.#placeFacts.set(id, facts);
    return id;
  }

  /**
   * Forgets a network namespace that has ended: another one may get its inode. Connections that are counted together
   * may name it for some time.
   */
  forgetPlace(inode: number): void {
    const id = this.#places.get(inode);
    if (id === undefined) return;
    this.#places.delete(inode);
    const { awakeMs } = this.#clocks;
    const old = this.#forgottenPlaces.filter(({ atMs }) => awakeMs - atMs > PLACE_MS);
    for (const { place } of old) this.#placeFacts.delete(place);
    for (const name of this.#contexts.keys())
      if (!this.#placeFacts.has(Number(name.slice(0, name.indexOf("/"))))) this.#contexts.delete(name);
    this.#forgottenPlaces = this.#forgottenPlaces.filter(({ atMs }) => awakeMs - atMs <= PLACE_MS);
    this.#forgottenPlaces.push({ place: id, atMs: awakeMs });
  }

  /** The number of a process, if it was seen before. */
  knownProcess(pid: number, startTicks: number, name: string): number | undefined {
    return this.#processes.get(`${pid}/${startTicks}/${name}`);
  }

  /** What is known of a process. @param id as {@link addProcess} has returned it */
  processFacts(id: number): ProcessFacts | undefined {
    return this.#processFacts.get(id);
  }

  /** The number of a process that was not seen before. @param name as text, to find it again */
  addProcess(name: string, facts: ProcessFacts): number {
    const id = this.#nextId++;
    this.#processes.set(`${facts.pid}/${facts.startTicks}/${name}`, id);
    this.#processFacts.set(id, facts);
    return id;
  }

  /** Notes what a file said, if it says something else than before. @param name such as `links` */
  context(place: number, name: string, data: Uint8Array): void {
    const key = `${place}/${name}`;
    const crc = Bun.hash.crc32(data);
    if (this.#contexts.get(key) === crc) return;
    this.#contexts.set(key, crc);
    const packed = Bun.zstdCompressSync(data);
    this.#waitingBytes += packed.length;
    this.#add("INSERT INTO context VALUES (?, ?, ?, ?, ?)", [
      this.#nextId++,
      Math.floor(this.#clocks.wallMs),
      place,
      name,
      packed,
    ]);
  }

  /** Adds a row about what is known of a span of time. */
  cover(kind: CoverageKind, fromMs: number, untilMs: number, count?: number, detail?: string): void {
    this.#add("INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?)", [
      this.#nextId++,
      kind,
      Math.floor(Math.min(fromMs, untilMs)),
      Math.ceil(Math.max(fromMs, untilMs)),
      count ?? null,
      detail ?? null,
    ]);
  }

  /** Begins a span of time that something is true of. It ends with {@link endSpan}, or where the file ends. */
  beginSpan(kind: CoverageKind, detail: string, now: ClockReading): void {
    const id = this.#nextId++;
    this.#spans.set(`${kind} ${detail}`, { id, kind, detail });
    this.#insertSpan(id, kind, detail, now.wallMs);
  }

  /** Ends a span that {@link beginSpan} has begun. */
  endSpan(kind: CoverageKind, detail: string, now: ClockReading): void {
    const name = `${kind} ${detail}`;
    const span = this.#spans.get(name);
    if (span !== undefined) this.#extendSpan(span.id, now.wallMs);
    this.#spans.delete(name);
  }

  #insertSpan(id: number, kind: CoverageKind, detail: string, ms: number): void {
    const at = Math.floor(ms);
    this.#add("INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?)", [id, kind, at, at, null, detail]);
  }

  #extendSpan(id: number, ms: number): void {
    this.#add("UPDATE coverage SET until_ms = max(until_ms, ?) WHERE id = ?", [Math.ceil(ms), id]);
  }

  /** Adds a sample. */
  sample({ clocks, durationUs, image, owners }: SampleToStore): void {
    this.#noteClocks(clocks);
    const whole = this.#differences === undefined || this.#differences >= DIFFERENCES_LIMIT;
    const sink = this.#sink;
    sink.clear();
    const { sockets, changed } = encodeImage(sink, image.groups, whole, clocks.bootMs);
    const written = whole ? owners.all.keys() : owners.changed;
    encodeOwners(sink, owners.all, written);
    const { data, crc } = pack(sink.bytes);
    sink.clear();
    for (const { place } of image.groups.values()) this.#writePlace(place);
    for (const inode of whole ? owners.all.keys() : owners.changed)
      for (const { process } of owners.all.get(inode) ?? []) this.#writeProcess(process);
    this.#lastSample = Math.max(this.#lastSample + 1, Math.floor(clocks.wallMs));
    this.#add("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#lastSample,
      this.#run,
      Math.floor(clocks.bootMs),
      Math.round(durationUs),
      sockets,
      whole ? 1 : 0,
      crc,
      data,
      sampleFormats.current,
      changed,
    ]);
    this.#waitingBytes += data.length;
    this.#differences = whole ? 0 : this.#differences! + 1;
    if (whole) this.#forgetProcesses(owners.all);
    const { totals } = this;
    totals.samples++;
    totals.sockets += sockets;
    totals.changed += whole ? 0 : changed;
    totals[whole ? "wholeBytes" : "differenceBytes"] += data.length;
  }

  /** Adds a connection that ended. */
  connection(ended: EndedConnection): void {
    this.#lastConnection = Math.max(this.#lastConnection + 1, Math.floor(ended.closedMs) * IDS_PER_MS);
    this.#writePlace(ended.place);
    if (ended.process !== undefined) this.#writeProcess(ended.process);
    this.#add("INSERT INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#lastConnection,
      ended.openedMs === undefined ? null : Math.floor(Math.min(ended.openedMs, ended.closedMs)),
      ended.protocol,
      ended.place,
      this.#address(ended.local),
      ended.localPort,
      this.#address(ended.peer),
      ended.peerPort,
      ended.process ?? null,
      ended.uid,
      ended.reason ?? null,
      ended.bytesSent ?? null,
      ended.bytesReceived ?? null,
      ended.segmentsSent ?? null,
      ended.segmentsReceived ?? null,
      ended.retransmits ?? null,
      ended.rttUs ?? null,
      ended.minRttUs ?? null,
    ]);
    this.totals.connections++;
  }

  /** The number of the file that is written: what a file is to have at least once is added again after a change. */
  get fileNumber(): number {
    return this.#file.number;
  }

  /** A number for {@link finding}. */
  newFindingId(): number {
    return this.#nextId++;
  }

  /** Adds a finding, or what has become of it. */
  finding(id: number, facts: FindingFacts): void {
    if (facts.place !== undefined) this.#writePlace(facts.place);
    this.#waitingBytes += facts.data.length;
    this.#add("INSERT OR REPLACE INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      id,
      facts.rule,
      facts.severity,
      facts.place ?? null,
      facts.subject,
      facts.title,
      Math.floor(facts.firstMs),
      Math.floor(facts.lastMs),
      facts.clearedMs === undefined ? null : Math.floor(facts.clearedMs),
      facts.data,
    ]);
  }

  /** Notes that a finding that was added to this file still lasts. */
  findingLasts(id: number, lastMs: number): void {
    this.#add("UPDATE finding SET last_ms = ? WHERE id = ?", [Math.floor(lastMs), id]);
  }

  /** Adds a first sighting. */
  sighting(facts: SightingFacts): void {
    this.#writePlace(facts.place);
    this.#add("INSERT INTO sighting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#nextId++,
      facts.what,
      facts.process,
      facts.protocol,
      facts.address,
      facts.port,
      facts.place,
      facts.afterMs === undefined ? null : Math.floor(facts.afterMs),
      Math.floor(facts.firstMs),
    ]);
  }

  /** Adds connections that are counted together. */
  bundle(bundle: Bundle): void {
    const { place, process, peer } = bundle;
    this.#writePlace(place);
    if (process !== undefined) this.#writeProcess(process);
    this.#add("INSERT INTO bundle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#nextId++,
      Math.floor(bundle.fromMs),
      Math.floor(bundle.untilMs),
      bundle.protocol,
      place,
      peer === undefined ? null : this.#address(peer),
      bundle.serverPort,
      process ?? null,
      bundle.connections,
      bundle.failed,
      Math.round(bundle.durationMs),
      bundle.bytesSent,
      bundle.bytesReceived,
      bundle.segmentsSent,
      bundle.segmentsReceived,
      bundle.retransmits,
    ]);
    this.totals.bundled += bundle.connections;
  }

  /**
   * Writes all that waits, and makes room for it first. What cannot be written waits on, up to a limit, and is counted
   * lost beyond it.
   */
  flush(now: ClockReading): void {
    const { folder, limits, say } = this.#options;
    this.#noteClocks(now);
    try {
      for (const { id } of this.#spans.values()) this.#extendSpan(id, now.wallMs);
      const need = this.#waitingBytes * 2 + this.#waiting.length * ROW_BYTES * 2 + TRANSACTION_BYTES;
      this.#makeRoom(need);
      if (freeBytes(folder) - need < limits.keepFreeBytes) throw new StoreError("the disk is nearly full");
      this.#commit(now);
      if (this.#failing !== undefined) say(`goes on: writing to ${folder} works again`);
      this.#failing = undefined;
    } catch (error) {
      this.#fail((error as Error).message, now);
    }
    if (this.#failing === undefined && this.#isFull(now.wallMs)) this.#rotate(now);
  }

  /** Flushes, and ends the run. */
  close(now: ClockReading): void {
    this.flush(now);
    try {
      if (this.#failing === undefined)
        this.#database?.run("UPDATE run SET ended = 1 WHERE id = ?", [this.#run]);
      this.#closeDatabase();
    } catch (error) {
      this.#options.say(`cannot close ${this.#file.name}: ${(error as Error).message}`);
    }
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }

  #step(name: string): void {
    this.#options.step?.(name);
  }

  #newFile(): StoreFile {
    const number = (storeFiles(this.#options.folder).at(-1)?.number ?? 0) + 1;
    return { number, name: fileName(number, this.#clocks.wallMs) };
  }

  #openFile(): Database {
    const { name } = this.#file;
    const path = join(this.#options.folder, name);
    this.#step("create");
    createPrivate(path);
    this.#step("open");
    const database = openForWriting(path, name);
    return database;
  }

  /** Notes how long nothing was recorded before this run, and why. @param last the newest file of the run before */
  #noteRestart({ name }: StoreFile): void {
    const { folder, run } = this.#options;
    try {
      using database = openForReading(join(folder, name), name);
      const before = database.query("SELECT * FROM run ORDER BY id DESC LIMIT 1").get() as {
        readonly until_ms: number;
        readonly ended: number;
        readonly boot_id: string;
      } | null;
      if (before === null) return;
      const how = before.ended === 1 ? "the recorder was ended" : "the recorder was killed";
      const detail = before.boot_id === run.bootId ? how : "the host was booted";
      this.cover("restart", before.until_ms, this.#clocks.wallMs, undefined, detail);
    } catch {
      // A file that cannot be read is noted by its reader.
    }
  }

  /** Opens a file to write on in it, and learns what it has. @returns undefined if a new one must be begun */
  #resume(file: StoreFile): StoreFile | undefined {
    const { folder, run, limits } = this.#options;
    const { wallMs } = this.#clocks;
    const path = join(folder, file.name);
    const isToday = Math.floor(begunMs(file) / DAY_MS) === Math.floor(wallMs / DAY_MS);
    if (!isToday || fileBytes(folder, file.name) >= limits.budgetBytes / SHARES || isCut(path))
      return undefined;
    let database: Database | undefined;
    try {
      openForReading(path, file.name).close();
      database = openForWriting(path, file.name);
      const known = knownOf(database);
      if (known.run?.boot_id !== run.bootId || known.lastSample > wallMs)
        throw new StoreError("it is of another time");
      this.#database = database;
      this.#run = known.run.id + 1;
      this.#nextId = known.nextId;
      this.#lastSample = known.lastSample;
      this.#lastConnection = known.lastConnection;
      for (const { id, inode, name, pid } of known.places) {
        this.#places.set(inode, id);
        this.#placeFacts.set(id, { inode, name: name ?? undefined, pid: pid ?? undefined });
        this.#written.add(id);
      }
      for (const { id, pid, start_ticks: startTicks, name, ...facts } of known.processes) {
        this.#processes.set(`${pid}/${startTicks}/${decoder.decode(name)}`, id);
        this.#processFacts.set(id, {
          pid,
          startTicks,
          name,
          uid: facts.uid ?? undefined,
          user: facts.user ?? undefined,
          exe: facts.exe ?? undefined,
          arguments: facts.arguments ?? undefined,
          cgroup: facts.cgroup ?? undefined,
        });
        this.#written.add(id);
      }
      for (const { place, name, data } of known.contexts)
        this.#contexts.set(`${place}/${name}`, Bun.hash.crc32(Bun.zstdDecompressSync(data)));
      return file;
    } catch {
      database?.close();
      return undefined;
    }
  }

  /** Forgets what the file before knew. */
  #forgetFile(): void {
    this.#run = 1;
    this.#addresses = new Map();
    this.#contexts = new Map();
    this.#written = new Set();
    this.#lastConnection = 0;
    this.#lastSample = 0;
    this.#differences = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Adds the row of this run to the file, and the spans that have not ended. */
  #beginRun(): void {
    const { run } = this.#options;
    const { wallMs } = this.#clocks;
    this.#add("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#run,
      run.bootId,
      run.version,
      run.host,
      run.intervalMs,
      run.filter ?? null,
      run.tables ?? null,
      run.sources,
      Math.floor(wallMs),
      Math.floor(wallMs),
      0,
    ]);
    for (const [name, { kind, detail }] of this.#spans) {
      const id = this.#nextId++;
      this.#spans.set(name, { id, kind, detail });
      this.#insertSpan(id, kind, detail, wallMs);
    }
  }

  #add(sql: string, values: SQLQueryBindings[]): void {
    this.#waiting.push({ sql, values });
  }

  /** Forgets processes that have no socket, when there are many. */
  #forgetProcesses(owners: StoredOwners): void {
    if (this.#processFacts.size < PROCESSES_LIMIT) return;
    const used = new Set<number>();
    for (const [, list] of owners) for (const { process } of list) used.add(process);
    for (const [key, id] of this.#processes) {
      if (used.has(id)) continue;
      this.#processes.delete(key);
      this.#processFacts.delete(id);
    }
  }

  #address(bytes: Uint8Array): number {
    const key = bytes.join(".");
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    if (this.#addresses.size >= ADDRESSES_LIMIT) this.#addresses.clear();
    this.#addresses.set(key, id);
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = addressText(data, 0, bytes.length === 4 ? AF_INET : AF_INET6);
    this.#add("INSERT INTO address VALUES (?, ?, ?)", [id, bytes.slice(), text]);
    return id;
  }

  #writePlace(id: number): void {
    const facts = this.#placeFacts.get(id);
    if (facts === undefined || this.#written.has(id)) return;
    this.#written.add(id);
    const { inode, name = null, pid = null } = facts;
    this.#add("INSERT INTO place VALUES (?, ?, ?, ?)", [id, inode, name, pid]);
  }

  #writeProcess(id: number): void {
    if (this.#written.has(id)) return;
    const facts = this.#processFacts.get(id);
    if (facts === undefined) return;
    this.#written.add(id);
    this.#add("INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      id,
      facts.pid,
      facts.startTicks,
      facts.name,
      facts.uid ?? null,
      facts.user ?? null,
      facts.exe ?? null,
      facts.arguments ?? null,
      facts.cgroup ?? null,
    ]);
    this.#waitingBytes += (facts.arguments?.length ?? 0) + (facts.cgroup?.length ?? 0);
  }

  /** Notes steps of the clock and suspends since the last reading. After a step back a new file is begun. */
  #noteClocks(now: ClockReading): void {
    const before = this.#clocks;
    this.#clocks = now;
    const { stepMs, suspendedMs } = clockChange(before, now);
    if (suspendedMs > 0) this.cover("suspend", now.wallMs - suspendedMs, now.wallMs, Math.round(suspendedMs));
    if (stepMs !== 0) {
      this.cover("clock", before.wallMs, now.wallMs, Math.round(stepMs));
      // What is in the old file goes on until the clock was set.
      this.#rotate({ ...now, wallMs: now.wallMs - stepMs });
    }
  }

  #commit(now: ClockReading): void {
    this.#database ??= this.#openFile();
    const database = this.#database;
    this.#step("begin");
    database.run("BEGIN IMMEDIATE");
    try {
      for (const { sql, values } of this.#waiting) {
        this.#step("insert");
        let statement = this.#statements.get(sql);
        if (statement === undefined) {
          statement = database.prepare(sql);
          this.#statements.set(sql, statement);
        }
        statement.run(...values);
      }
      database.run("UPDATE run SET until_ms = max(until_ms, ?) WHERE id = ?", [
        Math.floor(now.wallMs),
        this.#run,
      ]);
      this.#step("commit");
      database.run("COMMIT");
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK");
      throw error;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#step("checkpoint");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#step("committed");
  }

  /** Says what went wrong, once, and gives up what waits if it is too much. */
  #fail(message: string, now: ClockReading): void {
    const { folder, say } = this.#options;
    if (this.#failing === undefined) {
      say(`cannot write to ${folder}: ${message}; waiting`);
      this.#failing = message;
    }
    const bytes = this.#waitingBytes + this.#waiting.length * ROW_BYTES;
    if (bytes < WAITING_LIMIT) return;
    const lost = this.#waiting.length;
    // The rows that later ones refer to are kept, and the next sample must not build on one that is gone.
    this.#waiting = this.#waiting.filter(({ sql }) => !/ (sample|connection) /.test(sql));
    this.#waitingBytes = 0;
    this.#differences = undefined;
    this.cover("disk", now.wallMs, now.wallMs, lost - this.#waiting.length, message);
  }

  /** Whether the current file has its share of the budget, or is of another day. */
  #isFull(wallMs: number): boolean {
    const { folder, limits } = this.#options;
    return (
      Math.floor(wallMs / DAY_MS) !== this.#fileDay ||
      fileBytes(folder, this.#file.name) >= limits.budgetBytes / SHARES
    );
  }

  /** Ends the current file and begins another. What waits goes to the old one. */
  #rotate(now: ClockReading): void {
    try {
      if (this.#waiting.length > 0) this.#commit(now);
      this.#closeDatabase();
      this.#file = this.#newFile();
      this.#fileDay = Math.floor(this.#clocks.wallMs / DAY_MS);
      this.#forgetFile();
      this.#beginRun();
    } catch (error) {
      this.#fail((error as Error).message, now);
    }
  }

  #closeDatabase(): void {
    this.#step("close");
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  /** Removes the oldest files until so many more bytes fit, and the files that are too old. */
  #makeRoom(need: number): void {
    const { folder, limits } = this.#options;
    const others = storeFiles(folder).filter(({ name }) => name !== this.#file.name);
    const oldestMs = this.#clocks.wallMs - limits.days * DAY_MS;
    for (;;) {
      const oldest = others[0];
      if (oldest === undefined) break;
      const isOld = begunMs(others[1] ?? this.#file) < oldestMs;
      if (!isOld && storeBytes(folder) + need <= limits.budgetBytes) break;
      this.#step("unlink");
      removeFile(folder, oldest.name);
      others.shift();
    }
    if (storeBytes(folder) + need > limits.budgetBytes)
      throw new StoreError(`the budget of ${limits.budgetBytes} bytes is too small for one file`);
  }
}
