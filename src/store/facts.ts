/** What a recorder hands to its store. */

/** A network namespace. */
export interface PlaceFacts {
  readonly inode: number;
  readonly name: string | undefined;
  readonly pid: number | undefined;
}

/** A process, as it was when it was first seen. */
export interface ProcessFacts {
  readonly pid: number;
  /** Start time in clock ticks since boot. */
  readonly startTicks: number;
  readonly name: Uint8Array;
  readonly uid: number | undefined;
  readonly user: string | undefined;
  readonly exe: string | undefined;
  /** Its arguments, each with a NUL at its end; undefined if they are left out or unknown. */
  readonly arguments: Uint8Array | undefined;
  /** Text of /proc/PID/cgroup. */
  readonly cgroup: string | undefined;
}

/** A connection that ended. */
export interface EndedConnection {
  readonly closedMs: number;
  /** undefined if it was there before the recorder. */
  readonly openedMs: number | undefined;
  /** IP protocol. */
  readonly protocol: number;
  readonly place: number;
  /** Bytes of the addresses: 4 or 16. */
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly peer: Uint8Array;
  readonly peerPort: number;
  readonly process: number | undefined;
  readonly uid: number;
  /** Why it ended, if that is known and was not an ordinary close. */
  readonly reason: string | undefined;
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly segmentsSent: number | undefined;
  readonly segmentsReceived: number | undefined;
  readonly retransmits: number | undefined;
  readonly rttUs: number | undefined;
  readonly minRttUs: number | undefined;
}

/** Connections that are counted together. */
export interface Bundle {
  readonly fromMs: number;
  readonly untilMs: number;
  /** IP protocol. */
  readonly protocol: number;
  readonly place: number;
  /** Bytes of the peer's address; undefined if there were too many peers to keep them apart. */
  readonly peer: Uint8Array | undefined;
  /** The port of the end that listened. */
  readonly serverPort: number;
  readonly process: number | undefined;
  readonly connections: number;
  /** How many of them have a reason for their end. */
  readonly failed: number;
  /** Sum of their durations, as far as these are known. */
  readonly durationMs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly segmentsSent: number;
  readonly segmentsReceived: number;
  readonly retransmits: number;
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

/** What a row of the table `coverage` is about. */
export type CoverageKind =
  /** The wall clock was set, by `count` milliseconds. */
  | "clock"
  /** The host was suspended, for `count` milliseconds. */
  | "suspend"
  /** The kernel dropped `count` events. */
  | "lost"
  /** A sample took `count` milliseconds, so that its sockets are not of one moment. */
  | "slow"
  /** Something is left out because samples took too long; `detail` says what. */
  | "degraded"
  /** `count` connections are counted together in the table `bundle`. */
  | "bundled"
  /** The events of some network namespaces are not followed: only their samples are kept. */
  | "unfollowed"
  /** More than `count` peers or listeners are not told apart any more; `detail` says whose. */
  | "peers"
  /** `count` rows could not be written. */
  | "disk"
  /** A recorder began after another had run. */
  | "restart";
