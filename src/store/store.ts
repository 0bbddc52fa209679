/**
 * The store that a recorder writes: a folder of SQLite files. What comes is collected in memory and written every few
 * seconds in one transaction, which is on disk when it returns; nothing older is ever lost. The folder never grows
 * beyond its budget: the oldest file is removed before more is written.
 */
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { type ClockReading, clockChange } from "./clock.ts";
import { encodeImage, sampleFormats } from "./codec.ts";
import { pack } from "./compress.ts";
import { isCut, openForReading, openForWriting } from "./database.ts";
import { StoreError } from "./error.ts";
import type {
  Bundle,
  CoverageKind,
  EndedConnection,
  FindingFacts,
  PlaceFacts,
  ProcessFacts,
  RunFacts,
  SightingFacts,
} from "./facts.ts";
import { FileWriter } from "./file-writer.ts";
import {
  begunMs,
  fileBytes,
  fileName,
  freeBytes,
  makeFolder,
  removeFile,
  type StoreFile,
  storeBytes,
  storeFiles,
} from "./folder.ts";
import type { SocketImage } from "./image.ts";
import { knownOf } from "./known.ts";
import { lockFolder } from "./lock.ts";
import { StoreNames } from "./names.ts";
import { ByteSink } from "./numbers.ts";
import { encodeOwners, type SampleOwners } from "./owners.ts";
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
const DIFFERENCES_LIMIT = 80;
/** Bytes that wait in memory at most while nothing can be written. */
const WAITING_LIMIT = 32 << 20;
const DAY_MS = 86_400_000;
/** A span of time that has not ended. */
interface OpenSpan {
  readonly id: number;
  readonly kind: CoverageKind;
  readonly detail: string;
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
  readonly #writer: FileWriter;
  readonly #names: StoreNames;
  #file: StoreFile;
  #fileDay: number;
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
    this.#writer = new FileWriter(folder, (name) => options.step?.(name));
    this.#names = new StoreNames(this.#writer.add);
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
    return this.#names.place(facts);
  }

  /**
   * Forgets a network namespace that has ended: another one may get its inode. Connections that are counted together
   * may name it for some time.
   */
  forgetPlace(inode: number): void {
    this.#names.forgetPlace(inode, this.#clocks.awakeMs);
  }

  /** The number of a process, if it was seen before. */
  knownProcess(pid: number, startTicks: number, name: string): number | undefined {
    return this.#names.knownProcess(pid, startTicks, name);
  }

  /** What is known of a process. @param id as {@link addProcess} has returned it */
  processFacts(id: number): ProcessFacts | undefined {
    return this.#names.processFacts(id);
  }

  /** The number of a process that was not seen before. @param name as text, to find it again */
  addProcess(name: string, facts: ProcessFacts): number {
    return this.#names.addProcess(name, facts);
  }

  /** Notes what a file said, if it says something else than before. @param name such as `links` */
  context(place: number, name: string, data: Uint8Array): void {
    if (!this.#names.isNewContext(place, name, data)) return;
    const packed = Bun.zstdCompressSync(data);
    const wallMs = Math.floor(this.#clocks.wallMs);
    this.#writer.add(
      "INSERT INTO context VALUES (?, ?, ?, ?, ?)",
      [this.#names.newId(), wallMs, place, name, packed],
      packed.length,
    );
  }

  /** Adds a row about what is known of a span of time. */
  cover(kind: CoverageKind, fromMs: number, untilMs: number, count?: number, detail?: string): void {
    this.#writer.add("INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?)", [
      this.#names.newId(),
      kind,
      Math.floor(Math.min(fromMs, untilMs)),
      Math.ceil(Math.max(fromMs, untilMs)),
      count ?? null,
      detail ?? null,
    ]);
  }

  /** Begins a span of time that something is true of. It ends with {@link endSpan}, or where the file ends. */
  beginSpan(kind: CoverageKind, detail: string, now: ClockReading): void {
    const id = this.#names.newId();
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
    this.#writer.add("INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?)", [id, kind, at, at, null, detail]);
  }

  #extendSpan(id: number, ms: number): void {
    this.#writer.add("UPDATE coverage SET until_ms = max(until_ms, ?) WHERE id = ?", [Math.ceil(ms), id]);
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
    for (const { place } of image.groups.values()) this.#names.writePlace(place);
    for (const inode of whole ? owners.all.keys() : owners.changed)
      for (const { process } of owners.all.get(inode) ?? []) this.#names.writeProcess(process);
    this.#lastSample = Math.max(this.#lastSample + 1, Math.floor(clocks.wallMs));
    const row = [
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
    ];
    this.#writer.add("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row, data.length);
    this.#differences = whole ? 0 : this.#differences! + 1;
    if (whole) this.#names.forgetProcesses(owners.all);
    const { totals } = this;
    totals.samples++;
    totals.sockets += sockets;
    totals.changed += whole ? 0 : changed;
    totals[whole ? "wholeBytes" : "differenceBytes"] += data.length;
  }

  /** Adds a connection that ended. */
  connection(ended: EndedConnection): void {
    this.#lastConnection = Math.max(this.#lastConnection + 1, Math.floor(ended.closedMs) * IDS_PER_MS);
    this.#names.writePlace(ended.place);
    if (ended.process !== undefined) this.#names.writeProcess(ended.process);
    this.#writer.add("INSERT INTO connection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#lastConnection,
      ended.openedMs === undefined ? null : Math.floor(Math.min(ended.openedMs, ended.closedMs)),
      ended.protocol,
      ended.place,
      this.#names.address(ended.local),
      ended.localPort,
      this.#names.address(ended.peer),
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
    return this.#names.newId();
  }

  /** Adds a finding, or what has become of it. */
  finding(id: number, facts: FindingFacts): void {
    if (facts.place !== undefined) this.#names.writePlace(facts.place);
    const row = [
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
    ];
    const sql = "INSERT OR REPLACE INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    this.#writer.add(sql, row, facts.data.length);
  }

  /** Notes that a finding that was added to this file still lasts. */
  findingLasts(id: number, lastMs: number): void {
    this.#writer.add("UPDATE finding SET last_ms = ? WHERE id = ?", [Math.floor(lastMs), id]);
  }

  /** Adds a first sighting. */
  sighting(facts: SightingFacts): void {
    this.#names.writePlace(facts.place);
    this.#writer.add("INSERT INTO sighting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#names.newId(),
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
    this.#names.writePlace(place);
    if (process !== undefined) this.#names.writeProcess(process);
    this.#writer.add("INSERT INTO bundle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      this.#names.newId(),
      Math.floor(bundle.fromMs),
      Math.floor(bundle.untilMs),
      bundle.protocol,
      place,
      peer === undefined ? null : this.#names.address(peer),
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
      const need = this.#writer.neededBytes;
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
        this.#writer.change((database) => database.run("UPDATE run SET ended = 1 WHERE id = ?", [this.#run]));
      this.#writer.close();
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
      this.#names.resume(known);
      this.#writer.use(database);
      this.#run = known.run.id + 1;
      this.#lastSample = known.lastSample;
      this.#lastConnection = known.lastConnection;
      return file;
    } catch {
      database?.close();
      return undefined;
    }
  }

  /** Forgets what the file before knew. */
  #forgetFile(): void {
    this.#run = 1;
    this.#names.forgetFile();
    this.#lastConnection = 0;
    this.#lastSample = 0;
    this.#differences = undefined;
    this.#writer.forget();
  }

  /** Adds the row of this run to the file, and the spans that have not ended. */
  #beginRun(): void {
    const { run } = this.#options;
    const { wallMs } = this.#clocks;
    this.#writer.add("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
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
      const id = this.#names.newId();
      this.#spans.set(name, { id, kind, detail });
      this.#insertSpan(id, kind, detail, wallMs);
    }
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

  #commit({ wallMs }: ClockReading): void {
    this.#writer.commit(this.#file.name, (database) => {
      const sql = "UPDATE run SET until_ms = max(until_ms, ?) WHERE id = ?";
      database.run(sql, [Math.floor(wallMs), this.#run]);
    });
  }

  /** Says what went wrong, once, and gives up what waits if it is too much. */
  #fail(message: string, now: ClockReading): void {
    const { folder, say } = this.#options;
    if (this.#failing === undefined) {
      say(`cannot write to ${folder}: ${message}; waiting`);
      this.#failing = message;
    }
    if (this.#writer.waitingBytes < WAITING_LIMIT) return;
    // The rows that later ones refer to are kept, and the next sample must not build on one that is gone.
    const lost = this.#writer.forgetLargest();
    this.#differences = undefined;
    this.cover("disk", now.wallMs, now.wallMs, lost, message);
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
      if (!this.#writer.isEmpty) this.#commit(now);
      this.#writer.close();
      this.#file = this.#newFile();
      this.#fileDay = Math.floor(this.#clocks.wallMs / DAY_MS);
      this.#forgetFile();
      this.#beginRun();
    } catch (error) {
      this.#fail((error as Error).message, now);
    }
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
