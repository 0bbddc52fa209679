/** `sockscope netstat`: one listing, or one every second. */
import { setTimeout as sleep } from "node:timers/promises";
import { escapeText } from "../../../bytes/terminal.ts";
import { once } from "../../../enrich/once.ts";
import { resolveHosts, withDeadline } from "../../../enrich/resolve.ts";
import { readNumberNames, readServices } from "../../../enrich/services.ts";
import { loadFamilies } from "../../../families/index.ts";
import type { Host } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { AF_UNIX } from "../../../model/family.ts";
import { kindsOf, type Table } from "../../../model/selection.ts";
import { SS_LISTEN } from "../../../model/state.ts";
import type { Plan } from "../../../plan/plan.ts";
import { type Sources, sourcesOf } from "../../../procfs/source.ts";
import { type ListChanges, type OpenQuery, openQuery } from "../../../query/open.ts";
import * as proc from "../../../query/proc.ts";
import type { Problem, SocketBatch } from "../../../query/query.ts";
import { getopt } from "../../getopt.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import { hasUdpLite, udpLiteSources } from "../udp-lite.ts";
import { type NotShown, notShown, whyNotShown } from "./not-shown.ts";
import {
  defaultSettings,
  isWanted,
  type NetstatSettings,
  type NetstatStop,
  netstatOptions,
} from "./options.ts";
import { planOf, selectionOf, unixTables, type Wanted, wantedOf } from "./plan.ts";
import { programNames } from "./programs.ts";
import type { RowNames } from "./row-names.ts";
import { inetHeading, rowWriter, unixHeading } from "./rows.ts";
import { unreadableNote } from "./unreadable.ts";

const encoder = new TextEncoder();

/** netstat's status for a command line that it does not understand. */
const EXIT_USAGE = 3;
const EXIT_ERROR = 1;
const SECOND_MS = 1000;
/** Time for looking up host names. */
const RESOLVE_TIMEOUT_MS = 5000;

/** The names of rows. Host names are looked up only for the sockets that are shown. */
async function namesFor(
  { query, lite, kept = [], keptLite }: Listing,
  host: Host,
  settings: NetstatSettings,
  terminal: boolean,
): Promise<RowNames> {
  const { sources } = query.plan;
  const batches = [...kept, ...keptLite];
  const owners = (inode: number) => query.names.owners(inode) ?? lite?.names.owners(inode);
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

/** Lines of /proc/net/unix that are no sockets: names with a newline in them. */
function bogusLines(batches: readonly SocketBatch[]): number {
  const lines = batches.flatMap(({ sockets }) =>
    sockets.flatMap((socket) =>
      socket.kind === "unix" && socket.procfs !== undefined ? socket.procfs.line : [],
    ),
  );
  return lines.length === 0 ? 0 : Math.max(...lines) + 1 - lines.length;
}

/** An open listing, and what its rows need. */
interface Listing {
  readonly query: OpenQuery;
  /** The listing of UDP-Lite sockets. */
  readonly lite: OpenQuery | undefined;
  /** All sockets, if they are kept for their owners or host names; else undefined. */
  readonly kept: readonly SocketBatch[] | undefined;
  readonly keptLite: readonly SocketBatch[];
}

/** The sockets of some tables: the kept ones, or straight from the kernel. */
function* batchesOf(
  { query, kept }: Listing,
  tables: readonly Table[],
  dump: string,
  families: readonly number[],
  changes: Partial<ListChanges> = {},
): Generator<SocketBatch> {
  if (kept !== undefined) return yield* kept.filter((batch) => batch.dump === dump);
  for (const place of query.places)
    yield* query.listPlace(place, { selection: selectionOf(tables, families), ...changes });
}

type Rows = ReturnType<typeof rowWriter>;

function writeInet(listing: Listing, { inet, families }: Wanted, rows: Rows): void {
  for (const table of inet) {
    const direct = rows.inet(table);
    const batches =
      table === "udplite"
        ? listing.keptLite
        : batchesOf(listing, [table], table, families, { rows: { begin: () => direct } });
    for (const { sockets } of batches)
      for (const socket of sockets) if (socket.kind === "inet") direct.write(socket);
  }
}

/** Writes the rows of UNIX sockets. @returns the warnings about lines of the file that are no sockets */
function writeUnix(listing: Listing, rows: Rows): string {
  const batches = [...batchesOf(listing, unixTables, "unix", [AF_UNIX], { keep: true })];
  for (const socket of inFileOrder(batches)) rows.unix(socket);
  rows.flush();
  return "warning, got bogus unix line.\n".repeat(bogusLines(batches));
}

async function listOnce(world: World, host: Host, settings: NetstatSettings): Promise<number> {
  const { stdout, stderr } = world;
  const sources = sourcesOf(world.env);
  const wanted = wantedOf(settings);
  const plan = planOf(settings, sources, wanted);
  let unreadable = false;
  const report = (problem: Problem) => {
    if (problem.kind === "unreadable") unreadable = true;
    else stderr.write(encoder.encode(problemText(world, host, sources, problem)));
  };
  const families = await loadFamilies(kindsOf(plan.selection));
  const keeps = plan.demands.has("owners") || !settings.numericHosts || settings.json;
  using query = await openQuery({ host, report, keep: keeps, parts: { families, proc } }, plan);
  if (settings.json) return writeJson(world, query, settings);
  using lite = await openUdpLite(host, report, plan, wanted, settings);
  const kept = keeps ? await query.complete(query.socketsAsync()) : undefined;
  const keptLite = lite === undefined ? [] : await lite.complete(lite.socketsAsync());
  const listing: Listing = { query, lite, kept, keptLite };
  const terminal = stdout.terminalColumns !== undefined;
  const names = await namesFor(listing, host, settings, terminal);
  if (unreadable && settings.programs) stderr.write(encoder.encode(unreadableNote(host, sources.root)));

  const rows = rowWriter(settings, names, terminal, (bytes) => stdout.write(bytes));
  if (wanted.inet.length > 0 || settings.tables.size > 0) rows.text(inetHeading(settings));
  writeInet(listing, wanted, rows);
  rows.flush();
  if (settings.tables.has("sctp")) return endWithout("sctp", world, host, sources);
  if (wanted.unix) {
    rows.text(unixHeading(settings));
    stderr.write(encoder.encode(writeUnix(listing, rows)));
  }
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

/** The help, which a listing does not load. */
async function helpText(): Promise<string> {
  return (await import("./help.ts")).netstatHelp();
}

/** Ends a run that lists nothing. */
async function end(world: World, { message, status }: NetstatStop): Promise<number> {
  if (message === "help") world.stdout.write(encoder.encode(await helpText()));
  else if (message === "version")
    world.stdout.write(encoder.encode((await import("../../help.ts")).version("sockscope")));
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
    world.stderr.write(encoder.encode(`${taken.error.message}\n${await helpText()}`));
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
