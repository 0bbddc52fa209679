/** Rows of a store, as SQLite has them. */

/** A row of the table `process`. */
export interface StoredProcess {
  readonly id: number;
  readonly pid: number;
  readonly start_ticks: number;
  readonly name: Uint8Array;
  readonly uid: number | null;
  readonly user: string | null;
  readonly exe: string | null;
  readonly arguments: Uint8Array | null;
  readonly cgroup: string | null;
}

/** A row of the table `place`. */
export interface StoredPlace {
  readonly id: number;
  readonly inode: number;
  readonly name: string | null;
  readonly pid: number | null;
}

/** What was noted beside the sockets of a place: a file below /proc by its path, or another thing by its name. */
export interface StoredContext {
  readonly place: number;
  readonly name: string;
  readonly data: Uint8Array;
}
