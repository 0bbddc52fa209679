/** The machine of a run: this host, a recording (`--replay`) or a time in the past (`--at`), recorded with `--record`. */
import { withDeadline } from "../enrich/resolve.ts";
import type { Host } from "../host/host.ts";
import type { Draft } from "./draft.ts";
import type { Stop } from "./getopt.ts";
import { halt } from "./halt.ts";
import type { World } from "./world.ts";

/**
 * This machine, the recording of `--replay`, or the past of `--at`.
 *
 * @throws RecordingError if the recording cannot be read
 */
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
 * Runs `work` on the machine that the options choose. A recording is completed when `work` is done.
 *
 * @param work returns the exit status
 * @throws RecordingError if a recording cannot be read or written
 * @throws StoreError if nothing is known of the time that was typed
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
