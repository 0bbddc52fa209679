/** The machine of a run: this host or a recording (`--replay`), wrapped in a recorder with `--record`. */
import { withDeadline } from "../enrich/resolve.ts";
import type { Host } from "../host/host.ts";
import type { Draft } from "./options.ts";
import type { World } from "./world.ts";

/** This machine, or the recording of `--replay`. @throws RecordingError if the recording cannot be read */
async function chosenMachine({ host }: World, { replay, resolveTimeoutMs }: Draft): Promise<Host> {
  let machine = host;
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
 */
export async function onMachine(
  world: World,
  draft: Draft,
  work: (host: Host) => Promise<number>,
): Promise<number> {
  const machine = await chosenMachine(world, draft);
  if (draft.record === undefined) return work(machine);
  const { recordHost } = await import("../replay/record.ts");
  const recorder = recordHost(machine, draft.record);
  const status = await work(recorder.host);
  recorder.finish();
  return status;
}
