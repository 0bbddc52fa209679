/** What a file of a store has, for a recorder that goes on in it. */
import type { Database } from "bun:sqlite";
import type { StoredContext, StoredPlace, StoredProcess } from "./rows.ts";

/** What a file has that a later run goes on with. */
export interface KnownOfFile {
  readonly run: { readonly id: number; readonly boot_id: string } | null;
  readonly nextId: number;
  readonly lastSample: number;
  readonly lastConnection: number;
  readonly places: readonly StoredPlace[];
  readonly processes: readonly StoredProcess[];
  readonly contexts: readonly StoredContext[];
}

/** The tables whose ids are numbers of the store. */
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

/** Reads what a file has. */
export function knownOf(database: Database): KnownOfFile {
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
