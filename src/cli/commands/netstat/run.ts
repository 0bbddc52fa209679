/** `sockscope netstat`: one listing, or one every second. */
import { setTimeout as sleep } from "node:timers/promises";
import { escapeText } from "../../../bytes/terminal.ts";
import { once } from "../../../enrich/once.ts";
import type { Owner } from "../../../enrich/processes.ts";
import { resolveHosts, withDeadline } from "../../../enrich/resolve.ts";
import { readNumberNames, readServices } from "../../../enrich/services.ts";
import { loadFamilies } from "../../../families/index.ts";
import type { Host } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { type Demand, demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import { kindsOf, type Selection, type Table } from "../../../model/selection.ts";
import { SS_BOUND_INACTIVE, SS_LISTEN, stateGroups } from "../../../model/state.ts";
import type { Plan } from "../../../plan/plan.ts";
import { type Sources, sourcesOf } from "../../../procfs/source.ts";
import { type ListChanges, type OpenQuery, openQuery } from "../../../query/open.ts";
import * as proc from "../../../query/proc.ts";
import type { Problem, SocketBatch } from "../../../query/query.ts";
import { getopt } from "../../getopt.ts";
import { version } from "../../help.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import { hasUdpLite, udpLiteSources } from "../udp-lite.ts";
import { netstatHelp } from "./help.ts";
import type { InetTable } from "./inet-rows.ts";
import { type NotShown, notShown, whyNotShown } from "./not-shown.ts";
import {
  defaultSettings,
  isWanted,
  type NetstatSettings,
  type NetstatStop,
  netstatOptions,
} from "./options.ts";
import { programNames } from "./programs.ts";
import type { RowNames } from "./row-names.ts";
import { inetHeading, rowWriter, unixHeading } from "./rows.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** netstat's status for a command line that it does not understand. */
const EXIT_USAGE = 3;
const EXIT_ERROR = 1;
const SECOND_MS = 1000;
/** Time for looking up host names. */
const RESOLVE_TIMEOUT_MS = 5000;

/** The tables of Internet sockets, in netstat's order. */
const inetTables: readonly InetTable[] = ["tcp", "udp", "udplite", "raw"];
const unixTables: readonly Table[] = ["unix_stream", "unix_dgram", "unix_seqpacket"];

/** What is listed. */
interface Wanted {
  readonly inet: readonly InetTable[];
  readonly families: readonly number[];
  readonly unix: boolean;
}

/** What the options choose; without a choice all of it. */
function wantedOf({ tables, families, otherFamilies }: NetstatSettings): Wanted {
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

function selectionOf(tables: readonly Table[], families: readonly number[]): Selection {
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

function planOf(settings: NetstatSettings, sources: Sources, wanted: Wanted): Plan {
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

/** What netstat says if it may not read the descriptors of processes. */
function unreadableNote(host: Host, root: string, foundAny: boolean): string {
  if (foundAny)
    return "(Not all processes could be identified, non-owned process info\n will not be shown, you would have to be root to see it all.)\n";
  let uid = 0;
  try {
    uid = Number(/^Uid:\s*\d+\s+(\d+)/m.exec(decoder.decode(host.files.read(`${root}/self/status`)))?.[1]);
  } catch {
    // Then it goes without the number.
  }
  return `(No info could be read for "-p": geteuid()=${uid} but you should be root.)\n`;
}

/** Whether any readable process has a socket open, in this network namespace or another one. */
function anySocketReadable({ files }: Host, root: string): boolean {
  return files.list(root).some((pid) => {
    let found = false;
    if (/^\d+$/.test(pid))
      files.sockets?.(`${root}/${pid}/fd`, () => {
        found = true;
      });
    return found;
  });
}

/** Lines of /proc/net/unix that are no sockets: names with a newline in them. */
function bogusLines(batches: readonly SocketBatch[]): number {
  const lines = batches.flatMap(({ sockets }) =>
    sockets.flatMap((socket) =>
      socket.kind === "unix" && socket.procfs !== undefined ? socket.procfs.line : [],
    ),
  );
  return lines.length === 0 ? 0 : Math.max(...lines) + 1 - lines.length;
}

/** Finds who has the socket of an inode open. */
type RowOwners = (inode: number) => readonly Owner[] | undefined;

/** The names of rows. Host names are looked up of the sockets that are shown. */
async function namesFor(
  query: OpenQuery,
  host: Host,
  settings: NetstatSettings,
  batches: readonly SocketBatch[],
  owners: RowOwners,
  terminal: boolean,
): Promise<RowNames> {
  const { sources } = query.plan;
  const addresses = settings.numericHosts
    ? []
    : batches.flatMap(({ sockets }) =>
        sockets.flatMap((socket) => {
          if (socket.kind !== "inet" || !isWanted(settings, socket.dport !== 0)) return [];
          const { data, addressLength: length, sourceOffset, destinationOffset } = socket;
          return [sourceOffset, destinationOffset]
            .filter((at) =>
              new Uint8Array(data.buffer, data.byteOffset + at, length).some((byte) => byte !== 0),
            )
            .map((at) => ({ data, at, length }));
        }),
      );
  const resolved = addresses.length === 0 ? undefined : await resolveHosts(host.resolver, addresses);
  const { names } = query;
  return {
    host: (data, at, length) => resolved?.name(data, at, length),
    services: settings.numericPorts ? undefined : readServices(host.files),
    protocols: once(() => readNumberNames(host.files, "/etc/protocols")),
    // netstat writes the number as a signed one.
    user: (uid) => escapeText((settings.numericUsers ? undefined : names.user(uid)) ?? `${uid | 0}`),
    program: programNames(host.files, sources.root, owners, terminal),
    container(socket) {
      const found = names.cgroupOwner(socket).container;
      return found === undefined ? "-" : escapeText(found.name ?? found.id);
    },
    netns: ({ origin }) => (origin.netns === undefined ? "" : escapeText(netnsLabel(origin.netns))),
  };
}

/** Opens the listing of UDP-Lite sockets, if some are wanted and there may be any. */
async function openUdpLite(
  host: Host,
  report: (problem: Problem) => void,
  plan: Plan,
  { inet, families }: Wanted,
  { allNetns }: NetstatSettings,
): Promise<OpenQuery | undefined> {
  if (!inet.includes("udplite") || !(allNetns || hasUdpLite(host.files, plan.sources))) return undefined;
  return openQuery(
    { host, report, keep: true },
    { ...plan, selection: selectionOf(["udp"], families), sources: udpLiteSources(plan.sources) },
  );
}

async function listOnce(world: World, host: Host, settings: NetstatSettings): Promise<number> {
  const sources = sourcesOf(world.env);
  const wanted = wantedOf(settings);
  const plan = planOf(settings, sources, wanted);
  let unreadable = false;
  const report = (problem: Problem) => {
    if (problem.kind === "unreadable") unreadable = true;
    else world.stderr.write(encoder.encode(problemText(world, host, sources, problem)));
  };
  const families = await loadFamilies(kindsOf(plan.selection));
  const keeps = plan.demands.has("owners") || !settings.numericHosts || settings.json;
  using query = await openQuery({ host, report, keep: keeps, parts: { families, proc } }, plan);
  if (settings.json) return writeJson(world, query, settings);
  using lite = await openUdpLite(host, report, plan, wanted, settings);
  const terminal = world.stdout.terminalColumns !== undefined;
  const kept = keeps ? await query.complete(query.socketsAsync()) : [];
  const keptLite = lite === undefined ? [] : await lite.complete(lite.socketsAsync());
  const owners: RowOwners = (inode) => query.names.owners(inode) ?? lite?.names.owners(inode);
  const names = await namesFor(query, host, settings, [...kept, ...keptLite], owners, terminal);
  if (unreadable && settings.programs) {
    const found = anySocketReadable(host, sources.root);
    world.stderr.write(encoder.encode(unreadableNote(host, sources.root, found)));
  }
  const rows = rowWriter(settings, names, terminal, (bytes) => world.stdout.write(bytes));
  const batchesOf = function* (
    tables: readonly Table[],
    dump: string,
    families: readonly number[],
    changes: Partial<ListChanges> = {},
  ) {
    if (keeps) yield* kept.filter((batch) => batch.dump === dump);
    else
      for (const place of query.places)
        yield* query.listPlace(place, { selection: selectionOf(tables, families), ...changes });
  };
  if (wanted.inet.length > 0 || settings.tables.size > 0) rows.text(inetHeading(settings));
  for (const table of wanted.inet) {
    const direct = rows.inet(table);
    const batches =
      table === "udplite"
        ? keptLite
        : batchesOf([table], table, wanted.families, { rows: { begin: () => direct } });
    for (const { sockets } of batches)
      for (const socket of sockets) if (socket.kind === "inet") direct.write(socket);
  }
  if (settings.tables.has("sctp")) {
    rows.flush();
    return endWithout("sctp", world, host, sources);
  }
  if (wanted.unix) {
    rows.text(unixHeading(settings));
    const batches = [...batchesOf(unixTables, "unix", [AF_UNIX], { keep: true })];
    for (const socket of inFileOrder(batches)) rows.unix(socket);
    rows.flush();
    const bogus = bogusLines(batches);
    world.stderr.write(encoder.encode("warning, got bogus unix line.\n".repeat(bogus)));
  }
  rows.flush();
  const [other] = notShown(settings);
  return other === undefined ? 0 : endWithout(other, world, host, sources);
}

/** UNIX sockets as the file has them, a network namespace after the other. */
function* inFileOrder(batches: readonly SocketBatch[]) {
  const sockets = batches.flatMap(({ sockets }) => sockets).filter((socket) => socket.kind === "unix");
  const places = new Set(sockets.map(({ origin }) => origin.netns));
  for (const netns of places)
    yield* sockets
      .filter(({ origin }) => origin.netns === netns)
      .sort((a, b) => (a.procfs?.line ?? 0) - (b.procfs?.line ?? 0));
}

/** Ends a run at sockets that are not shown. */
function endWithout(name: NotShown, world: World, { files }: Host, { root }: Sources): number {
  world.stderr.write(encoder.encode(`netstat: ${whyNotShown(name, files, root)}\n`));
  return EXIT_ERROR;
}

async function writeJson(world: World, query: OpenQuery, settings: NetstatSettings): Promise<number> {
  const [{ describers }, { nameSource }, { JsonWriter }] = await Promise.all([
    import("../../../catalogue/describe.ts"),
    import("../../../output/name-source.ts"),
    import("../../../output/json.ts"),
  ]);
  const object = describers(nameSource(query.plan, query.names));
  const json = new JsonWriter("json", (bytes) => world.stdout.write(bytes));
  const kept = await query.complete(query.socketsAsync());
  for (const { sockets } of kept)
    for (const socket of sockets) {
      const hasPeer =
        socket.kind === "inet"
          ? socket.dport !== 0
          : (socket as { readonly stateNumber?: number }).stateNumber !== SS_LISTEN;
      if (isWanted(settings, hasPeer)) json.write(object(socket));
    }
  json.end();
  return 0;
}

/** Ends a run that lists nothing. */
function end(world: World, { message, status }: NetstatStop): number {
  if (message === "help") world.stdout.write(encoder.encode(netstatHelp()));
  else if (message === "version") world.stdout.write(encoder.encode(version("sockscope")));
  else world.stderr.write(encoder.encode(`${message}\n`));
  return status;
}

/** Runs a command line of netstat. @returns the exit status */
export async function runNetstat(world: World): Promise<number> {
  const taken = getopt(netstatOptions, world.args, { program: "netstat", firstWordEnds: false });
  let settings = defaultSettings;
  for (const { row, value } of taken.steps) {
    const next = row.apply(settings, value);
    if ("message" in next) return end(world, next);
    settings = next;
  }
  if (taken.error?.kind === "error") {
    world.stderr.write(encoder.encode(`${taken.error.message}\n${netstatHelp()}`));
    return EXIT_USAGE;
  }
  const host = { ...world.host, resolver: withDeadline(world.host.resolver, RESOLVE_TIMEOUT_MS) };
  for (;;) {
    const status = await listOnce(world, host, settings);
    if (!settings.continuous || status !== 0) return status;
    try {
      await sleep(SECOND_MS, undefined, { signal: world.interrupted() });
    } catch {
      return world.interrupted().reason as number;
    }
  }
}
