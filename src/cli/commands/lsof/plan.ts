/** What lsof's options want of the kernel. */
import { type Demand, demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import {
  SS_BOUND_INACTIVE,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_TIME_WAIT,
  stateGroups,
} from "../../../model/state.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Sources } from "../../../procfs/source.ts";
import { portFilter } from "./internet.ts";
import { choosesSockets, matchesAny } from "./match.ts";
import type { LsofSettings } from "./settings.ts";

/** Sockets in these states have no descriptor, or none that lsof knows of. */
const WITHOUT_FILE =
  (1 << SS_SYN_RECV) | (1 << SS_TIME_WAIT) | (1 << SS_NEW_SYN_RECV) | (1 << SS_BOUND_INACTIVE);

/** Whether the options mean files that are no sockets, too. */
export function meansFiles(settings: LsofSettings): boolean {
  return matchesAny(settings) || !choosesSockets(settings);
}

/** Whether the options may mean UDP-Lite sockets. */
export function mayBeUdpLite(settings: LsofSettings): boolean {
  const { allInternet, internet } = settings;
  const named = internet.some(({ protocol }) => protocol === undefined || protocol === "UDPLITE");
  return allInternet || named || meansFiles(settings);
}

/** UNIX sockets are read in /proc, which alone has their kernel addresses. */
function unixInProc(sources: Sources): Sources {
  return {
    ...sources,
    path: (file) => sources.path(file),
    withoutNetlink: (table) => table === "unix" || sources.withoutNetlink(table),
  };
}

function selectionOf(settings: LsofSettings): Selection {
  const { allInternet, internet, states } = settings;
  const every = meansFiles(settings);
  const unix = settings.unix || every;
  const wantsInternet = every || allInternet || internet.length > 0 || states.include.length > 0;
  const chosen: Table[] = [...(wantsInternet ? (["tcp", "udp"] as const) : [])];
  if (unix) chosen.push("unix_stream", "unix_dgram", "unix_seqpacket");
  return {
    tables: new Set(chosen),
    families: new Set([...(wantsInternet ? [AF_INET, AF_INET6] : []), ...(unix ? [AF_UNIX] : [])]),
    states: stateGroups.all & ~WITHOUT_FILE,
    preferred: undefined,
  };
}

/** Whether no more than the ports of the terms narrows the listing down, so that the kernel can do it. */
function kernelFilter(settings: LsofSettings): string | undefined {
  const { allInternet, internet, unix, endpoints, states } = settings;
  const isWider = allInternet || unix || endpoints || states.include.length > 0 || meansFiles(settings);
  return isWider ? undefined : portFilter(internet);
}

/** The plan of a listing. */
export function planOf(settings: LsofSettings, sources: Sources): Plan {
  const filter = kernelFilter(settings);
  const demands: Demand[] = ["owners", "uid"];
  if (settings.containers) demands.push("containers");
  if (settings.allNetns) demands.push("netns");
  return {
    selection: selectionOf(settings),
    filter: filter === undefined ? undefined : { args: [filter] },
    allNetns: settings.allNetns,
    sources: settings.format === "ours" ? sources : unixInProc(sources),
    demands: demandSet(demands),
    bpfMapIds: [],
    serviceNames: settings.portNames,
    order: { sort: [] },
    kill: false,
  };
}
