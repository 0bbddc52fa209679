/** The machine that a run looks at: this one, or a recording; recorded, if that is asked for. */
import { withDeadline } from "../enrich/resolve.ts";
import type { Host } from "../host/host.ts";
import type { Draft } from "./options.ts";
import type { World } from "./world.ts";

/** This machine, or that of a recording. @throws RecordingError if that cannot be read */
async function chosenMachine({ host }: World, { replay, resolveTimeoutMs }: Draft): Promise<Host> {
  let machine = host;
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
