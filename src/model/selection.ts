/** The selection of sockets: tables, address families and states, with ss's words for them. */
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_TIPC, AF_UNIX, AF_VSOCK, AF_XDP } from "./family.ts";
import { DEFAULT_STATES, SS_CLOSE, SS_ESTABLISHED, SS_LISTEN } from "./state.ts";

const INET = [AF_INET, AF_INET6] as const;
const CLOSED = 1 << SS_CLOSE;
const ESTABLISHED = 1 << SS_ESTABLISHED;
const TIPC_STATES = ESTABLISHED | CLOSED | (1 << SS_LISTEN);

/** A row of {@link tables}. */
export interface TableRow {
  /** The kind of its sockets: their folder in families/. */
  readonly kind: string;
  /** The dump request that lists it. */
  readonly dump: string;
  /** AF_* numbers of its sockets. */
  readonly families: readonly number[];
  /** Mask of the states that are shown if an option selects this table. */
  readonly states: number;
  /** Further words of `-A` for it, apart from its own name and its groups. */
  readonly words?: readonly string[];
}

/** Every table, by its name in `-A`. */
export const tables = {
  udp: { kind: "inet", dump: "udp", families: INET, states: ESTABLISHED },
  dccp: { kind: "inet", dump: "dccp", families: INET, states: DEFAULT_STATES },
  tcp: { kind: "inet", dump: "tcp", families: INET, states: DEFAULT_STATES },
  mptcp: { kind: "inet", dump: "mptcp", families: INET, states: DEFAULT_STATES },
  raw: { kind: "inet", dump: "raw", families: INET, states: ESTABLISHED },
  unix_stream: { kind: "unix", dump: "unix", families: [AF_UNIX], states: DEFAULT_STATES, words: ["u_str"] },
  unix_dgram: { kind: "unix", dump: "unix", families: [AF_UNIX], states: CLOSED, words: ["u_dgr"] },
  unix_seqpacket: {
    kind: "unix",
    dump: "unix",
    families: [AF_UNIX],
    states: DEFAULT_STATES,
    words: ["u_seq"],
  },
  packet_raw: { kind: "packet", dump: "packet", families: [AF_PACKET], states: CLOSED, words: ["p_raw"] },
  packet_dgram: { kind: "packet", dump: "packet", families: [AF_PACKET], states: CLOSED, words: ["p_dgr"] },
  netlink: { kind: "netlink", dump: "netlink", families: [AF_NETLINK], states: CLOSED },
  sctp: { kind: "inet", dump: "sctp", families: INET, states: DEFAULT_STATES },
  vsock_stream: {
    kind: "vsock",
    dump: "vsock",
    families: [AF_VSOCK],
    states: DEFAULT_STATES,
    words: ["v_str"],
  },
  vsock_dgram: {
    kind: "vsock",
    dump: "vsock",
    families: [AF_VSOCK],
    states: DEFAULT_STATES,
    words: ["v_dgr"],
  },
  tipc: { kind: "tipc", dump: "tipc", families: [AF_TIPC], states: TIPC_STATES },
  xdp: { kind: "xdp", dump: "xdp", families: [AF_XDP], states: CLOSED },
} as const satisfies Readonly<Record<string, TableRow>>;

/** A socket table, as `-A` names it. */
export type Table = keyof typeof tables;

/** A kind of socket: a folder of families/. */
export type Kind = (typeof tables)[Table]["kind"];

/** A request to the kernel that lists one or more tables. */
export type DumpName = (typeof tables)[Table]["dump"];

/** The requests in the order in which ss makes them. */
export const dumpOrder: readonly DumpName[] = [
  "netlink",
  "packet",
  "unix",
  "raw",
  "udp",
  "tcp",
  "dccp",
  "sctp",
  "vsock",
  "tipc",
  "xdp",
  "mptcp",
];

/** All tables, in the order in which ss numbers them. */
export const allTables = Object.keys(tables) as readonly Table[];

/** ss's default tables, which are also its `all`: every table except tipc. */
export const defaultTables: readonly Table[] = (() => {
  const chosen: Table[] = [];
  for (const table of allTables) if (table !== "tipc") chosen.push(table);
  return chosen;
})();

/** Every family by its word in `-f`: its number, and the states that are shown if an option selects it. */
export const families = {
  inet: { number: AF_INET, states: DEFAULT_STATES },
  inet6: { number: AF_INET6, states: DEFAULT_STATES },
  link: { number: AF_PACKET, states: CLOSED },
  unix: { number: AF_UNIX, states: DEFAULT_STATES },
  netlink: { number: AF_NETLINK, states: CLOSED },
  tipc: { number: AF_TIPC, states: TIPC_STATES },
  vsock: { number: AF_VSOCK, states: DEFAULT_STATES },
  xdp: { number: AF_XDP, states: CLOSED },
} as const;

/** A family's name in `-f`. */
export type Family = keyof typeof families;

/** A selection of sockets. */
export interface Selection {
  readonly tables: ReadonlySet<Table>;
  /** AF_* numbers. */
  readonly families: ReadonlySet<number>;
  /** Mask of states, bit = the kernel's number. */
  readonly states: number;
  /** AF_* of filter addresses without a family prefix. It also decides which inet families are listed. */
  readonly preferred: number | undefined;
}

/** The kind of the sockets that a dump lists. */
export function kindOfDump(name: DumpName): Kind {
  for (const table of allTables) if (tables[table].dump === name) return tables[table].kind;
  throw new RangeError(`no table is listed by ${name}`);
}

/** Whether a set has one of some values. */
export function hasAny<Value>(set: ReadonlySet<Value>, values: readonly Value[]): boolean {
  for (const value of values) if (set.has(value)) return true;
  return false;
}

/** The kinds of socket that a selection may contain. */
export function kindsOf({ tables: selected }: Pick<Selection, "tables">): ReadonlySet<Kind> {
  const kinds = new Set<Kind>();
  for (const table of selected) kinds.add(tables[table].kind);
  return kinds;
}
