/** What a run of netstat lists, and the plan for it. */
import { type Demand, demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import { SS_BOUND_INACTIVE, stateGroups } from "../../../model/state.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Sources } from "../../../procfs/source.ts";
import type { InetTable } from "./inet-rows.ts";
import type { NetstatSettings } from "./options.ts";

/** The tables of Internet sockets, in netstat's order. */
const inetTables: readonly InetTable[] = ["tcp", "udp", "udplite", "raw"];
/** The tables of UNIX sockets. */
export const unixTables: readonly Table[] = ["unix_stream", "unix_dgram", "unix_seqpacket"];

/** What is listed. */
export interface Wanted {
  readonly inet: readonly InetTable[];
  /** AF_INET, AF_INET6 or both. */
  readonly families: readonly number[];
  readonly unix: boolean;
}

/** What the options choose; everything if they choose nothing. */
export function wantedOf({ tables, families, otherFamilies }: NetstatSettings): Wanted {
  const byTable = inetTables.filter((table) => tables.has(table));
  const inet = [...(families.has("inet") ? [AF_INET] : []), ...(families.has("inet6") ? [AF_INET6] : [])];
  const nothing = tables.size === 0 && families.size === 0 && otherFamilies.size === 0;
  const wantsInet = nothing || tables.size > 0 || inet.length > 0;
  return {
    inet: !wantsInet ? [] : tables.size > 0 ? byTable : inetTables,
    families: inet.length > 0 ? inet : [AF_INET, AF_INET6],
    unix: nothing || families.has("unix"),
  };
}

/** netstat shows what /proc shows. */
const SHOWN_STATES = stateGroups.all & ~(1 << SS_BOUND_INACTIVE);

/** The sockets of some tables, in the states that netstat shows. */
export function selectionOf(tables: readonly Table[], families: readonly number[]): Selection {
  const [only, ...others] = families;
  return {
    tables: new Set(tables),
    families: new Set(families),
    states: SHOWN_STATES,
    preferred: others.length === 0 ? only : undefined,
  };
}

/**
 * UNIX sockets are read in /proc, which alone has their references and flags; TCP sockets with their timers, too: over
 * netlink the kernel counts other retransmissions of half-open connections.
 */
function fromProc(sources: Sources, timers: boolean): Sources {
  return {
    ...sources,
    path: (file) => sources.path(file),
    withoutNetlink: (table) =>
      table === "unix" || (timers && table === "tcp") || sources.withoutNetlink(table),
  };
}

/** The plan for the tables that are wanted, except UDP-Lite, which has a plan of its own. */
export function planOf(settings: NetstatSettings, sources: Sources, wanted: Wanted): Plan {
  const listed = wanted.inet.filter((table) => table !== "udplite");
  const tables = [...listed, ...(wanted.unix ? unixTables : [])];
  const families = [...(listed.length > 0 ? wanted.families : []), ...(wanted.unix ? [AF_UNIX] : [])];
  const demands: Demand[] = [];
  if (settings.programs || settings.containers) demands.push("owners");
  if (settings.containers) demands.push("containers");
  if (settings.timers) demands.push("info");
  if (settings.allNetns) demands.push("netns");
  if (settings.json) demands.push("uid");
  return {
    selection: selectionOf(tables, families),
    filter: undefined,
    allNetns: settings.allNetns,
    sources: settings.json ? sources : fromProc(sources, settings.timers),
    demands: demandSet(demands),
    bpfMapIds: [],
    serviceNames: !settings.numericPorts,
    order: { sort: [] },
    kill: false,
  };
}
