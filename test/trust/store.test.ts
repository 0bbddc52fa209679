/** Stores of strangers: what is in the folder, and in the files, neither hangs a reader nor is taken for a recording. */
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openForReading, openForWriting } from "../../src/store/database.ts";
import { StoreError } from "../../src/store/error.ts";
import { migrations, SCHEMA_VERSION } from "../../src/store/schema.ts";

const scratch = mkdtempSync(join(tmpdir(), "hostile-store-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const original = join(scratch, "original.db");
openForWriting(original, "original.db").close();

/** A copy of a file as a recorder writes it. */
function copy(name: string): string {
  const path = join(scratch, name);
  copyFileSync(original, path);
  return path;
}

function read(path: string): void {
  openForReading(path, "x.db").close();
}

test("files of every version are read", () => {
  expect(() => read(original)).not.toThrow();
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    const path = join(scratch, `version-${version}.db`);
    using database = new Database(path);
    for (const migration of migrations.slice(0, version)) database.run(migration);
    database.run(`PRAGMA user_version = ${version}`);
    expect(() => read(path)).not.toThrow();
  }
});

test.each(["-wal", "-shm", "-journal"])(
  "a FIFO or a link in the place of %s is refused, and not waited for",
  (companion) => {
    const fifo = copy(`fifo${companion}.db`);
    expect(Bun.spawnSync(["mkfifo", fifo + companion]).success).toBe(true);
    expect(() => read(fifo)).toThrow(
      new StoreError(`cannot read x.db: x.db${companion} is not a regular file`),
    );
    const link = copy(`link${companion}.db`);
    symlinkSync("/dev/zero", link + companion);
    expect(() => read(link)).toThrow(
      new StoreError(`cannot read x.db: x.db${companion} is not a regular file`),
    );
  },
);

test.each([
  [
    "a view that never ends",
    "connection",
    (columns: string) => `CREATE VIEW connection AS
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ${columns} FROM n WHERE i < 0`,
  ],
  [
    "a table without constraints",
    "sample",
    (columns: string) => `CREATE TABLE sample (${columns.replaceAll("i AS ", "")})`,
  ],
  ["a trigger", undefined, () => "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM sample; END"],
  ["a virtual table", undefined, () => "CREATE VIRTUAL TABLE words USING fts5 (word)"],
] as const)("%s is refused", (what, table, definition) => {
  const path = copy(`${what}.db`);
  using database = new Database(path);
  const columns = table === undefined ? [] : database.query(`PRAGMA table_info(${table})`).all();
  const names = columns.map((each) => `i AS ${(each as { name: string }).name}`).join(", ");
  if (table !== undefined) {
    database.run("DROP VIEW connections");
    database.run(`ALTER TABLE ${table} RENAME TO other`);
  }
  database.run(definition(names));
  expect(() => read(path)).toThrow(new StoreError("cannot read x.db: its tables are not ours"));
});
