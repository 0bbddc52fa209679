/** Lists sockets of all kinds as files of their processes, in every format. */
import { resolveHosts } from "../../../enrich/resolve.ts";
import type { Host } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { JsonObject } from "../../../model/json.ts";
import { type Selection, type Table, tables } from "../../../model/selection.ts";
import { JsonWriter } from "../../../output/json.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Sources } from "../../../procfs/source.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem, SocketBatch } from "../../../query/query.ts";
import { hasUdpLite, udpLiteSources } from "../udp-lite.ts";
import { endpointFinder, type UnixPeers } from "./endpoints.ts";
import { formatFields } from "./fields.ts";
import { filesOf, type LsofFile } from "./files.ts";
import { descriptorFlags } from "./flags.ts";
import { jsonDocument, jsonLines } from "./json.ts";
import { type Listing, type ListingContext, pidLines } from "./listing.ts";
import { selectFiles } from "./match.ts";
import { missing } from "./missing.ts";
import type { NameStyle } from "./names.ts";
import type { OptionLookups } from "./options.ts";
import { mayBeUdpLite, planOf } from "./plan.ts";
import type { PrintStyle } from "./printable.ts";
import { rowsOf } from "./rows.ts";
import type { LsofSettings } from "./settings.ts";
import { formatTable } from "./table.ts";

const encoder = new TextEncoder();

/** What the files of UDP-Lite sockets come from, in place of the name of a dump. */
const UDP_LITE = "udplite";

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

/** Opens the listing of UDP-Lite sockets, if some are wanted and there may be any. */
async function openUdpLite(
  { host, settings, sources, report }: ListingContext,
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
export async function listFiles(context: ListingContext): Promise<Listing> {
  const { world, host, settings, lookups, sources, print, report } = context;
  const plan = planOf(settings, sources);
  using query = await openQuery({ host, report, keep: true }, plan);
  const batches: readonly SocketBatch[] = await query.complete(query.socketsAsync());
  using lite = await openUdpLite(context, plan);
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
