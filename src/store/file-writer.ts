/** Writes the current file of a store: rows wait in memory, and are written in one transaction. */
import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { join } from "node:path";
import { openForWriting } from "./database.ts";
import { createPrivate } from "./folder.ts";

/** Estimates: what a row takes, and what SQLite adds to a transaction. */
const ROW_BYTES = 200;
const TRANSACTION_BYTES = 96 << 10;

/** Takes a row: its statement, and what is bound. @param bytes what it takes beyond an ordinary row */
export type AddRow = (sql: string, values: SQLQueryBindings[], bytes?: number) => void;

/** A row that waits. */
interface WaitingRow {
  readonly sql: string;
  readonly values: SQLQueryBindings[];
}

/** The rows that wait, and the database that they go to. */
export class FileWriter {
  readonly #folder: string;
  readonly #step: (name: string) => void;
  readonly #statements = new Map<string, Statement>();
  #database: Database | undefined;
  #waiting: WaitingRow[] = [];
  #waitingBytes = 0;

  /** @param step is called before each step that changes a file */
  constructor(folder: string, step: (name: string) => void) {
    this.#folder = folder;
    this.#step = step;
  }

  readonly add: AddRow = (sql, values, bytes = 0) => {
    this.#waiting.push({ sql, values });
    this.#waitingBytes += bytes;
  };

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Bytes that wait in memory. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#waiting.length * ROW_BYTES;
  }

  /** Bytes that a transaction with what waits takes on disk at most, its log included. */
  get neededBytes(): number {
    return this.waitingBytes * 2 + TRANSACTION_BYTES;
  }

  /** Goes on with a file that is open. */
  use(database: Database): void {
    this.#database = database;
  }

  /** Gives up what waits. */
  forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Gives up samples and connections, which no other row refers to. @returns how many rows */
  forgetLargest(): number {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter(({ sql }) => !/ (sample|connection) /.test(sql));
    this.#waitingBytes = 0;
    return before - this.#waiting.length;
  }

  /**
   * Writes what waits, and syncs it.
   *
   * @param name of the file, which is made if no file is open
   * @param finish adds to the transaction
   * @throws the error of SQLite; everything waits on then
   */
  commit(name: string, finish: (database: Database) => void): void {
    this.#database ??= this.#open(name);
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
      finish(database);
      this.#step("commit");
      database.run("COMMIT");
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK");
      throw error;
    }
    this.forget();
    this.#step("checkpoint");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#step("committed");
  }

  /** Changes the file at once, if one is open. */
  change(work: (database: Database) => void): void {
    if (this.#database !== undefined) work(this.#database);
  }

  /** Closes the file. */
  close(): void {
    this.#step("close");
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#database?.close();
    this.#database = undefined;
  }

  #open(name: string): Database {
    const path = join(this.#folder, name);
    this.#step("create");
    createPrivate(path);
    this.#step("open");
    return openForWriting(path, name);
  }
}
