/** The table of options: names, value, help texts, and their effect on the draft of a run. */
import { unsigned } from "../bytes/c-numbers.ts";
import { type Demand, type Demands, demandSet, noDemands } from "../model/demand.ts";
import { type Family, families, type Table } from "../model/selection.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_LISTEN, stateGroups } from "../model/state.ts";
import { COUNT } from "../plan/plan.ts";
import { plainStyle, type RowStyle } from "../table/style.ts";
import {
  askedCommands,
  type CommandWord,
  commandNames,
  listingCommands,
  machineCommands,
} from "./commands/command-names.ts";
import { type Shell, shells } from "./completions/shells.ts";
import { EXIT_USAGE, getopt, isStop, type OptionNames, type Stop } from "./getopt.ts";
import {
  type Choice,
  chooseFamily,
  chooseStates,
  chooseTable,
  chooseTables,
  nothingChosen,
  tableWords,
} from "./select.ts";
import type { World } from "./world.ts";

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

/** The effect of the options parsed so far. */
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

/** `--columns help` lists all columns. */
const COLUMNS_HELP = "help";

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

/** Headings of the option groups in help and man page, in display order. */
export const categories = {
  tables: "Tables",
  families: "Address families",
  states: "States",
  filter: "Filter",
  details: "Details of each socket",
  output: "Output",
  modes: "Other modes",
  source: "Where to read sockets",
  hosts: "Other hosts",
  fleet: "Other hosts over NATS",
  general: "General",
} as const;

/** The kind of an option's value. Shell completions use it to offer candidates. */
export type ValueKind = "file" | "folder" | "netns" | "hosts" | "number" | "word" | "list";

/** The value that an option takes. */
export interface OptionValue {
  /** Placeholder in help, in capitals. */
  readonly name: string;
  readonly kind: ValueKind;
  /** The possible words (`word`), or the words that a list may contain (`list`). */
  readonly choices?: readonly string[];
  /** Also accepts column names, which only the catalogue knows. */
  readonly columns?: true;
  /** A `word` may have a leading `-`, which reverses the order. */
  readonly reversible?: boolean;
}

/** An option: one row of the table below. */
export interface Option extends OptionNames {
  readonly value?: OptionValue;
  readonly category: keyof typeof categories;
  /** Description for one line of `--help`. At most 54 characters. */
  readonly brief: string;
  /** Description in sentences, for the man page. */
  readonly doc: string;
  /** What it needs of each socket. */
  readonly demands?: readonly Demand[];
  /** Its changes to the rows of ss's own table. */
  readonly style?: Partial<RowStyle>;
  /** The commands that accept it. A run without a command accepts every option. */
  readonly commands?: readonly CommandWord[];
  /** Long names of the options that it cannot be combined with, and the error message for such a run. */
  readonly excludes?: { readonly options: readonly string[]; reason(other: string): string };
  /**
   * Returns the changed draft, or the end of the run.
   *
   * @param value empty for an option without a value
   * @param program the program's name in messages
   */
  readonly apply?: Apply;
}

type Apply = (draft: Draft, value: string, program: string) => Draft | Stop;

const set =
  (fields: Partial<Draft>): Apply =>
  (draft) => ({ ...draft, ...fields });

const addTable =
  (table: Table): Apply =>
  (draft) => ({ ...draft, choice: chooseTable(draft.choice, table) });

const addFamily =
  (family: Family): Apply =>
  (draft) => ({ ...draft, choice: chooseFamily(draft.choice, family) });

const setStates =
  (mask: number): Apply =>
  (draft) => ({ ...draft, choice: chooseStates(draft.choice, mask) });

/** Merges changes into the style of ss's table. */
function styled(draft: Draft, style: Partial<RowStyle>): Draft {
  return { ...draft, style: { ...draft.style, ...style } };
}

/** Appends a deferred action, and sets fields. */
function act(draft: Draft, action: Action, fields: Partial<Draft> = {}): Draft {
  return { ...draft, ...fields, actions: [...draft.actions, action] };
}

function fail(message: string, { usage = false, status = EXIT_USAGE } = {}): Stop {
  return { kind: "error", message, usage, status };
}

const TOGETHER = "--bpf-maps and --bpf-map-id cannot be used together";

/** Range of BPF map ids that ss accepts: 32 bits, except zero and all ones. */
const BPF_MAP_ID = { min: 1, max: 0xffff_fffe } as const;

const readFamily: Apply = (draft, word, program) => {
  if (word === "help") return { kind: "help" };
  if (!Object.hasOwn(families, word)) return fail(`${program}: "${word}" is invalid family`, { usage: true });
  return { ...draft, choice: chooseFamily(draft.choice, word as Family) };
};

const readTables: Apply = (draft, list, program) => {
  const choice = chooseTables(draft.choice, list);
  if (!("illegal" in choice)) return { ...draft, choice };
  return fail(`${program}: "${choice.illegal}" is illegal socket table id`, { usage: true });
};

const readFilterFile: Apply = (draft, path) => {
  if (draft.filterFile !== undefined) return fail("More than one filter file");
  return act(draft, { kind: "filterFile", path }, { filterFile: path });
};

const allBpfMaps: Apply = (draft, _, program) => {
  if (draft.style.bpfMapIds.length > 0) return fail(`${program}: ${TOGETHER}`);
  return styled(draft, { bpfMaps: true });
};

const oneBpfMap: Apply = (draft, value, program) => {
  if (draft.style.bpfMaps) return fail(`${program}: ${TOGETHER}`, { status: 1 });
  const id = unsigned(value, BPF_MAP_ID.max) ?? 0;
  if (id < BPF_MAP_ID.min) {
    return fail(`${program}: invalid BPF map ID ${value}`, { status: 1 });
  }
  return act(styled(draft, { bpfMapIds: [...draft.style.bpfMapIds, id] }), { kind: "bpfMap", id });
};

const showCompletions: Apply = (_, word, program) => {
  const shell: Shell | undefined = shells.find((known) => known === word);
  if (shell !== undefined) return { kind: "completions", shell };
  return fail(`${program}: "${word}" is not a supported shell: use ${shells.join(", ")}`);
};

/** The non-empty names of a comma-separated list. */
function listed(list: string): readonly string[] {
  return list.split(",").filter((name) => name !== "");
}

const readColumns: Apply = (draft, list) => {
  return list === COLUMNS_HELP ? { kind: "columns" } : { ...draft, columns: listed(list) };
};

const readTop: Apply = (draft, value, program) => {
  if (!/^[1-9]\d{0,14}$/.test(value)) return fail(`${program}: "${value}" is not a number of rows`);
  return { ...draft, top: Number(value) };
};

/** Sets a time limit from a number of seconds. */
const readSeconds =
  (field: "resolveTimeoutMs" | "hostTimeoutMs"): Apply =>
  (draft, value, program) =>
    /^(\d+\.?\d*|\.\d+)$/.test(value)
      ? { ...draft, [field]: Number(value) * 1000 }
      : fail(`${program}: "${value}" is not a number of seconds`);

/** The commands that query other hosts. */
const hostsCommands: readonly CommandWord[] = [...askedCommands, "map"];

/** An option that names a file for connections to NATS. */
function natsFile(field: keyof NatsFiles, brief: string, doc: string): Option {
  return {
    longs: [`nats-${field}`],
    inFull: true,
    value: file,
    category: "fleet",
    brief,
    doc,
    commands: [...hostsCommands, "agent"],
    apply: (draft, path) => ({ ...draft, natsFiles: { ...draft.natsFiles, [field]: path } }),
  };
}

/** Adds to the hosts to query. */
function choosing(draft: Draft, { lists = [], files = [] }: Partial<HostChoice>): Draft {
  const { hosts = { lists: [], files: [] } } = draft;
  return { ...draft, hosts: { lists: [...hosts.lists, ...lists], files: [...hosts.files, ...files] } };
}

const file = { name: "FILE", kind: "file" } as const;

/** The value of an option that takes column names. @param others further words that it accepts */
const columnList = (...others: readonly string[]): OptionValue => ({
  name: "LIST",
  kind: "list",
  choices: others,
  columns: true,
});

/**
 * The options. Help groups them by category and keeps this order within each. Options of ss whose names begin with the
 * same letter are in ss's order, which the messages about ambiguous prefixes show.
 */
export const options: readonly Option[] = [
  {
    shorts: "n",
    longs: ["numeric"],
    category: "output",
    brief: "Show numbers, not names of services and protocols",
    doc: "Show ports, netlink protocols, link protocols and bandwidths as numbers, without looking up names.",
    commands: ["events", "doctor"],
    style: { numeric: true },
  },
  {
    shorts: "r",
    longs: ["resolve"],
    category: "output",
    brief: "Show host names instead of addresses",
    doc: "Look up the host names of addresses and the names of RPC services. This may be slow.",
    demands: ["hostNames"],
    style: { resolve: true },
  },
  {
    shorts: "p",
    longs: ["processes"],
    category: "details",
    brief: "Processes that have the socket open",
    doc: "Show the processes that have the socket open, with their file descriptors. Processes of other users need root.",
    commands: ["events", "doctor"],
    demands: ["owners", "peerOwners"],
  },
  {
    shorts: "T",
    longs: ["threads"],
    category: "details",
    brief: "Threads that have the socket open; implies -p",
    doc: "Show every thread that has the socket open. Implies --processes, which ss does not.",
    commands: ["doctor"],
    demands: ["threads"],
    style: { threads: true },
  },
  {
    shorts: "i",
    longs: ["info"],
    category: "details",
    brief: "TCP, MPTCP and SCTP internals",
    doc: "Show round trip times, windows, rates, retransmissions, and the state of the congestion control.",
    commands: ["doctor"],
    demands: ["info"],
    style: { info: true },
  },
  {
    shorts: "o",
    longs: ["options"],
    category: "details",
    brief: "Timers",
    doc: "Show the running timer: its name, the time until it expires, and how often it has expired. With --info, also show TCP options.",
    commands: ["doctor"],
    style: { timers: true },
  },
  {
    shorts: "e",
    longs: ["extended"],
    category: "details",
    brief: "User, inode, cookie and more; implies -o",
    doc: "Show the owner's uid, the inode, cookie, mark and control group, and further details of the family. Implies --options.",
    commands: ["doctor"],
    demands: ["extended", "cgroup"],
    style: { extended: true, timers: true },
  },
  {
    shorts: "m",
    longs: ["memory"],
    category: "details",
    brief: "Socket memory",
    doc: "Show how many bytes the socket's queues hold, and their limits.",
    commands: ["doctor"],
    demands: ["memory"],
    style: { memory: true },
  },
  {
    shorts: "b",
    longs: ["bpf"],
    category: "details",
    brief: "Classic BPF filters of packet sockets",
    doc: "Show the instructions of the classic BPF filter attached to a packet socket. Needs root. Implies --options.",
    style: { bpf: true, timers: true },
  },
  {
    shorts: "t",
    longs: ["tcp"],
    category: "tables",
    brief: "TCP sockets",
    doc: "Show TCP sockets.",
    commands: listingCommands,
    apply: addTable("tcp"),
  },
  {
    shorts: "u",
    longs: ["udp"],
    category: "tables",
    brief: "UDP sockets",
    doc: "Show UDP sockets. By default, only connected ones.",
    commands: listingCommands,
    apply: addTable("udp"),
  },
  {
    shorts: "w",
    longs: ["raw"],
    category: "tables",
    brief: "Raw IP sockets",
    doc: "Show raw IP sockets. By default, only connected ones.",
    commands: listingCommands,
    apply: addTable("raw"),
  },
  {
    shorts: "d",
    longs: ["dccp"],
    category: "tables",
    brief: "DCCP sockets",
    doc: "Show DCCP sockets.",
    commands: listingCommands,
    apply: addTable("dccp"),
  },
  {
    shorts: "S",
    longs: ["sctp"],
    category: "tables",
    brief: "SCTP sockets",
    doc: "Show SCTP endpoints and associations.",
    commands: listingCommands,
    apply: addTable("sctp"),
  },
  {
    shorts: "M",
    longs: ["mptcp"],
    category: "tables",
    brief: "MPTCP sockets",
    doc: "Show Multipath TCP sockets.",
    commands: listingCommands,
    apply: addTable("mptcp"),
  },
  {
    shorts: "4",
    longs: ["ipv4"],
    category: "families",
    brief: "IPv4 sockets, same as -f inet",
    doc: "Show IPv4 sockets. The last of --ipv4 and --ipv6 takes effect, as in ss.",
    commands: listingCommands,
    apply: addFamily("inet"),
  },
  {
    shorts: "6",
    longs: ["ipv6"],
    category: "families",
    brief: "IPv6 sockets, same as -f inet6",
    doc: "Show IPv6 sockets. The last of --ipv4 and --ipv6 takes effect, as in ss.",
    commands: listingCommands,
    apply: addFamily("inet6"),
  },
  {
    shorts: "x",
    longs: ["unix"],
    category: "families",
    brief: "UNIX sockets, same as -f unix",
    doc: "Show UNIX domain sockets.",
    commands: listingCommands,
    apply: addFamily("unix"),
  },
  {
    shorts: "0",
    longs: ["packet"],
    category: "families",
    brief: "Packet sockets, same as -f link",
    doc: "Show packet sockets, which receive the raw frames of network interfaces.",
    commands: listingCommands,
    apply: addFamily("link"),
  },
  {
    longs: ["vsock"],
    category: "families",
    brief: "Virtual machine sockets, same as -f vsock",
    doc: "Show vsock sockets, which connect virtual machines and their host.",
    commands: listingCommands,
    apply: addFamily("vsock"),
  },
  {
    longs: ["tipc"],
    category: "families",
    brief: "TIPC sockets, same as -f tipc",
    doc: "Show TIPC sockets.",
    commands: listingCommands,
    apply: addFamily("tipc"),
  },
  {
    longs: ["xdp"],
    category: "families",
    brief: "XDP sockets, same as -f xdp",
    doc: "Show XDP sockets.",
    commands: listingCommands,
    apply: addFamily("xdp"),
  },
  {
    shorts: "f",
    longs: ["family"],
    value: { name: "FAMILY", kind: "word", choices: Object.keys(families) },
    category: "families",
    brief: Object.keys(families).join(", "),
    doc: "Show sockets of an address family. In a filter, hosts without a family prefix belong to the last family given.",
    commands: listingCommands,
    apply: readFamily,
  },
  {
    shorts: "a",
    longs: ["all"],
    category: "states",
    brief: "Sockets in any state",
    doc: "Show sockets in any state. The last of --all, --listening and --bound-inactive takes effect.",
    commands: listingCommands,
    apply: setStates(stateGroups.all),
  },
  {
    shorts: "l",
    longs: ["listening"],
    category: "states",
    brief: "Only listening and unconnected sockets",
    doc: "Show only listening sockets, and unconnected sockets of protocols without a listening state.",
    commands: listingCommands,
    apply: setStates((1 << SS_LISTEN) | (1 << SS_CLOSE)),
  },
  {
    shorts: "B",
    longs: ["bound-inactive"],
    category: "states",
    brief: "Only bound but inactive TCP sockets",
    doc: "Show only TCP sockets that are bound to a port but neither listening nor connected. Needs Linux 6.8.",
    commands: listingCommands,
    apply: setStates(1 << SS_BOUND_INACTIVE),
  },
  {
    shorts: "A",
    longs: ["socket", "query"],
    value: {
      name: "TABLES",
      kind: "list",
      get choices() {
        return Object.keys(tableWords());
      },
    },
    category: "tables",
    brief: "Tables, separated by commas; !NAME excludes one",
    doc: "Show these tables. The first list discards tables that earlier options chose.",
    commands: listingCommands,
    apply: readTables,
  },
  {
    shorts: "s",
    longs: ["summary"],
    category: "modes",
    brief: "Show counts instead of sockets",
    doc: "Show how many sockets there are. The sockets follow if tables, families or a filter are also given.",
    apply: set({ summary: true }),
    excludes: {
      options: ["csv"],
      reason: () => "--summary cannot be written as CSV",
    },
  },
  {
    shorts: "E",
    longs: ["events"],
    category: "modes",
    brief: "Show sockets as the kernel destroys them",
    doc: "Show TCP and UDP sockets as the kernel destroys them, until interrupted.",
    apply: set({ events: true }),
    excludes: {
      options: ["by", "sort", "top"],
      reason: () => "--by, --sort and --top need all sockets, but --events never ends",
    },
  },
  {
    shorts: "K",
    longs: ["kill"],
    category: "modes",
    brief: "Close matching sockets by force, and show them",
    doc: "Make the kernel destroy the TCP, UDP and MPTCP sockets that match, and show those that it closed. Needs root.",
    apply: set({ kill: true }),
    excludes: {
      options: ["by", "top"],
      reason: () => "--kill lists every socket that it closes: not with --by or --top",
    },
  },
  {
    longs: ["kill-all"],
    inFull: true,
    category: "modes",
    brief: "Let -K without a filter close every socket",
    doc: "With --kill, but without a table, state or filter: close every socket that the kernel can close.",
    apply: set({ killAll: true }),
  },
  {
    shorts: "D",
    longs: ["diag"],
    value: file,
    category: "modes",
    brief: "Write the kernel's raw answers about TCP to FILE",
    doc: "Write the kernel's netlink messages about TCP sockets to a file (-: standard output), unchanged. Show nothing.",
    apply: (draft, path) => ({ ...draft, diagFile: path }),
  },
  {
    shorts: "F",
    longs: ["filter"],
    value: file,
    category: "filter",
    brief: "Continue the filter with FILE (-: stdin)",
    doc: "Read the rest of the filter from a file. Lines that begin with # are comments.",
    commands: listingCommands,
    apply: readFilterFile,
  },
  {
    shorts: "Vv",
    longs: ["version"],
    category: "general",
    brief: "Show the version",
    doc: "Show the version, and the version of ss that this program follows.",
    commands: machineCommands,
    apply: () => ({ kind: "version" }),
  },
  {
    shorts: "h",
    longs: ["help"],
    category: "general",
    brief: "Show this help",
    doc: "Show the options.",
    commands: commandNames,
    apply: () => ({ kind: "help" }),
  },
  {
    shorts: "Z",
    longs: ["context"],
    category: "details",
    brief: "SELinux contexts of processes; implies -p",
    doc: "Show the SELinux context of each process. Implies --processes, which ss does not.",
    commands: ["doctor"],
    demands: ["processContext"],
    style: { processContext: true },
    apply: (draft) => act(draft, { kind: "selinux" }),
  },
  {
    shorts: "z",
    longs: ["contexts"],
    category: "details",
    brief: "SELinux contexts of processes and sockets",
    doc: "Show the SELinux context of each process and of each socket. Implies --processes.",
    commands: ["doctor"],
    demands: ["processContext", "socketContext"],
    style: { processContext: true, socketContext: true },
    apply: (draft) => act(draft, { kind: "selinux" }),
  },
  {
    shorts: "N",
    longs: ["net"],
    value: { name: "NETNS", kind: "netns" },
    category: "source",
    brief: "Use this named network namespace",
    doc: "Enter a network namespace that ip netns created, then list its sockets. Needs root.",
    commands: machineCommands,
    apply: (draft, name) => act(draft, { kind: "netns", name }),
  },
  {
    longs: ["tipcinfo"],
    category: "details",
    brief: "TIPC internals",
    doc: "Show details of TIPC sockets.",
    style: { tipcinfo: true },
  },
  {
    longs: ["tos"],
    category: "details",
    brief: "Type of service, traffic class, class id",
    doc: "Show the type of service, the IPv6 traffic class, and the class id or priority.",
    commands: ["doctor"],
    demands: ["tos"],
    style: { tos: true },
  },
  {
    longs: ["cgroup"],
    category: "details",
    brief: "Control group",
    doc: "Show the path of the socket's control group.",
    commands: ["doctor"],
    demands: ["cgroup"],
    style: { cgroup: true },
  },
  {
    shorts: "H",
    longs: ["no-header"],
    category: "output",
    brief: "Leave out the headings",
    doc: "Leave out the line of headings.",
    commands: ["events", "map"],
    apply: set({ header: false }),
  },
  {
    shorts: "Q",
    longs: ["no-queues"],
    category: "output",
    brief: "Leave out Recv-Q and Send-Q",
    doc: "Leave out the Recv-Q and Send-Q columns.",
    apply: set({ queues: false }),
  },
  {
    shorts: "O",
    longs: ["oneline"],
    category: "output",
    brief: "Print each socket on one line",
    doc: "Print everything about a socket on one line.",
    commands: ["doctor"],
    style: { oneline: true },
  },
  {
    longs: ["inet-sockopt"],
    category: "details",
    brief: "Socket options of IP sockets",
    doc: "Show which socket options are set, such as recverr, freebind and transparent.",
    commands: ["doctor"],
    style: { inetSockopt: true },
  },
  {
    longs: ["bpf-maps"],
    category: "details",
    brief: "BPF storage of the socket, all maps",
    doc: "Show the values that BPF programs stored with the socket, formatted by their BTF types. Needs root.",
    demands: ["bpfStorages"],
    apply: allBpfMaps,
  },
  {
    longs: ["bpf-map-id"],
    value: { name: "ID", kind: "number" },
    category: "details",
    brief: "BPF storage of one map; may be repeated",
    doc: "Show the values that BPF programs stored with the socket in the map with this id. Needs root.",
    demands: ["bpfStorages"],
    apply: oneBpfMap,
  },
  {
    shorts: "j",
    longs: ["json"],
    inFull: true,
    category: "output",
    brief: "Print one JSON document",
    doc: "Print the sockets as one JSON document, with all values of the chosen details.",
    commands: ["doctor", "who", "map"],
    apply: set({ format: "json" }),
  },
  {
    longs: ["ndjson"],
    inFull: true,
    category: "output",
    brief: "Print one JSON object per line",
    doc: "Print each socket as a JSON object on its own line.",
    apply: set({ format: "ndjson" }),
  },
  {
    longs: ["csv"],
    inFull: true,
    category: "output",
    brief: "Print comma-separated values, RFC 4180",
    doc: "Print each socket as a record of comma-separated values. The first record has the keys, unless --no-header is given.",
    apply: set({ format: "csv" }),
  },
  {
    longs: ["columns"],
    inFull: true,
    value: columnList(COLUMNS_HELP),
    category: "output",
    brief: "Show only these columns; 'help' lists them",
    doc: "Show these columns, in this order, and request the details that they need. The word help lists all columns.",
    apply: readColumns,
  },
  {
    longs: ["by"],
    inFull: true,
    value: columnList(),
    category: "output",
    brief: "Count sockets by columns, e.g. peer.address/24",
    doc: "Group sockets by columns and count them. Add up their queues, or the numbers that --columns names.",
    apply: (draft, list) => ({ ...draft, by: listed(list) }),
  },
  {
    longs: ["sort"],
    inFull: true,
    value: columnList(COUNT),
    category: "output",
    brief: "Sort by columns; -COLUMN puts the largest first",
    doc: "Sort by these columns, in order of importance. By default, groups are sorted by -count.",
    apply: (draft, list) => ({ ...draft, sort: listed(list) }),
  },
  {
    longs: ["top"],
    inFull: true,
    value: { name: "NUMBER", kind: "number" },
    category: "output",
    brief: "Show at most this many rows",
    doc: "Show at most this many sockets or groups, after sorting.",
    commands: ["top", "doctor", "map"],
    apply: readTop,
  },
  {
    longs: ["peer"],
    inFull: true,
    category: "details",
    brief: "Processes at the other end; implies -p",
    doc: "Show the processes at the other end of UNIX sockets and of TCP connections within this host. Implies --processes.",
    demands: ["peers", "peerOwners"],
  },
  {
    longs: ["container"],
    inFull: true,
    category: "details",
    brief: "Container of the owner",
    doc: "Show the container of the process that owns the socket, or the one that the socket was created in. JSON also has the systemd unit.",
    commands: ["doctor", "who", "map"],
    demands: ["containers"],
  },
  {
    longs: ["explain"],
    inFull: true,
    category: "details",
    brief: "What limits each TCP connection now",
    doc: "Show below each TCP socket one sentence on what limits it now or what it waits for, and each field of its tcp_info in words and with its unit. Requests the same details as --info and --memory.",
    demands: ["explanation"],
  },
  {
    longs: ["resolve-timeout"],
    inFull: true,
    value: { name: "SECONDS", kind: "number" },
    category: "output",
    brief: "Total time for host name lookups (default 5)",
    doc: "Spend at most this long on all host name lookups, including those of the filter. An address without an answer stays numeric. The default is 5.",
    commands: ["doctor"],
    apply: readSeconds("resolveTimeoutMs"),
  },
  {
    longs: ["all-netns"],
    inFull: true,
    category: "source",
    brief: "Every network namespace of the host",
    doc: "Show the sockets of every network namespace, each with the name of its namespace. Needs root.",
    commands: machineCommands,
    demands: ["netns"],
    apply: set({ allNetns: true }),
    excludes: {
      options: ["net", "events", "diag", "summary", "record", "replay"],
      reason: (other) => `${other} works on one network namespace: not with --all-netns`,
    },
  },
  {
    longs: ["record"],
    inFull: true,
    value: { name: "FOLDER", kind: "folder" },
    category: "source",
    brief: "Also record everything that is read",
    doc: "Also save the answers of the kernel and the files read from /proc in a folder. --replay reads it.",
    commands: ["doctor"],
    apply: (draft, record) => ({ ...draft, record }),
  },
  {
    longs: ["replay"],
    inFull: true,
    value: { name: "PATH", kind: "file" },
    category: "source",
    brief: "Read a recording: a folder, a pcap or a file of -D",
    doc: "Read a recording instead of this machine: a folder that --record wrote, a pcap of netlink traffic, or a file that --diag wrote.",
    commands: ["doctor", "serve", "who", "agent"],
    apply: (draft, replay) => ({ ...draft, replay }),
  },
  {
    longs: ["at"],
    inFull: true,
    value: { name: "TIME", kind: "word", choices: ["today", "yesterday"] },
    category: "source",
    brief: "Show the sockets of a time that 'record' has kept",
    doc: "Show the sockets as they were at a time in the past, with their owners, from what 'sockscope record' has kept. TIME is a time of day (03:12), today, yesterday, -2h, 2026-11-21T03:12:05, or seconds since 1970. A line on standard error says when the sample was taken.",
    commands: ["doctor", "top", "who"],
    apply: (draft, at) => ({ ...draft, at }),
    excludes: {
      options: ["replay", "events", "kill", "diag", "net"],
      reason: (other) => `${other} cannot be combined with --at`,
    },
  },
  {
    longs: ["store"],
    inFull: true,
    value: { name: "FOLDER", kind: "folder" },
    category: "source",
    brief: "The folder that 'record' has written, for --at",
    doc: "The folder that 'sockscope record' has written, for --at. By default /var/lib/sockscope for root, $XDG_STATE_HOME/sockscope for others.",
    commands: ["doctor", "serve", "top", "who"],
    apply: (draft, store) => ({ ...draft, store }),
  },
  {
    longs: ["host"],
    inFull: true,
    value: { name: "HOSTS", kind: "hosts" },
    category: "hosts",
    brief: "List the sockets of these hosts over ssh: web1,db[1-9]",
    doc: "List the sockets of other hosts, over ssh, instead of those of this one: names separated by commas, with ranges of numbers in brackets. May be repeated. Each host needs sockscope, and a key that ssh knows. Every row says which host it is from; hosts without a whole answer are named on standard error, and the exit status is 1.",
    commands: hostsCommands,
    apply: (draft, list) => choosing(draft, { lists: [list] }),
    excludes: {
      options: ["kill", "kill-all", "diag", "record", "replay", "store", "net"],
      reason: (other) => `${other} cannot be combined with --host`,
    },
  },
  {
    longs: ["hosts-file"],
    inFull: true,
    value: { name: "FILE", kind: "file" },
    category: "hosts",
    brief: "Those of the hosts in a file, a list on each line",
    doc: "List the sockets of the hosts that a file names: a list as for --host on each line, # begins a comment. May be repeated.",
    commands: hostsCommands,
    apply: (draft, path) => choosing(draft, { files: [path] }),
  },
  {
    longs: ["fleet"],
    inFull: true,
    value: { name: "URL", kind: "hosts" },
    category: "fleet",
    brief: "Query the agents at this server: nats://HOST:PORT",
    doc: "Send the query to every host that runs 'sockscope agent --nats', over a NATS server (nats://HOST:PORT, tls://HOST:PORT; several of one cluster separated by commas), or with --host to some of them. Every row says which host it is from; hosts of the fleet without a whole answer are named on standard error, and the exit status is 1.",
    commands: hostsCommands,
    apply: (draft, fleet) => ({ ...draft, fleet }),
    excludes: {
      options: ["kill", "kill-all", "diag", "record", "replay", "store", "net", "sudo"],
      reason: (other) => `${other} cannot be combined with --fleet`,
    },
  },
  natsFile(
    "creds",
    "Connect to NATS with this credentials file",
    "Connect to NATS with the JWT and the NKey of this credentials file.",
  ),
  natsFile(
    "nkey",
    "Connect to NATS with this NKey seed",
    "Connect to NATS with the NKey whose seed is in this file.",
  ),
  natsFile(
    "login",
    "Connect to NATS with the user:password of this file",
    "Connect to NATS with the first line of this file: user:password, or a token.",
  ),
  natsFile(
    "ca",
    "Trust NATS servers with these authorities, PEM",
    "Connect to NATS over TLS, and trust the authorities whose certificates (PEM) are in this file.",
  ),
  natsFile(
    "cert",
    "Show NATS servers this certificate, PEM",
    "Connect to NATS over TLS with this client certificate (PEM); its key is in the file of --nats-key.",
  ),
  natsFile("key", "The key of --nats-cert, PEM", "The private key (PEM) of the certificate of --nats-cert."),
  {
    longs: ["sign-key"],
    inFull: true,
    value: file,
    category: "fleet",
    brief: "Sign queries to a fleet with this key",
    doc: "Sign queries to a fleet with the key of this file, which 'sockscope agent --make-key' has made: agents with --trust answer no others.",
    commands: hostsCommands,
    apply: (draft, signKey) => ({ ...draft, signKey }),
  },
  {
    longs: ["fold"],
    inFull: true,
    category: "hosts",
    brief: "Show equal answers of several hosts once",
    doc: "Show an answer that several hosts give once, with their names as ranges. With 'map', programs that play the same part on several hosts are one.",
    commands: ["doctor", "history", "map"],
    apply: set({ fold: true }),
  },
  {
    longs: ["sudo"],
    inFull: true,
    category: "hosts",
    brief: "Run the far side as root, by sudo -n",
    doc: "Run the far side as root by 'sudo -n', which must not need a password there.",
    commands: [...hostsCommands, "serve"],
    apply: set({ sudo: true }),
  },
  {
    longs: ["host-timeout"],
    inFull: true,
    value: { name: "SECONDS", kind: "number" },
    category: "hosts",
    brief: "Total time for the answers of hosts (default 30)",
    doc: "Spend at most this long on the answers of all hosts together; a third of it, at most 10 seconds, on connecting to one. The default is 30; events have no limit.",
    commands: [...hostsCommands, "serve"],
    apply: readSeconds("hostTimeoutMs"),
  },
  {
    longs: ["man"],
    inFull: true,
    category: "general",
    brief: "Print the man page; view with 'man -l -'",
    doc: "Print the source of this page. Pipe it to man -l - to read it.",
    apply: () => ({ kind: "man" }),
  },
  {
    longs: ["licenses"],
    inFull: true,
    category: "general",
    brief: "Print the licences of all parts",
    doc: "Print the licence of this program and the licences of all software that its executable contains.",
    apply: () => ({ kind: "licenses" }),
  },
  {
    longs: ["completions"],
    inFull: true,
    value: { name: "SHELL", kind: "word", choices: shells },
    category: "general",
    brief: "Print a completion script for a shell",
    doc: "Print a script that makes the shell complete commands, options, filters, and the names in them.",
    apply: showCompletions,
  },
];

/** A parsed command line, before any side effect. */
export interface Parsed {
  /** The effect of the options up to the end or an error. Its actions run before `stop` is reported. */
  readonly draft: Draft;
  /** The options in order, each by its first long name. */
  readonly steps: readonly { readonly long: string; readonly value: string | undefined }[];
  /** Words that are not options: state words, then the filter. */
  readonly words: readonly string[];
  /** Why the run ends here, if it does. */
  readonly stop?: Stop;
}

/** The categories of options that `history` takes: what a listing selects and shows. */
const historyCategories: ReadonlySet<Option["category"]> = new Set([
  "tables",
  "families",
  "filter",
  "details",
  "output",
]);

/** Whether a command takes an option of the listing. */
export function isTaken({ commands = [], category }: Option, word: CommandWord): boolean {
  return commands.includes(word) || (word === "history" && historyCategories.has(category));
}

/** Applies an option to the draft. Returns the new draft, or the end of the run. */
export function applyOption(option: Option, draft: Draft, value: string, program: string): Draft | Stop {
  const { demands, style, apply } = option;
  const next: Draft = {
    ...draft,
    given: new Set([...draft.given, option.longs[0]!]),
    ...(demands === undefined ? {} : { demands: demandSet(draft.demands, demands) }),
    ...(style === undefined ? {} : { style: { ...draft.style, ...style } }),
  };
  return apply === undefined ? next : apply(next, value, program);
}

/** The error message for options that cannot be combined; undefined if all can. */
export function conflictOf({ given }: Pick<Draft, "given">): string | undefined {
  for (const { longs, excludes } of options) {
    if (excludes === undefined || !given.has(longs[0]!)) continue;
    for (const other of excludes.options) if (given.has(other)) return excludes.reason(`--${other}`);
  }
  return undefined;
}

/** The options that make a demand, as typed on a command line: `-e, --cgroup`. */
export function optionsOf(demand: Demand): string {
  return options
    .filter(({ demands = [] }) => demands.includes(demand))
    .map(({ shorts, longs }) => (shorts === undefined ? `--${longs[0]}` : `-${shorts[0]}`))
    .join(", ");
}

/** Ends the query of another host that has an option which is not for others to choose. */
export function refusedRemotely(
  { remote, program }: Pick<World, "remote" | "program">,
  { longs }: OptionNames,
) {
  const [long = ""] = longs;
  const why = remote?.refusal(long);
  return why === undefined ? undefined : fail(`${program}: --${long} cannot be sent to another host: ${why}`);
}

/** Parses the arguments. Honours POSIXLY_CORRECT as getopt does. Never throws and has no side effects. */
export function parse(world: Pick<World, "program" | "args" | "env" | "remote">): Parsed {
  const { program, args, env } = world;
  const firstWordEnds = env["POSIXLY_CORRECT"] !== undefined;
  const { steps: found, words, error } = getopt(options, args, { program, firstWordEnds });
  const steps: Parsed["steps"][number][] = [];
  for (const { row, value } of found) steps.push(spelled(row, value));
  let draft = blankDraft;
  for (const { row, value } of found) {
    const next = refusedRemotely(world, row) ?? applyOption(row, draft, value, program);
    if (isStop(next)) return { draft, steps, words, stop: next };
    draft = next;
  }
  return error ? { draft, steps, words, stop: error } : { draft, steps, words };
}

/** An option with its full name, whatever was typed. */
export function spelled({ longs, value: takes }: OptionNames, value: string): Parsed["steps"][number] {
  return { long: longs[0]!, value: takes === undefined ? undefined : value };
}
