/** The server's answers, as `/openapi.json` describes them. */

/** `/api/host`. */
export interface HostInfo {
  readonly version: string;
  readonly host: string;
  readonly kernel: string;
  readonly now: string;
  readonly intervalMs: number;
  /** What the page cannot show for want of rights, in sentences. */
  readonly missing: readonly string[];
  readonly allowKill: boolean;
  /** How many other hosts the map can show. */
  readonly mapHosts: number;
  readonly store: { readonly from: string; readonly to: string } | null;
  readonly events: { readonly missing: readonly string[] };
}

/** A column of the table. */
export interface ColumnInfo {
  readonly name: string;
  /** All words for it. */
  readonly names: readonly string[];
  readonly heading: string;
  readonly type: string;
  readonly unit?: string;
  readonly doc: string;
}

/** A word with its meaning. */
export interface Word {
  readonly word: string;
  readonly doc?: string;
}

/** A word of the filter language. */
export interface FilterWord extends Word {
  /** What it is compared with. */
  readonly operands?: string;
}

/** `/api/fields`. */
export interface Fields {
  readonly columns: readonly ColumnInfo[];
  readonly filter: readonly FilterWord[];
  readonly states: readonly Word[];
  readonly tables: readonly Word[];
  readonly groups: readonly Word[];
}

/** A value of a cell. */
export type CellValue = string | number | boolean | null | readonly CellValue[];

/** A row of the table. */
export interface Row {
  readonly id: string;
  readonly values: readonly CellValue[];
}

/** `/api/live`: a window of the table. */
export interface LiveAnswer {
  readonly generation: number;
  readonly time: string;
  /** Sockets of the tables and states, and those that match the filter, too. */
  readonly total: number;
  readonly matched: number;
  readonly offset: number;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly facets: { readonly state?: Readonly<Record<string, number>> };
  readonly notes: readonly string[];
}

/** One fact about a socket. */
export interface FieldValue {
  readonly key: string;
  readonly group: string;
  readonly value: unknown;
  readonly unit?: string;
  readonly doc: string;
}

/** How bad a finding is. */
export type Severity = "critical" | "warning" | "info";

/** `/api/socket/ID`. */
export interface SocketAnswer {
  readonly id: string;
  readonly time: string;
  readonly state: "open" | "closed";
  readonly closed?: string;
  readonly socket: SocketObject;
  readonly fields: readonly FieldValue[];
  readonly process: Readonly<Record<string, unknown>> | null;
  readonly container: unknown;
  readonly netns: unknown;
  readonly explanation: { readonly sentence: string } | null;
  readonly findings: readonly {
    readonly rule: string;
    readonly severity: Severity;
    readonly title: string;
  }[];
  readonly rates?: {
    readonly intervalMs: number;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | number | null)[])[];
  };
}

/** An end of a socket. */
export interface End {
  readonly address?: string;
  readonly port?: number | string;
  readonly name?: string;
  readonly path?: string;
}

/** A socket or an event, with the keys of `--json`. */
export interface SocketObject {
  readonly netid?: string;
  readonly state?: string;
  readonly local?: End;
  readonly peer?: End;
  readonly processes?: readonly { readonly pid?: number; readonly comm?: string }[];
}

/** A node of the map. */
export interface MapNode {
  readonly id: string;
  readonly side: "own" | "peer";
  readonly label: string;
  readonly sockets: number;
  /** Bytes per second. */
  readonly rx: number | null;
  readonly tx: number | null;
  /** How many nodes it stands for. */
  readonly folded?: number;
}

/** An edge of the map: the sockets between two nodes. */
export interface MapEdge {
  readonly from: string;
  readonly to: string;
  readonly sockets: number;
  readonly rx: number | null;
  readonly tx: number | null;
  /** Median round trip time in microseconds. */
  readonly rttUs: number | null;
  /** Segments retransmitted per second. */
  readonly retransRate: number | null;
  /** The expression that selects its sockets. */
  readonly filter: string | null;
}

/** `/api/map`. */
export interface MapAnswer {
  readonly time: string;
  /** Whether rx and tx are bytes of a span, not rates. */
  readonly totals?: boolean;
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

/** `/api/map/hosts`: clients on the own side, services on the other. */
export interface HostsMapAnswer extends MapAnswer {
  /** Whether the hosts have not answered yet. */
  readonly pending?: boolean;
  /** Edges that are not shown. */
  readonly leftOut: number;
  /** How many hosts answered. */
  readonly answered: number;
  /** The hosts that did not, by reason. */
  readonly failures: readonly { readonly hosts: string; readonly count: number; readonly reason: string }[];
}

/** A finding of the doctor. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly subject: string;
  readonly title: string;
  readonly evidence: readonly string[];
  readonly socketCount: number;
  readonly sockets: readonly SocketObject[];
  /** When the recorder saw it first and last, and when it was over. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  readonly cleared?: string;
  readonly ids?: readonly (string | null)[];
  readonly filter?: string | null;
  readonly why: string;
  readonly advice: readonly { readonly text: string; readonly command?: string }[];
}

/** `/api/doctor`. */
export interface DoctorAnswer {
  /** When the host was examined; of a span, its end. */
  readonly time: string;
  /** Whether the findings are those that the recorder noted in a span. */
  readonly recorded?: boolean;
  readonly findings: readonly Finding[];
  readonly rulesChecked?: readonly string[];
  readonly socketsExamined?: number;
}

/** An event of a socket. */
export interface SocketEvent extends SocketObject {
  readonly seq: number;
  readonly time: string;
  readonly event: string;
  readonly oldState?: string;
  readonly newState?: string;
  readonly durationMs?: number;
  readonly reason?: string;
  readonly synsSent?: number;
  readonly count?: number;
  readonly tcpInfo?: { readonly bytesAcked?: number; readonly bytesReceived?: number };
  readonly socketId?: string | null;
}

/** `/api/events`. */
export interface EventsAnswer {
  readonly events: readonly SocketEvent[];
  readonly lost: number;
}

/** A span of time. */
export interface Span {
  readonly from: string;
  readonly until: string;
}

/** `/api/history`. */
export type HistoryAnswer =
  | { readonly available: false; readonly why: string }
  | {
      readonly available: true;
      readonly coverage: { readonly recorded: readonly Span[]; readonly notes: readonly string[] };
      readonly total?: number;
      readonly columns?: readonly string[];
      readonly rows?: readonly { readonly values: readonly CellValue[] }[];
    };

/** The `sample` of the stream: the numbers of all sockets together. */
export interface SampleTotals {
  readonly generation: number;
  readonly time: string;
  readonly intervalMs?: number;
  readonly sockets: number;
  readonly opened: number;
  readonly closed: number;
  readonly states: Readonly<Record<string, number>>;
  readonly totals: Readonly<Record<string, number | null>>;
  readonly notes: readonly string[];
}

/** A mistake in a filter, as the command line reports it. */
export interface FilterProblem {
  readonly offset: number;
  readonly length: number;
  readonly expected: string;
  /** The line of the filter, and the line of carets below it. */
  readonly line: string;
  readonly caret: string;
}
