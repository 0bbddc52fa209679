/** The places, processes and addresses of a store by number: rows name them so, and each is in a file once. */
import { addressText } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { PlaceFacts, ProcessFacts } from "./facts.ts";
import type { AddRow } from "./file-writer.ts";
import type { KnownOfFile } from "./known.ts";
import type { StoredOwners } from "./owners.ts";

/** Addresses and processes that are remembered, so that the next row finds them; others are written again. */
const ADDRESSES_LIMIT = 100_000;
const PROCESSES_LIMIT = 10_000;
/** How long the facts about a network namespace are kept after its end. */
const PLACE_MS = 60_000;

const decoder = new TextDecoder();

function processKey(pid: number, startTicks: number, name: string): string {
  return `${pid}/${startTicks}/${name}`;
}

/** The numbers that are known. */
export class StoreNames {
  readonly #add: AddRow;
  #nextId = 1;
  readonly #places = new Map<number, number>();
  readonly #placeFacts = new Map<number, PlaceFacts>();
  /** Namespaces that have ended, and when by the time awake. */
  #forgottenPlaces: { readonly place: number; readonly atMs: number }[] = [];
  readonly #processes = new Map<string, number>();
  readonly #processFacts = new Map<number, ProcessFacts>();
  #addresses = new Map<string, number>();
  /** Checksums of what the file has of each context. */
  #contexts = new Map<string, number>();
  /** Places and processes that the current file has, or will have with the next flush. */
  #written = new Set<number>();

  constructor(add: AddRow) {
    this.#add = add;
  }

  /** A number that no other row has. */
  newId(): number {
    return this.#nextId++;
  }

  /** Forgets what the file before has. */
  forgetFile(): void {
    this.#addresses = new Map();
    this.#contexts = new Map();
    this.#written = new Set();
  }

  /** Learns what a file has. */
  resume({ nextId, places, processes, contexts }: KnownOfFile): void {
    this.#nextId = nextId;
    for (const { id, inode, name, pid } of places) {
      this.#places.set(inode, id);
      this.#placeFacts.set(id, { inode, name: name ?? undefined, pid: pid ?? undefined });
      this.#written.add(id);
    }
    for (const { id, pid, start_ticks: startTicks, name, ...facts } of processes) {
      this.#processes.set(processKey(pid, startTicks, decoder.decode(name)), id);
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
    for (const { place, name, data } of contexts)
      this.#contexts.set(`${place}/${name}`, Bun.hash.crc32(Bun.zstdDecompressSync(data)));
  }

  /** The number of a network namespace. */
  place(facts: PlaceFacts): number {
    const known = this.#places.get(facts.inode);
    if (known !== undefined) return known;
    const id = this.newId();
    this.#places.set(facts.inode, id);
    this.#placeFacts.set(id, facts);
    return id;
  }

  /** Forgets a network namespace that has ended. @param awakeMs the time awake */
  forgetPlace(inode: number, awakeMs: number): void {
    const id = this.#places.get(inode);
    if (id === undefined) return;
    this.#places.delete(inode);
    const old = this.#forgottenPlaces.filter(({ atMs }) => awakeMs - atMs > PLACE_MS);
    for (const { place } of old) this.#placeFacts.delete(place);
    for (const name of this.#contexts.keys())
      if (!this.#placeFacts.has(Number(name.slice(0, name.indexOf("/"))))) this.#contexts.delete(name);
    this.#forgottenPlaces = this.#forgottenPlaces.filter(({ atMs }) => awakeMs - atMs <= PLACE_MS);
    this.#forgottenPlaces.push({ place: id, atMs: awakeMs });
  }

  /** The number of a process, if it was seen before. */
  knownProcess(pid: number, startTicks: number, name: string): number | undefined {
    return this.#processes.get(processKey(pid, startTicks, name));
  }

  /** What is known of a process. */
  processFacts(id: number): ProcessFacts | undefined {
    return this.#processFacts.get(id);
  }

  /** The number of a process that was not seen before. @param name as text, to find it again */
  addProcess(name: string, facts: ProcessFacts): number {
    const id = this.newId();
    this.#processes.set(processKey(facts.pid, facts.startTicks, name), id);
    this.#processFacts.set(id, facts);
    return id;
  }

  /** Forgets processes that have no socket, when there are many. */
  forgetProcesses(owners: StoredOwners): void {
    if (this.#processFacts.size < PROCESSES_LIMIT) return;
    const used = new Set<number>();
    for (const [, list] of owners) for (const { process } of list) used.add(process);
    for (const [key, id] of this.#processes) {
      if (used.has(id)) continue;
      this.#processes.delete(key);
      this.#processFacts.delete(id);
    }
  }

  /** Whether the file does not have a context with this content yet; it is taken to have it from now on. */
  isNewContext(place: number, name: string, data: Uint8Array): boolean {
    const key = `${place}/${name}`;
    const crc = Bun.hash.crc32(data);
    if (this.#contexts.get(key) === crc) return false;
    this.#contexts.set(key, crc);
    return true;
  }

  /** The number of an address, whose row is added if the file may not have it. @param bytes 4 or 16 */
  address(bytes: Uint8Array): number {
    const key = bytes.join(".");
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    const id = this.newId();
    if (this.#addresses.size >= ADDRESSES_LIMIT) this.#addresses.clear();
    this.#addresses.set(key, id);
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = addressText(data, 0, bytes.length === 4 ? AF_INET : AF_INET6);
    this.#add("INSERT INTO address VALUES (?, ?, ?)", [id, bytes.slice(), text]);
    return id;
  }

  /** Adds the row of a place that other rows name, if the file does not have it. */
  writePlace(id: number): void {
    const facts = this.#placeFacts.get(id);
    if (facts === undefined || this.#written.has(id)) return;
    this.#written.add(id);
    const { inode, name = null, pid = null } = facts;
    this.#add("INSERT INTO place VALUES (?, ?, ?, ?)", [id, inode, name, pid]);
  }

  /** Adds the row of a process that other rows name, if the file does not have it. */
  writeProcess(id: number): void {
    const facts = this.#processFacts.get(id);
    if (facts === undefined || this.#written.has(id)) return;
    this.#written.add(id);
    this.#add(
      "INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        id,
        facts.pid,
        facts.startTicks,
        facts.name,
        facts.uid ?? null,
        facts.user ?? null,
        facts.exe ?? null,
        facts.arguments ?? null,
        facts.cgroup ?? null,
      ],
      (facts.arguments?.length ?? 0) + (facts.cgroup?.length ?? 0),
    );
  }
}
