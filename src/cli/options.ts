/** Every option: its names, its value, what it is for, and what it does to the draft of a run. */
import { unsigned } from "../bytes/c-numbers.ts";
import { type Demand, type Demands, demandSet, noDemands } from "../model/demand.ts";
import { type Family, families, type Table } from "../model/selection.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_LISTEN, stateGroups } from "../model/state.ts";
import { COUNT } from "../plan/plan.ts";
import { plainStyle, type RowStyle } from "../table/style.ts";
import type { CommandWord } from "./commands/words.ts";
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

/** Something that ss does to the world the moment it reads the option, so that it can fail before later options. */
export type Action =
  /** `-N`: enter the network namespace of that name. */
  | { readonly kind: "netns"; readonly name: string }
  /** `-F`: open the file that the filter goes on in. */
  | { readonly kind: "filterFile"; readonly path: string }
  /** `-Z`, `-z`: give up unless SELinux is enabled. */
  | { readonly kind: "selinux" }
  /** `--bpf-map-id`: open the map of that number. */
  | { readonly kind: "bpfMap"; readonly id: number };

/** How rows are written. */
export type Format = "table" | "json" | "ndjson" | "csv";

/** What has been typed so far. */
export interface Draft {
  /** Long names of the options that were given. */
  readonly given: ReadonlySet<string>;
  readonly choice: Choice;
  /** In the order typed. */
  readonly actions: readonly Action[];
  /** What is wanted of each socket beyond what the kernel always sends. */
  readonly demands: Demands;
  /** What ss's own table shows of each socket, and how. */
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
  /** How long host names may be looked up in all, in milliseconds. */
  readonly resolveTimeoutMs: number;
  /** Names of the columns to show; with `by`, of those to add up. */
  readonly columns?: readonly string[];
  /** Names of the columns to group sockets by. */
  readonly by?: readonly string[];
  /** Names of the columns to sort by, with `-` before those whose largest value comes first. */
  readonly sort?: readonly string[];
  /** How many rows are shown at most. */
  readonly top?: number;
  /** Where to put the kernel's answers as they are; names that begin with `-` mean standard output. */
  readonly diagFile?: string;
  /** The file that the filter goes on in; names that begin with `-` mean standard input. */
  readonly filterFile?: string;
  /** The folder that a recording of the run goes to. */
  readonly record?: string;
  /** The recording to read instead of this machine: a folder or a bare pcap. */
  readonly replay?: string;
  /** The time in the past to show, as typed. */
  readonly at?: string;
  /** The store of the past; undefined for the default. */
  readonly store?: string;
}

/** The word that asks `--columns` for a list of all columns. */
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
};

/** The headings that help and man page group options under, in their order. */
export const categories = {
  tables: "Tables",
  families: "Address families",
  states: "States",
  filter: "Filter",
  details: "Details of each socket",
  output: "Output",
  modes: "Other things to do",
  source: "Where to look",
  general: "General",
} as const;

/** What a value is, so that a shell can complete it. */
export type ValueKind = "file" | "folder" | "netns" | "number" | "word" | "list";

/** An option's value. */
export interface OptionValue {
  /** What help calls it. */
  readonly name: string;
  readonly kind: ValueKind;
  /** The words that it can be (`word`) or be made of (`list`). */
  readonly choices?: readonly string[];
  /** Whether it also takes the names of columns, which only the catalogue knows. */
  readonly columns?: true;
  /** Whether a `word` may have `-` before it, which turns the order round. */
  readonly reversible?: boolean;
}

/** An option: one row of the table below. */
export interface Option extends OptionNames {
  readonly value?: OptionValue;
  readonly category: keyof typeof categories;
  /** What it does, for one line of `--help`. */
  readonly brief: string;
  /** What it does, in sentences, for the man page. */
  readonly doc: string;
  /** What it wants of each socket. */
  readonly demands?: readonly Demand[];
  /** What it changes in the rows of ss's own table. */
  readonly style?: Partial<RowStyle>;
  /** The commands that take it. The listing without a command takes all. */
  readonly commands?: readonly CommandWord[];
  /** Options that it cannot be combined with, by their long names, and what a run with both is told. */
  readonly excludes?: { readonly options: readonly string[]; reason(other: string): string };
  /**
   * What else it makes of the draft: a new one, or the end of the run.
   *
   * @param value empty if the option takes none
   * @param program the name that messages begin with
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

/** Changes what the rows of ss's table show. */
function styled(draft: Draft, style: Partial<RowStyle>): Draft {
  return { ...draft, style: { ...draft.style, ...style } };
}

/** Also puts off an action, at its place among the others. */
function act(draft: Draft, action: Action, fields: Partial<Draft> = {}): Draft {
  return { ...draft, ...fields, actions: [...draft.actions, action] };
}

function fail(message: string, { usage = false, status = EXIT_USAGE } = {}): Stop {
  return { kind: "error", message, usage, status };
}

const TOGETHER = "--bpf-maps and --bpf-map-id cannot be used together";

/** The numbers that ss takes for a BPF map: 32 bits, but neither zero nor all ones. */
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
  return fail(`${program}: "${word}" is no shell with completions, which are ${shells.join(", ")}`);
};

/** The names in a list with commas. */
function listed(list: string): readonly string[] {
  return list.split(",").filter((name) => name !== "");
}

const readColumns: Apply = (draft, list) => {
  return list === COLUMNS_HELP ? { kind: "columns" } : { ...draft, columns: listed(list) };
};

const readTop: Apply = (draft, value, program) => {
  if (!/^[1-9]\d{0,14}$/.test(value)) return fail(`${program}: "${value}" is no number of rows`);
  return { ...draft, top: Number(value) };
};

const readResolveTimeout: Apply = (draft, value, program) =>
  /^(\d+\.?\d*|\.\d+)$/.test(value)
    ? { ...draft, resolveTimeoutMs: Number(value) * 1000 }
    : fail(`${program}: "${value}" is no number of seconds`);

const file = { name: "FILE", kind: "file" } as const;

/** The value of an option that takes names of columns. @param others words that it takes beside these */
const columnList = (...others: readonly string[]): OptionValue => ({
  name: "LIST",
  kind: "list",
  choices: others,
  columns: true,
});

/** Every command beside the listing. */
const everyCommand: readonly CommandWord[] = ["top", "events", "doctor", "record", "history"];

/**
 * The options, in the order in which ss knows them: messages about ambiguous prefixes list them so. Help groups
 * them by category and keeps this order within each.
 */
export const options: readonly Option[] = [
  {
    shorts: "n",
    longs: ["numeric"],
    category: "output",
    brief: "Numbers instead of names of services and the like",
    doc: "Show ports, netlink protocols, link protocols and bandwidths as numbers. No name is looked up.",
    commands: ["events", "doctor"],
    style: { numeric: true },
  },
  {
    shorts: "r",
    longs: ["resolve"],
    category: "output",
    brief: "Host names instead of addresses",
    doc: "Look up the names of addresses and of RPC services. Each lookup may take as long as the resolver does.",
    demands: ["hostNames"],
    style: { resolve: true },
  },
  {
    shorts: "o",
    longs: ["options"],
    category: "details",
    brief: "Timers",
    doc: "Show the running timer, when it expires and how often it has done so; with --info, TCP options too.",
    commands: ["doctor"],
    style: { timers: true },
  },
  {
    shorts: "e",
    longs: ["extended"],
    category: "details",
    brief: "User, inode, cookie and more; with timers",
    doc: "Show the owner's uid, inode, cookie, mark, control group and what else the family has. Implies --options.",
    commands: ["doctor"],
    demands: ["extended", "cgroup"],
    style: { extended: true, timers: true },
  },
  {
    shorts: "m",
    longs: ["memory"],
    category: "details",
    brief: "Socket memory",
    doc: "Show the bytes that the socket's queues hold and may hold.",
    commands: ["doctor"],
    demands: ["memory"],
    style: { memory: true },
  },
  {
    shorts: "i",
    longs: ["info"],
    category: "details",
    brief: "The inside of TCP, MPTCP and SCTP",
    doc: "Show round trip times, windows, rates, retransmissions, the congestion control's state and the like.",
    commands: ["doctor"],
    demands: ["info"],
    style: { info: true },
  },
  {
    shorts: "p",
    longs: ["processes"],
    category: "details",
    brief: "Processes that hold the socket",
    doc: "Show the processes that have the socket open, with file descriptors. Those of others need root.",
    commands: ["events", "doctor"],
    demands: ["owners", "peerOwners"],
  },
  {
    shorts: "T",
    longs: ["threads"],
    category: "details",
    brief: "Threads that hold the socket; implies -p",
    doc: "Show every thread that has the socket open. Implies --processes, which ss wants to be told.",
    commands: ["doctor"],
    demands: ["threads"],
    style: { threads: true },
  },
  {
    shorts: "b",
    longs: ["bpf"],
    category: "details",
    brief: "Classic BPF filter of packet sockets",
    doc: "Show the instructions of the filter attached to a packet socket. Needs root. Implies --options.",
    style: { bpf: true, timers: true },
  },
  {
    shorts: "E",
    longs: ["events"],
    category: "modes",
    brief: "Show sockets as they are destroyed",
    doc: "Go on showing TCP and UDP sockets as the kernel destroys them, until interrupted.",
    apply: set({ events: true }),
    excludes: {
      options: ["by", "sort", "top"],
      reason: () => "--by, --sort and --top need all sockets first, and --events never has them",
    },
  },
  {
    shorts: "d",
    longs: ["dccp"],
    category: "tables",
    brief: "DCCP sockets",
    doc: "Show DCCP sockets.",
    commands: everyCommand,
    apply: addTable("dccp"),
  },
  {
    shorts: "t",
    longs: ["tcp"],
    category: "tables",
    brief: "TCP sockets",
    doc: "Show TCP sockets.",
    commands: everyCommand,
    apply: addTable("tcp"),
  },
  {
    shorts: "S",
    longs: ["sctp"],
    category: "tables",
    brief: "SCTP sockets",
    doc: "Show SCTP endpoints and associations.",
    commands: everyCommand,
    apply: addTable("sctp"),
  },
  {
    shorts: "u",
    longs: ["udp"],
    category: "tables",
    brief: "UDP sockets",
    doc: "Show UDP sockets: the connected ones, unless states are given.",
    commands: everyCommand,
    apply: addTable("udp"),
  },
  {
    shorts: "w",
    longs: ["raw"],
    category: "tables",
    brief: "Raw IP sockets",
    doc: "Show raw IP sockets: the connected ones, unless states are given.",
    commands: everyCommand,
    apply: addTable("raw"),
  },
  {
    shorts: "x",
    longs: ["unix"],
    category: "families",
    brief: "Unix sockets, as -f unix",
    doc: "Show Unix domain sockets.",
    commands: everyCommand,
    apply: addFamily("unix"),
  },
  {
    longs: ["tipc"],
    category: "families",
    brief: "TIPC sockets, as -f tipc",
    doc: "Show TIPC sockets.",
    commands: everyCommand,
    apply: addFamily("tipc"),
  },
  {
    longs: ["vsock"],
    category: "families",
    brief: "Sockets to virtual machines, as -f vsock",
    doc: "Show vsock sockets, which connect virtual machines and their host.",
    commands: everyCommand,
    apply: addFamily("vsock"),
  },
  {
    shorts: "a",
    longs: ["all"],
    category: "states",
    brief: "Sockets in any state",
    doc: "Show sockets in any state. The last of --all, --listening and --bound-inactive counts.",
    commands: everyCommand,
    apply: setStates(stateGroups.all),
  },
  {
    shorts: "l",
    longs: ["listening"],
    category: "states",
    brief: "Only sockets that listen or are unconnected",
    doc: "Show only sockets that listen, and those without connection of protocols that have no listening.",
    commands: everyCommand,
    apply: setStates((1 << SS_LISTEN) | (1 << SS_CLOSE)),
  },
  {
    shorts: "B",
    longs: ["bound-inactive"],
    category: "states",
    brief: "Only TCP sockets bound, yet idle",
    doc: "Show only TCP sockets that have a port but neither listen nor are connected. Linux 6.8 or later.",
    commands: everyCommand,
    apply: setStates(1 << SS_BOUND_INACTIVE),
  },
  {
    shorts: "4",
    longs: ["ipv4"],
    category: "families",
    brief: "IPv4 sockets, as -f inet",
    doc: "Show IPv4 sockets. Of --ipv4 and --ipv6 the last counts, as in ss.",
    commands: everyCommand,
    apply: addFamily("inet"),
  },
  {
    shorts: "6",
    longs: ["ipv6"],
    category: "families",
    brief: "IPv6 sockets, as -f inet6",
    doc: "Show IPv6 sockets. Of --ipv4 and --ipv6 the last counts, as in ss.",
    commands: everyCommand,
    apply: addFamily("inet6"),
  },
  {
    shorts: "0",
    longs: ["packet"],
    category: "families",
    brief: "Packet sockets, as -f link",
    doc: "Show packet sockets, which see the frames of network interfaces.",
    commands: everyCommand,
    apply: addFamily("link"),
  },
  {
    shorts: "f",
    longs: ["family"],
    value: { name: "FAMILY", kind: "word", choices: Object.keys(families) },
    category: "families",
    brief: Object.keys(families).join(", "),
    doc: "Show sockets of a family. Hosts of the filter without a prefix belong to the last family given.",
    commands: everyCommand,
    apply: readFamily,
  },
  {
    shorts: "A",
    longs: ["socket", "query"],
    value: { name: "TABLES", kind: "list", choices: Object.keys(tableWords) },
    category: "tables",
    brief: "Tables by name, with commas; !NAME leaves one out",
    doc: "Show these tables. The first such list discards tables chosen before it by other options.",
    commands: everyCommand,
    apply: readTables,
  },
  {
    shorts: "s",
    longs: ["summary"],
    category: "modes",
    brief: "Counts instead of sockets",
    doc: "Show how many sockets there are. Sockets follow if tables, families or a filter are given, too.",
    apply: set({ summary: true }),
    excludes: {
      options: ["csv"],
      reason: () => "--summary has no CSV",
    },
  },
  {
    shorts: "D",
    longs: ["diag"],
    value: file,
    category: "modes",
    brief: "Write the kernel's answers about TCP to FILE",
    doc: "Write the netlink messages about TCP sockets to a file (-: standard output), as they come. Show nothing.",
    apply: (draft, path) => ({ ...draft, diagFile: path }),
  },
  {
    shorts: "F",
    longs: ["filter"],
    value: file,
    category: "filter",
    brief: "Go on with the filter in FILE (-: stdin)",
    doc: "Read more of the filter from a file. Lines that begin with # are comments.",
    commands: everyCommand,
    apply: readFilterFile,
  },
  {
    shorts: "Vv",
    longs: ["version"],
    category: "general",
    brief: "Show the version",
    doc: "Show the version, and that of the ss that output and behaviour follow.",
    commands: everyCommand,
    apply: () => ({ kind: "version" }),
  },
  {
    shorts: "h",
    longs: ["help"],
    category: "general",
    brief: "Show this help",
    doc: "Show the options.",
    commands: everyCommand,
    apply: () => ({ kind: "help" }),
  },
  {
    shorts: "Z",
    longs: ["context"],
    category: "details",
    brief: "SELinux contexts of processes; implies -p",
    doc: "Show the SELinux context of each process. Implies --processes, which ss wants to be told.",
    commands: ["doctor"],
    demands: ["processContext"],
    style: { processContext: true },
    apply: (draft) => act(draft, { kind: "selinux" }),
  },
  {
    shorts: "z",
    longs: ["contexts"],
    category: "details",
    brief: "The same, and of sockets",
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
    brief: "Look in the network namespace of that name",
    doc: "Enter a network namespace made by ip netns first. Needs root.",
    commands: everyCommand,
    apply: (draft, name) => act(draft, { kind: "netns", name }),
  },
  {
    longs: ["tipcinfo"],
    category: "details",
    brief: "The inside of TIPC",
    doc: "Show more about TIPC sockets.",
    style: { tipcinfo: true },
  },
  {
    longs: ["tos"],
    category: "details",
    brief: "Type of service, traffic class, class id",
    doc: "Show type of service, IPv6 traffic class and class id, which is also the priority.",
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
    shorts: "K",
    longs: ["kill"],
    category: "modes",
    brief: "Close what matches, by force, and show it",
    doc: "Make the kernel destroy the TCP, UDP and MPTCP sockets that match, and show what it closed. Needs root.",
    apply: set({ kill: true }),
    excludes: {
      options: ["by", "top"],
      reason: () => "--kill shows each socket that it closes: not with --by or --top",
    },
  },
  {
    longs: ["kill-all"],
    inFull: true,
    category: "modes",
    brief: "Let -K alone close every socket",
    doc: "With --kill and neither table nor state nor filter: close every socket that the kernel can close.",
    apply: set({ killAll: true }),
  },
  {
    shorts: "H",
    longs: ["no-header"],
    category: "output",
    brief: "Without the heading",
    doc: "Leave out the line of headings.",
    commands: ["events"],
    apply: set({ header: false }),
  },
  {
    shorts: "Q",
    longs: ["no-queues"],
    category: "output",
    brief: "Without Recv-Q and Send-Q",
    doc: "Leave out the columns of queue lengths.",
    apply: set({ queues: false }),
  },
  {
    longs: ["xdp"],
    category: "families",
    brief: "XDP sockets, as -f xdp",
    doc: "Show XDP sockets.",
    commands: everyCommand,
    apply: addFamily("xdp"),
  },
  {
    shorts: "M",
    longs: ["mptcp"],
    category: "tables",
    brief: "MPTCP sockets",
    doc: "Show Multipath TCP sockets.",
    commands: everyCommand,
    apply: addTable("mptcp"),
  },
  {
    shorts: "O",
    longs: ["oneline"],
    category: "output",
    brief: "Each socket on one line",
    doc: "Put what belongs to a socket on one line.",
    commands: ["doctor"],
    style: { oneline: true },
  },
  {
    longs: ["inet-sockopt"],
    category: "details",
    brief: "Socket options of IP sockets",
    doc: "Show which socket options are on: recverr, freebind, transparent and the like.",
    commands: ["doctor"],
    style: { inetSockopt: true },
  },
  {
    longs: ["bpf-maps"],
    category: "details",
    brief: "All BPF storage of the socket",
    doc: "Show what BPF programs have stored with the socket, by its type. Needs root.",
    demands: ["bpfStorages"],
    apply: allBpfMaps,
  },
  {
    longs: ["bpf-map-id"],
    value: { name: "ID", kind: "number" },
    category: "details",
    brief: "BPF storage of one map; may be repeated",
    doc: "Show what BPF programs have stored with the socket in the map of that id. Needs root.",
    demands: ["bpfStorages"],
    apply: oneBpfMap,
  },
  {
    shorts: "j",
    longs: ["json"],
    inFull: true,
    category: "output",
    brief: "One JSON document",
    doc: "Write the sockets as one JSON document, with everything that the chosen details hold.",
    commands: ["doctor"],
    apply: set({ format: "json" }),
  },
  {
    longs: ["ndjson"],
    inFull: true,
    category: "output",
    brief: "One JSON object a line",
    doc: "Write each socket as a JSON object on a line of its own.",
    apply: set({ format: "ndjson" }),
  },
  {
    longs: ["csv"],
    inFull: true,
    category: "output",
    brief: "Comma-separated values, RFC 4180",
    doc: "Write each socket as a record of comma-separated values, after one of keys unless --no-header is given.",
    apply: set({ format: "csv" }),
  },
  {
    longs: ["columns"],
    inFull: true,
    value: columnList(COLUMNS_HELP),
    category: "output",
    brief: "Only these columns; help lists them",
    doc: "Show these columns, in this order. What they need is asked for. The word help lists all columns.",
    apply: readColumns,
  },
  {
    longs: ["by"],
    inFull: true,
    value: columnList(),
    category: "output",
    brief: "Count sockets by columns, as peer.address/24",
    doc: "Group sockets by columns, count them, and add up their queues, or the numbers that --columns names.",
    apply: (draft, list) => ({ ...draft, by: listed(list) }),
  },
  {
    longs: ["sort"],
    inFull: true,
    value: columnList(COUNT),
    category: "output",
    brief: "Sort by columns; -COLUMN: largest first",
    doc: "Sort by columns, and what is equal in the first by the next. Groups are sorted by -count unless told.",
    apply: (draft, list) => ({ ...draft, sort: listed(list) }),
  },
  {
    longs: ["top"],
    inFull: true,
    value: { name: "NUMBER", kind: "number" },
    category: "output",
    brief: "No more than this many rows",
    doc: "Show no more than this many sockets or groups, after sorting.",
    commands: ["top", "doctor"],
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
    doc: "Show the container that the owner of the socket runs in, or that the socket was made in; in JSON also the systemd unit.",
    commands: ["doctor"],
    demands: ["containers"],
  },
  {
    longs: ["explain"],
    inFull: true,
    category: "details",
    brief: "What limits each TCP connection now, in words",
    doc: "Show below each TCP socket, in one sentence, what it is limited by or waits for now, and each field of its tcp_info in words with its unit. Asks the kernel for what --info and --memory ask for.",
    demands: ["explanation"],
  },
  {
    longs: ["resolve-timeout"],
    inFull: true,
    value: { name: "SECONDS", kind: "number" },
    category: "output",
    brief: "How long host names are looked up in all (5)",
    doc: "Look up host names, those of the filter included, for no longer than that. What has no answer then stays numeric.",
    commands: ["doctor"],
    apply: readResolveTimeout,
  },
  {
    longs: ["all-netns"],
    inFull: true,
    category: "source",
    brief: "Look in every network namespace of the host",
    doc: "Show the sockets of every network namespace that there is, each with the name of its own. Needs root.",
    commands: everyCommand,
    demands: ["netns"],
    apply: set({ allNetns: true }),
    excludes: {
      options: ["net", "events", "diag", "summary", "record", "replay"],
      reason: (other) => `${other} is about one network namespace: not with --all-netns`,
    },
  },
  {
    longs: ["record"],
    inFull: true,
    value: { name: "FOLDER", kind: "folder" },
    category: "source",
    brief: "Also record all that is read, for --replay",
    doc: "Beside the usual work, keep what the kernel and /proc answer in a folder, which --replay reads.",
    commands: ["doctor"],
    apply: (draft, record) => ({ ...draft, record }),
  },
  {
    longs: ["replay"],
    inFull: true,
    value: { name: "PATH", kind: "file" },
    category: "source",
    brief: "Read a recording: a folder, a pcap or a file of -D",
    doc: "Read a recording instead of this machine: a folder that --record wrote, a pcap of netlink traffic, or a file that -D wrote.",
    commands: ["doctor"],
    apply: (draft, replay) => ({ ...draft, replay }),
  },
  {
    longs: ["at"],
    inFull: true,
    value: { name: "TIME", kind: "word", choices: ["today", "yesterday"] },
    category: "source",
    brief: "Show the sockets of a time that 'record' has kept",
    doc: "Show the sockets as they were at a time in the past, with their owners, from what 'sockscope record' has kept. TIME is a time of day (03:12), yesterday, -2h, 2026-11-21T03:12:05, or seconds since 1970. A line on standard error says when the sample was taken.",
    apply: (draft, at) => ({ ...draft, at }),
    excludes: {
      options: ["replay", "events", "kill", "diag", "net"],
      reason: (other) => `${other} is about the present: not with --at`,
    },
  },
  {
    longs: ["store"],
    inFull: true,
    value: { name: "FOLDER", kind: "folder" },
    category: "source",
    brief: "The folder that 'record' has written, for --at",
    doc: "The folder that 'sockscope record' has written, for --at. By default /var/lib/sockscope for root, $XDG_STATE_HOME/sockscope for others.",
    apply: (draft, store) => ({ ...draft, store }),
  },
  {
    longs: ["man"],
    inFull: true,
    category: "general",
    brief: "Show the man page's source, for man -l -",
    doc: "Write the source of this page. Give it to man -l - to read it.",
    apply: () => ({ kind: "man" }),
  },
  {
    longs: ["completions"],
    inFull: true,
    value: { name: "SHELL", kind: "word", choices: shells },
    category: "general",
    brief: "Show what the shell needs to complete options",
    doc: "Write a script that makes the shell complete commands, options, filters and the names in them.",
    apply: showCompletions,
  },
];

/** A command line as far as it tells by itself. */
export interface Parsed {
  /** What the options have made of it, up to where parsing stopped. Its actions come before `stop`. */
  readonly draft: Draft;
  /** What is not an option: state words, then the filter. */
  readonly words: readonly string[];
  /** Why there is nothing more to do. */
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

/** What an option makes of the draft: a new one, or the end of the run. */
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

/** Why the options that were given cannot be combined; undefined if they can. */
export function conflictOf({ given }: Pick<Draft, "given">): string | undefined {
  for (const { longs, excludes } of options) {
    if (excludes === undefined || !given.has(longs[0]!)) continue;
    const other = excludes.options.find((name) => given.has(name));
    if (other !== undefined) return excludes.reason(`--${other}`);
  }
  return undefined;
}

/** The options that bring a demand, as they are typed: `-e, --cgroup`. */
export function optionsOf(demand: Demand): string {
  return options
    .filter(({ demands = [] }) => demands.includes(demand))
    .map(({ shorts, longs }) => (shorts === undefined ? `--${longs[0]}` : `-${shorts[0]}`))
    .join(", ");
}

/** Reads the arguments, honouring POSIXLY_CORRECT as getopt does; never throws, and touches nothing. */
export function parse({ program, args, env }: Pick<World, "program" | "args" | "env">): Parsed {
  const firstWordEnds = env["POSIXLY_CORRECT"] !== undefined;
  const { steps, words, error } = getopt(options, args, { program, firstWordEnds });
  let draft = blankDraft;
  for (const { row, value } of steps) {
    const next = applyOption(row, draft, value, program);
    if (isStop(next)) return { draft, words, stop: next };
    draft = next;
  }
  return error ? { draft, words, stop: error } : { draft, words };
}
