/** The machine that a run looks at: this one, a recording, or a time in the past; recorded, if that is asked for. */
import { withDeadline } from "../enrich/resolve.ts";
import type { Host } from "../host/host.ts";
import type { Stop } from "./getopt.ts";
import { halt } from "./halt.ts";
import type { Draft } from "./options.ts";
import type { World } from "./world.ts";

/** This machine, or that of a recording. @throws RecordingError if that cannot be read */
async function chosenMachine(world: World, draft: Draft): Promise<Host | Stop> {
  const { host } = world;
  const { replay, resolveTimeoutMs } = draft;
  let machine = host;
  if (draft.at !== undefined) {
    const { machineAt } = await import("./past.ts");
    const past = machineAt(world, draft.store, draft.at);
    if ("kind" in past) return past;
    machine = past;
  }
  if (replay !== undefined) {
    const { replayHost } = await import("../replay/host.ts");
    machine = replayHost(replay, host.files);
  }
  return { ...machine, resolver: withDeadline(machine.resolver, resolveTimeoutMs) };
}

/**
 * Does what a run does on the machine that its options choose.
 *
 * @param work gives the exit status
 * @throws RecordingError if a recording cannot be read or written
 * @throws StoreError if nothing is known of the time that is asked for
 */
export async function onMachine(
  world: World,
  draft: Draft,
  work: (host: Host) => Promise<number>,
): Promise<number> {
  const machine = await chosenMachine(world, draft);
  if ("kind" in machine) return halt(world, machine);
  if (draft.record === undefined) return work(machine);
  const { recordHost } = await import("../replay/record.ts");
  const recorder = recordHost(machine, draft.record);
  const status = await work(recorder.host);
  recorder.finish();
  return status;
}
