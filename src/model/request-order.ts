/** Which dumps a selection asks for, in ss's order. */
import { AF_INET, AF_INET6 } from "./family.ts";
import { type Selection, type Table, tables } from "./selection.ts";
import { SS_CLOSE } from "./state.ts";

/** One thing to ask the kernel for. */
export interface Dump {
  readonly name: DumpName;
  /** AF_* numbers in the order in which they are asked for; the second is only asked if the first is answered. */
  readonly families: readonly number[];
}

/** The tables in the order in which ss asks for them. */
const dumps = [
  { name: "netlink", tables: ["netlink"] },
  { name: "packet", tables: ["packet_raw", "packet_dgram"] },
  { name: "unix", tables: ["unix_stream", "unix_dgram", "unix_seqpacket"] },
  { name: "raw", tables: ["raw"] },
  { name: "udp", tables: ["udp"] },
  { name: "tcp", tables: ["tcp"] },
  { name: "dccp", tables: ["dccp"] },
  { name: "sctp", tables: ["sctp"] },
  { name: "vsock", tables: ["vsock_stream", "vsock_dgram"] },
  { name: "tipc", tables: ["tipc"] },
  { name: "xdp", tables: ["xdp"] },
  { name: "mptcp", tables: ["mptcp"] },
] as const satisfies readonly { name: string; tables: readonly Table[] }[];

/** What is asked for in one go. */
export type DumpName = (typeof dumps)[number]["name"];

/** These have no states: they are closed, and asked for only if closed sockets are. */
const stateless: ReadonlySet<DumpName> = new Set(["netlink", "packet", "xdp"]);

/** The families of an inet dump: the preferred one alone, or both, whatever the selected ones are. */
function inetFamilies(preferred: number | undefined): readonly number[] {
  if (preferred === AF_INET || preferred === AF_INET6) return [preferred];
  return [AF_INET, AF_INET6];
}

/** What to ask for, in ss's order. Rows of families that are not selected may still come, and are dropped. */
export function requestOrder(selection: Selection): readonly Dump[] {
  const closed = (selection.states & (1 << SS_CLOSE)) !== 0;
  const order: Dump[] = [];
  for (const { name, tables: own } of dumps) {
    if (!own.some((table) => selection.tables.has(table))) continue;
    if (stateless.has(name) && !closed) continue;
    const theirs = tables[own[0]].families;
    // ss asks for tipc even if the filter has named another family.
    if (name !== "tipc" && !theirs.some((family) => selection.families.has(family))) continue;
    order.push({ name, families: theirs.length > 1 ? inetFamilies(selection.preferred) : theirs });
  }
  return order;
}
