/** Lists Internet sockets from the kernel's structs: the table, and the ids of processes. */
import type { DirectRows } from "../../../families/direct-rows.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import { sweepingFiles } from "../../../host/socket-sweep.ts";
import type { InetTable } from "../../../model/inet-tables.ts";
import { openQuery } from "../../../query/open.ts";
import { selectEntries, selectedPids, writeTable } from "./direct.ts";
import { KeptStructs } from "./kept-structs.ts";
import { type Listing, type ListingContext, pidLines } from "./listing.ts";
import { nothingLocated, wantsProcess } from "./match.ts";
import { missing } from "./missing.ts";
import { planOf } from "./plan.ts";
import { findProcessSockets } from "./process-sockets.ts";

const encoder = new TextEncoder();

/** Lists Internet sockets from the kernel's structs. */
export async function listDirectly({
  world,
  host,
  settings,
  lookups,
  sources,
  print,
  report,
}: ListingContext): Promise<Listing> {
  const { root } = sources;
  using query = await openQuery({ host, report, keep: false }, planOf(settings, sources));
  const sockets = new KeptStructs();
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
  const held = findProcessSockets(files, root, sockets, settings.pids, (process) =>
    wantsProcess(settings, process),
  );
  const located = nothingLocated(settings);
  const selected = selectEntries(settings, sockets, held, located);
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
