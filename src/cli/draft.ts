/** The draft of a run: what its options have set. */
import { type Demands, noDemands } from "../model/demand.ts";
import { plainStyle, type RowStyle } from "../table/style.ts";
import { type Choice, nothingChosen } from "./select.ts";

/** A side effect that ss performs as soon as it reads the option, so it can fail before later options are checked. */
export type Action =
  /** `-N`: enter the named network namespace. */
  | { readonly kind: "netns"; readonly name: string }
  /** `-F`: open the file that continues the filter. */
  | { readonly kind: "filterFile"; readonly path: string }
  /** `-Z`, `-z`: fail unless SELinux is enabled. */
  | { readonly kind: "selinux" }
  /** `--bpf-map-id`: open the map with this id. */
  | { readonly kind: "bpfMap"; readonly id: number };

/** Output format; `table` is ss's own, or the table of chosen columns. */
export type Format = "table" | "json" | "ndjson" | "csv";

/** What the options so far have set. */
export interface Draft {
  /** Long names of the options that were given. */
  readonly given: ReadonlySet<string>;
  readonly choice: Choice;
  /** In command-line order. */
  readonly actions: readonly Action[];
  /** What the run needs of each socket beyond what the kernel always sends. */
  readonly demands: Demands;
  /** What ss's own table shows for each socket, and how. */
  readonly style: RowStyle;
  readonly format: Format;
  readonly header: boolean;
  readonly queues: boolean;
  readonly summary: boolean;
  readonly events: boolean;
  readonly kill: boolean;
  /** `-K` may close every socket of the host. */
  readonly killAll: boolean;
  readonly allNetns: boolean;
  /** Time limit for all host name lookups together, in milliseconds. */
  readonly resolveTimeoutMs: number;
  /** Names of the columns to show, or with `by` of the columns to add up. */
  readonly columns?: readonly string[];
  /** Names of the columns to group sockets by. */
  readonly by?: readonly string[];
  /** Names of the columns to sort by. A leading `-` sorts the largest value first. */
  readonly sort?: readonly string[];
  /** Maximum number of rows. */
  readonly top?: number;
  /** File for the kernel's raw answers (`-D`). A name that begins with `-` means standard output. */
  readonly diagFile?: string;
  /** File that continues the filter (`-F`). A name that begins with `-` means standard input. */
  readonly filterFile?: string;
  /** Folder to record the run in. */
  readonly record?: string;
  /** Recording to read instead of this machine: a folder or a bare pcap. */
  readonly replay?: string;
  /** The time in the past to show, as typed. */
  readonly at?: string;
  /** The store of the past; undefined for the default. */
  readonly store?: string;
  /** The other hosts whose sockets to list; undefined for none. */
  readonly hosts?: HostChoice;
  /** The NATS servers of the fleet to query, as typed; undefined for none. */
  readonly fleet?: string;
  /** The paths of the files that say who connects to NATS, and whom to trust. */
  readonly natsFiles: NatsFiles;
  /** The path of the key that signs queries to a fleet. */
  readonly signKey?: string;
  /** Whether hosts with equal answers are shown as one. */
  readonly fold: boolean;
  /** Whether the far side runs as root, by sudo. */
  readonly sudo: boolean;
  /** Time for all answers of other hosts, in milliseconds. */
  readonly hostTimeoutMs: number;
}

/** Which other hosts to query. */
export interface HostChoice {
  /** Lists as typed: `web1,db[1-9]`. */
  readonly lists: readonly string[];
  /** Files with such lists. */
  readonly files: readonly string[];
}

/** Paths of the files for a connection to NATS: `BrokerFiles` has their contents. */
export type NatsFiles = Readonly<Partial<Record<"creds" | "nkey" | "login" | "ca" | "cert" | "key", string>>>;

/** The draft of a run without options. */
export const blankDraft: Draft = {
  given: new Set(),
  choice: nothingChosen,
  actions: [],
  demands: noDemands,
  style: plainStyle,
  format: "table",
  header: true,
  queues: true,
  summary: false,
  events: false,
  kill: false,
  killAll: false,
  allNetns: false,
  resolveTimeoutMs: 5000,
  natsFiles: {},
  fold: false,
  sudo: false,
  hostTimeoutMs: 30_000,
};
