/** `history export`: a moment as a recording, for `--replay` and for Wireshark. */
import { processDetails } from "../../../enrich/process-details.ts";
import { demandSet } from "../../../model/demand.ts";
import { allTables } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import { listLinks } from "../../../netlink/links.ts";
import { allParts } from "../../../query/all-parts.ts";
import { inodesOf, openQuery } from "../../../query/open.ts";
import type { SocketBatch } from "../../../query/query.ts";
import { recordHost } from "../../../replay/record.ts";
import { contextFiles } from "../../../store/past.ts";
import { halt } from "../../halt.ts";
import { machineAt } from "../../past.ts";
import { planOf } from "../../plan.ts";
import { chooseStates, chooseTable, select } from "../../select.ts";
import type { Task } from "../command.ts";
import type { HistorySettings } from "./settings.ts";
import { usageStop } from "./span.ts";

const encoder = new TextEncoder();

/** Everything that the recorder keeps of a socket. */
const everything = demandSet(["info", "memory", "tos", "uid", "extended", "owners"]);
/** Files below /proc/PID that listings read. */
const processFiles = ["stat", "cmdline", "status", "cgroup"] as const;

/**
 * Writes the sockets of a moment with their owners into a new folder.
 *
 * @throws StoreError if nothing was recorded then
 * @throws RecordingError if the folder cannot be written
 */
export async function exportMoment(
  { world, draft, settings }: Task<HistorySettings>,
  words: readonly string[],
): Promise<number> {
  const { program } = world;
  const { at, store } = settings;
  const [folder] = words;
  if (at === undefined || folder === undefined || words.length > 1)
    return halt(world, usageStop(program, "export takes --at TIME and one folder"));
  const machine = machineAt(world, store, at);
  if ("kind" in machine) return halt(world, machine);
  const recorder = recordHost(machine, folder);
  const { host } = recorder;
  const choice = chooseStates(allTables.reduce(chooseTable, draft.choice), stateGroups.all);
  const selected = select(choice, [], program);
  if ("kind" in selected) return halt(world, selected);
  const plan = { ...planOf(world, draft, selected.selection, { args: [] }, {}), demands: everything };
  {
    using query = await openQuery({ host, report: () => undefined, parts: allParts, keep: true }, plan);
    const batches: SocketBatch[] = [...query.sockets()];
    query.findOwners(inodesOf(batches));
    const details = processDetails(host.files, plan.sources.root);
    for (const { sockets } of batches)
      for (const { inode } of sockets)
        for (const owner of (inode && query.names.owners(inode)) || []) {
          details(owner);
          for (const file of processFiles) readIfThere(() => host.files.read(`/proc/${owner.pid}/${file}`));
        }
  }
  readIfThere(() => listLinks(host.transport));
  for (const file of [...contextFiles, "stat"]) readIfThere(() => host.files.read(`/proc/${file}`));
  host.cgroups();
  recorder.finish();
  const places = machine.namespaces?.().length ?? 1;
  const others = places > 1 ? `, of its own network namespace: ${places - 1} others are left out` : "";
  world.stderr.write(encoder.encode(`${program}: history: wrote ${folder}${others}\n`));
  return 0;
}

/** Reads something for the recording, where the moment has it. */
function readIfThere(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof NetlinkError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}
