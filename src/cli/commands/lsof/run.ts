/** `sockscope lsof`: one run, or repeated runs until a signal arrives. */
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "../../../enrich/once.ts";
import { parseUsers } from "../../../enrich/passwd.ts";
import { resolveHosts, withDeadline } from "../../../enrich/resolve.ts";
import { readServices } from "../../../enrich/services.ts";
import type { DirectRows } from "../../../families/direct-rows.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Host } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { sweepingFiles } from "../../../host/socket-sweep.ts";
import { type Demand, demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { InetTable } from "../../../model/inet-tables.ts";
import type { JsonObject } from "../../../model/json.ts";
import { type Selection, type Table, tables } from "../../../model/selection.ts";
import {
  SS_BOUND_INACTIVE,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_TIME_WAIT,
  stateGroups,
} from "../../../model/state.ts";
import { JsonWriter } from "../../../output/json.ts";
import type { Plan } from "../../../plan/plan.ts";
import { type Sources, sourcesOf } from "../../../procfs/source.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem, SocketBatch } from "../../../query/query.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import { strftime } from "../strftime.ts";
import { hasUdpLite, udpLiteSources } from "../udp-lite.ts";
import { isDirect, selectedPids, selectHeld, writeTable } from "./direct.ts";
import { endpointFinder, type UnixPeers } from "./endpoints.ts";
import { formatFields } from "./fields.ts";
import { filesOf, type LsofFile } from "./files.ts";
import { descriptorFlags } from "./flags.ts";
import { takeApart } from "./getopt.ts";
import { findHeld } from "./held.ts";
import { lsofHelp } from "./help.ts";
import { type InternetTerm, portFilter } from "./internet.ts";
import { jsonDocument, jsonLines } from "./json.ts";
import { KeptSockets } from "./kept.ts";
import {
  choosesProcesses,
  choosesSockets,
  matchesAny,
  nothingLocated,
  selectFiles,
  wantsProcess,
} from "./match.ts";
import { missing } from "./missing.ts";
import type { NameStyle } from "./names.ts";
import { LsofError, lsofOptions, lsofWords, type OptionLookups } from "./options.ts";
import type { PrintStyle } from "./printable.ts";
import { rowsOf } from "./rows.ts";
import { defaultSettings, type LsofSettings } from "./settings.ts";
import { formatTable } from "./table.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const EXIT_ERROR = 1;
/** A host name is waited for no longer. */
const RESOLVE_TIMEOUT_MS = 5000;
const MS_PER_SECOND = 1000;
const MARKER = "=======";
/** What the files of UDP-Lite sockets come from, in place of the name of a dump. */
const UDP_LITE = "udplite";

/** Sockets in these states have no descriptor, or none that lsof knows of. */
const WITHOUT_FILE =
  (1 << SS_SYN_RECV) | (1 << SS_TIME_WAIT) | (1 << SS_NEW_SYN_RECV) | (1 << SS_BOUND_INACTIVE);

function optionLookups({ files }: Host): OptionLookups {
  const users = once(() => {
    try {
      return parseUsers(decoder.decode(files.read("/etc/passwd")));
    } catch {
      return new Map<string, number>();
    }
  });
  return { services: once(() => readServices(files)), uid: (name) => users().get(name) };
}

/** Formats that cannot be combined. */
const exclusive = [
  ["F", "t"],
  ["J", "t"],
  ["j", "t"],
  ["J", "j"],
] as const;

/** What the arguments come to. @throws LsofError */
function readSettings(args: readonly string[], lookups: OptionLookups): LsofSettings {
  const { options, names, error } = takeApart(lsofOptions, lsofWords, args);
  let settings = defaultSettings;
  for (const { row, sign, value } of options) settings = row.apply(settings, value, sign, lookups);
  if (error !== undefined) throw new LsofError(error);
  const letters = new Set(options.map(({ row }) => row.letter));
  for (const [one, other] of exclusive)
    if (letters.has(one) && letters.has(other))
      throw new LsofError(`-${one} and -${other} are mutually exclusive`);
  if (names.length > 0)
    throw new LsofError(`${names[0]} is a file, not a socket: lsof(8) itself lists files`);
  return settings;
}

/** Why a command line is not about sockets, if it is so. */
function refusal(settings: LsofSettings): string | undefined {
  if (choosesSockets(settings) || choosesProcesses(settings)) return undefined;
  if (settings.and) return "no select options to AND via -a";
  return "without -i and -U files of every kind are meant, not sockets: lsof(8) itself lists files";
}

/** What is said where the options mean files that are no sockets, too. */
const SOCKETS_ONLY = "only sockets are listed: lsof(8) itself lists the other files of these processes";

function meansFiles(settings: LsofSettings): boolean {
  return matchesAny(settings) || !choosesSockets(settings);
}

async function resolveTerm(host: Host, term: InternetTerm): Promise<InternetTerm> {
  if (term.host === undefined || term.addresses !== undefined) return term;
  const addresses = await host.resolver.addresses(term.host, term.family);
  if (addresses.length === 0) throw new LsofError(`unknown host name (${term.host}) in: -i ${term.text}`);
  return { ...term, addresses };
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

function planOf(settings: LsofSettings, sources: Sources): Plan {
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

/** The other end of each UNIX socket. The kernel reports it over netlink only. */
async function unixPeers(
  host: Host,
  plan: Plan,
  sources: Sources,
  report: (problem: Problem) => void,
): Promise<UnixPeers> {
  const peers = new Map<number, number>();
  const unix = Object.keys(tables).filter((name) => name.startsWith("unix_")) as Table[];
  const selection: Selection = { ...plan.selection, tables: new Set(unix), families: new Set([AF_UNIX]) };
  using query = await openQuery(
    { host, report, keep: true },
    { ...plan, selection, sources, filter: undefined, demands: demandSet(["extended"]) },
  );
  for await (const { sockets } of query.socketsAsync())
    for (const socket of sockets) {
      if (socket.kind !== "unix") continue;
      const { inode, peerInode, pending } = socket;
      const peer = peerInode || pending?.[0];
      if (peer) peers.set(inode, peer);
      // A datagram socket has no peer of its own if another one is connected to it.
      if (peerInode && !peers.has(peerInode)) peers.set(peerInode, inode);
    }
  return peers;
}

/** One listing. */
interface Listing {
  /** The processes of the files, each once. */
  readonly pids: ReadonlySet<number>;
  /** What was not found, as `-V` says it. */
  readonly missing: readonly string[];
  /** Writes it in the format of the settings. */
  write(): void;
}

/** What both ways of listing work with. */
interface Surroundings {
  readonly world: World;
  readonly host: Host;
  readonly settings: LsofSettings;
  readonly lookups: OptionLookups;
  readonly sources: Sources;
  readonly print: PrintStyle;
  report(problem: Problem): void;
}

async function styleFor(
  host: Host,
  settings: LsofSettings,
  files: readonly LsofFile[],
  print: PrintStyle,
  endpoint: NameStyle["endpoint"],
  services: OptionLookups["services"],
): Promise<NameStyle> {
  const addresses = files.flatMap((file) =>
    file.kind === "internet"
      ? [file.local.address, file.peer.address].filter((bytes) => bytes.some((byte) => byte !== 0))
      : [],
  );
  const resolved = settings.hostNames
    ? await resolveHosts(
        host.resolver,
        addresses.map((bytes) => ({
          data: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
          at: 0,
          length: bytes.length,
        })),
      )
    : undefined;
  return {
    print,
    host: (data, at, length) => resolved?.name(data, at, length),
    services: settings.portNames ? services() : undefined,
    endpoint,
  };
}

async function describe(query: OpenQuery, files: readonly LsofFile[]): Promise<JsonObject[]> {
  const [{ describers }, { nameSource }] = await Promise.all([
    import("../../../catalogue/describe.ts"),
    import("../../../output/name-source.ts"),
  ]);
  const object = describers(nameSource(query.plan, query.names));
  return [...new Set(files.map(({ socket }) => socket))].map((socket) => object(socket));
}

async function listOnce(
  world: World,
  host: Host,
  settings: LsofSettings,
  lookups: OptionLookups,
): Promise<Listing> {
  const sources = sourcesOf(world.env);
  const locale = world.env["LC_ALL"] || world.env["LC_CTYPE"] || world.env["LANG"] || "";
  const surroundings: Surroundings = {
    world,
    host,
    settings,
    lookups,
    sources,
    print: { utf8: /utf-?8/i.test(locale), terminal: world.stdout.terminalColumns !== undefined },
    report(problem) {
      if (problem.kind === "unreadable") return;
      world.stderr.write(encoder.encode(problemText(world, host, sources, problem)));
    },
  };
  const direct = isDirect(settings) && !(mayBeUdpLite(settings) && hasUdpLite(host.files, sources));
  return direct ? listDirectly(surroundings) : listFiles(surroundings);
}

/** Lists Internet sockets from the kernel's structs. */
async function listDirectly({
  world,
  host,
  settings,
  lookups,
  sources,
  print,
  report,
}: Surroundings): Promise<Listing> {
  const { root } = sources;
  using query = await openQuery({ host, report, keep: false }, planOf(settings, sources));
  const sockets = new KeptSockets();
  let { files } = host;
  const arrived = () => {
    if (settings.pids.include.length === 0) files = sweepingFiles(files, root);
  };
  const keepers = new Map<string, DirectRows<InetSocket>>();
  const begin = (table: InetTable) => {
    const keeper = keepers.get(table) ?? sockets.keeper(table, arrived);
    keepers.set(table, keeper);
    return keeper;
  };
  for await (const { dump, sockets } of query.socketsAsync(undefined, { begin }))
    for (const socket of sockets) if (socket.kind === "inet") begin(dump as InetTable).write(socket);
  sockets.index();
  const held = findHeld(files, root, sockets, settings.pids, (process) => wantsProcess(settings, process));
  const located = nothingLocated(settings);
  const selected = selectHeld(settings, sockets, held, located);
  const pids = selectedPids(held, selected);
  const write = (bytes: Uint8Array) => world.stdout.write(bytes);
  const { names } = query;
  const context = {
    settings,
    print,
    services: settings.portNames ? lookups.services() : undefined,
    user: (uid: number) => names.user(uid),
    write,
  };
  return {
    pids,
    missing: missing(settings, host.files, root, located),
    write() {
      if (settings.format === "table") writeTable(sockets, held, selected, context);
      else write(encoder.encode(pidLines(pids)));
    },
  };
}

function pidLines(pids: ReadonlySet<number>): string {
  return Array.from(pids, (pid) => `${pid}\n`).join("");
}

/** Whether the options may mean UDP-Lite sockets. */
function mayBeUdpLite(settings: LsofSettings): boolean {
  const { allInternet, internet } = settings;
  const named = internet.some(({ protocol }) => protocol === undefined || protocol === "UDPLITE");
  return allInternet || named || meansFiles(settings);
}

/** Opens the listing of UDP-Lite sockets, if some are wanted and there may be any. */
async function openUdpLite(
  { host, settings, sources, report }: Surroundings,
  plan: Plan,
): Promise<OpenQuery | undefined> {
  if (!mayBeUdpLite(settings) || !(settings.allNetns || hasUdpLite(host.files, sources))) return undefined;
  const selection: Selection = {
    ...plan.selection,
    tables: new Set(["udp"]),
    families: new Set([AF_INET, AF_INET6]),
  };
  return openQuery(
    { host, report, keep: true },
    { ...plan, selection, filter: undefined, sources: udpLiteSources(sources) },
  );
}

/** Lists sockets of all kinds as files of their processes, with whatever the options add. */
async function listFiles(surroundings: Surroundings): Promise<Listing> {
  const { world, host, settings, lookups, sources, print, report } = surroundings;
  const plan = planOf(settings, sources);
  using query = await openQuery({ host, report, keep: true }, plan);
  const batches: readonly SocketBatch[] = await query.complete(query.socketsAsync());
  using lite = await openUdpLite(surroundings, plan);
  const liteBatches = lite === undefined ? [] : await lite.complete(lite.socketsAsync());
  const all = filesOf(
    [...batches, ...liteBatches.map(({ sockets }) => ({ dump: UDP_LITE, sockets }))],
    (inode) => query.names.owners(inode) ?? lite?.names.owners(inode),
    host,
    sources.root,
  );
  const { selected, located } = selectFiles(settings, all);
  const peers = settings.endpoints ? await unixPeers(host, plan, sources, report) : new Map<number, number>();
  const endpoint = settings.endpoints ? endpointFinder(all, peers, print, settings.commandWidth) : () => "";
  const pids = new Set(selected.map(({ process }) => process.pid));
  const shown = settings.format === "terse" || settings.format === "ours" ? [] : selected;
  const style = await styleFor(host, settings, shown, print, endpoint, lookups.services);
  const needsFlags = settings.flags !== undefined || ["fields", "json", "ndjson"].includes(settings.format);
  const rows = rowsOf(shown, {
    settings,
    print,
    style,
    user: (uid) => query.names.user(uid),
    flags: ({ process, fd }) =>
      needsFlags ? descriptorFlags(host.files, sources.root, process.pid, fd) : undefined,
    container: ({ socket }) => {
      const found = settings.containers ? query.names.cgroupOwner(socket).container : undefined;
      return found && (found.name ?? found.id);
    },
    netns: ({ socket }) => (socket.origin.netns === undefined ? undefined : netnsLabel(socket.origin.netns)),
  });
  const objects = settings.format === "ours" ? await describe(query, selected) : [];
  const out = (bytes: Uint8Array) => world.stdout.write(bytes);
  const writeAll = (format: "json" | "ndjson", all: readonly JsonObject[]) => {
    const json = new JsonWriter(format, out);
    for (const object of all) json.write(object);
    json.end();
  };
  const writers: Readonly<Record<LsofSettings["format"], () => void>> = {
    table: () => out(encoder.encode(formatTable(rows, settings))),
    fields: () => out(encoder.encode(formatFields(rows, settings, print))),
    terse: () => out(encoder.encode(pidLines(pids))),
    json: () => writeAll("ndjson", [jsonDocument(rows, settings)]),
    ndjson: () => writeAll("ndjson", jsonLines(rows, settings)),
    ours: () => writeAll("json", objects),
  };
  return {
    pids,
    missing: missing(settings, host.files, sources.root, located),
    write: writers[settings.format],
  };
}

/** Says what is wrong. */
function complain(world: World, message: string): number {
  world.stderr.write(encoder.encode(`lsof: ${message}\n`));
  return EXIT_ERROR;
}

async function repeat(
  world: World,
  host: Host,
  settings: LsofSettings,
  lookups: OptionLookups,
): Promise<number> {
  const { seconds, count, marker, untilNone } = settings.repeat!;
  const ended = world.interrupted();
  for (let run = 1; ; run++) {
    const listing = await listOnce(world, host, settings, lookups);
    listing.write();
    if (untilNone && listing.pids.size === 0) return run === 1 ? EXIT_ERROR : 0;
    const text = marker === undefined ? MARKER : strftime(marker, new Date());
    const line =
      settings.format === "fields" ? `m${marker === undefined ? "" : text}${settings.nul ? "\0" : ""}` : text;
    world.stdout.write(encoder.encode(`${line}\n`));
    if (count !== undefined && run >= count) return marker === undefined && !settings.quiet ? EXIT_ERROR : 0;
    try {
      await sleep(seconds * MS_PER_SECOND, undefined, { signal: ended });
    } catch {
      return ended.reason as number;
    }
  }
}

/** Does what a command line of lsof asks for. @returns the exit status */
export async function runLsof(world: World): Promise<number> {
  const { args } = world;
  if (args.some((arg) => arg === "-h" || arg === "-?" || arg === "--help")) {
    world.stdout.write(encoder.encode(lsofHelp()));
    return 0;
  }
  const host = { ...world.host, resolver: withDeadline(world.host.resolver, RESOLVE_TIMEOUT_MS) };
  const lookups = optionLookups(host);
  try {
    const typed = readSettings(args, lookups);
    const refused = refusal(typed);
    if (refused !== undefined) return complain(world, refused);
    if (meansFiles(typed)) world.stderr.write(encoder.encode(`lsof: ${SOCKETS_ONLY}\n`));
    const internet = await Promise.all(typed.internet.map((term) => resolveTerm(host, term)));
    const settings = { ...typed, internet };
    if (settings.repeat !== undefined) return await repeat(world, host, settings, lookups);
    const listing = await listOnce(world, host, settings, lookups);
    listing.write();
    if (settings.verbose)
      world.stdout.write(encoder.encode(listing.missing.map((line) => `lsof: ${line}\n`).join("")));
    return listing.missing.length > 0 && !settings.quiet ? EXIT_ERROR : 0;
  } catch (error) {
    if (error instanceof LsofError) return complain(world, error.message);
    throw error;
  }
}
