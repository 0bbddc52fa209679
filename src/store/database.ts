/** One file of a store: opening it for the recorder or for a reader, and what is written to it. */
import { Database } from "bun:sqlite";
import { closeSync, fstatSync, lstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { StoreError } from "./error.ts";
import { migrations, SCHEMA_VERSION } from "./schema.ts";

/** Pages that SQLite keeps in memory, in KiB. */
const CACHE_KIB = 4096;

/** The version of the schema that a file has; 0 for an empty one. */
export function versionOf(database: Database): number {
  return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version;
}

/** Brings a file to the current version. Each step is a transaction. @throws StoreError for a newer file */
export function migrate(database: Database, name: string): void {
  const version = versionOf(database);
  if (version > SCHEMA_VERSION)
    throw new StoreError(`${name} was written by a newer version of this program (schema ${version})`);
  for (let next = version; next < SCHEMA_VERSION; next++)
    database.transaction(() => {
      database.run(migrations[next]!);
      database.run(`PRAGMA user_version = ${next + 1}`);
    })();
}

/** Opens a file for the recorder. Every commit is on disk when it returns. */
export function openForWriting(path: string, name: string): Database {
  const database = new Database(path, { readwrite: true, create: true, strict: true });
  try {
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA wal_autocheckpoint = 0");
    database.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    migrate(database, name);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Where a SQLite file says how long its pages are, and how many it has. sqlite.org/fileformat.html, 1.3. */
const PAGE_SIZE_AT = 16;
const PAGE_COUNT_AT = 28;
const HEADER_SIZE = 100;
/** How long a recorder may take to write pages after the header that counts them. */
const CHECKPOINT_MS = 50;

/** Whether a file is shorter than it says, and has no log with the rest. SQLite would read zeros there. */
export function isCut(path: string): boolean {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return false;
  const fd = openSync(path, "r");
  try {
    const header = new DataView(new ArrayBuffer(HEADER_SIZE));
    if (readSync(fd, new Uint8Array(header.buffer), 0, HEADER_SIZE, 0) < HEADER_SIZE) return false;
    const size = header.getUint16(PAGE_SIZE_AT);
    return fstatSync(fd).size < header.getUint32(PAGE_COUNT_AT) * (size === 1 ? 1 << 16 : size);
  } finally {
    closeSync(fd);
  }
}

/** What SQLite opens beside a file if it is there. sqlite.org/tempfiles.html. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

/** The first companion of a file that is not a regular file: SQLite would wait for a FIFO. */
function oddCompanion(path: string): string | undefined {
  return COMPANIONS.find((each) => lstatSync(path + each, { throwIfNoEntry: false })?.isFile() === false);
}

/** What a file consists of: its tables, indexes and views, with their definitions. */
function schemaOf(database: Database): string {
  const rows = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name";
  return JSON.stringify(database.query(rows).values());
}

/** What {@link schemaOf} gives for the files that recorders write, by version. */
const schemas = new Map<number, string>();

function schemaOfVersion(version: number): string {
  let schema = schemas.get(version);
  if (schema === undefined) {
    using database = new Database(":memory:");
    for (const migration of migrations.slice(0, version)) database.run(migration);
    schema = schemaOf(database);
    schemas.set(version, schema);
  }
  return schema;
}

/** Where a SQLite file says with which journal it is written and read: 1 for none beside it while it is at rest. */
const WRITE_VERSION_AT = 18;
const READ_VERSION_AT = 19;
const ROLLBACK_JOURNAL = 1;
/** Bytes of a cut file that are read at most: a file has a sixteenth of the budget. */
const SALVAGE_LIMIT = 1 << 28;

/**
 * Opens what is left of a file that is cut: a copy of its whole pages in memory, which says how many they are, so that
 * reading beyond them fails and gives no zeros.
 *
 * @throws StoreError if not even its tables can be found
 */
export function openSalvaged(path: string, name: string): Database {
  let database: Database | undefined;
  try {
    if (statSync(path).size > SALVAGE_LIMIT) throw new StoreError("it is too large");
    const bytes = readFileSync(path);
    const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER_SIZE) throw new StoreError("nothing of it is left");
    const stored = header.getUint16(PAGE_SIZE_AT);
    const pageSize = stored === 1 ? 1 << 16 : stored;
    const pages = pageSize === 0 ? 0 : Math.floor(bytes.length / pageSize);
    if (pages === 0) throw new StoreError("nothing of it is left");
    header.setUint8(WRITE_VERSION_AT, ROLLBACK_JOURNAL);
    header.setUint8(READ_VERSION_AT, ROLLBACK_JOURNAL);
    header.setUint32(PAGE_COUNT_AT, pages);
    database = Database.deserialize(bytes.subarray(0, pages * pageSize), { readonly: true, strict: true });
    prepareReading(database);
    checkSchema(database);
    return database;
  } catch (error) {
    database?.close();
    throw new StoreError(`cannot read ${name}: ${(error as Error).message}`);
  }
}

/** Prepares a file that somebody else may have made. */
function prepareReading(database: Database): void {
  database.run("PRAGMA trusted_schema = OFF");
  database.run("PRAGMA cell_size_check = ON");
}

/** Checks the tables of a file. @throws StoreError if they are not what a recorder writes */
function checkSchema(database: Database): void {
  const version = versionOf(database);
  if (version === 0) throw new StoreError("it is empty");
  if (version > SCHEMA_VERSION) throw new StoreError(`it has schema ${version}, newer than this program`);
  // A view in the place of a table can compute for ever.
  if (schemaOf(database) !== schemaOfVersion(version)) throw new StoreError("its tables are not ours");
}

/**
 * Opens a file for reading: a snapshot of it, while a recorder may write on.
 *
 * @param checked names of files whose tables were found to be ours; this one is added
 * @throws StoreError if it cannot be opened, or is of a version that this program does not know
 */
export function openForReading(path: string, name: string, checked?: Set<string>): Database {
  let database: Database | undefined;
  try {
    const odd = oddCompanion(path);
    if (odd !== undefined) throw new StoreError(`${name}${odd} is not a regular file`);
    if (isCut(path)) {
      Bun.sleepSync(CHECKPOINT_MS);
      if (isCut(path)) throw new StoreError("it is cut short");
    }
    database = new Database(path, { readonly: true, strict: true });
    prepareReading(database);
    if (checked?.has(name) !== true) checkSchema(database);
    checked?.add(name);
    return database;
  } catch (error) {
    database?.close();
    throw new StoreError(`cannot read ${name}: ${(error as Error).message}`);
  }
}
