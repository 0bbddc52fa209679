/** What lsof shows of a process. proc(5). */
import { processName } from "../../../enrich/processes.ts";
import { type Files, processFile, readBounded } from "../../../host/host.ts";
import { statField } from "../../../host/process-stat.ts";

/** A process by its id, its parent's, its group's, its name and its effective user. */
export interface LsofProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Its name, as the kernel has it. */
  readonly name: Uint8Array;
  /** undefined if the process is gone. */
  readonly uid: number | undefined;
}

const decoder = new TextDecoder();

function readOrNothing(files: Files, path: string): Uint8Array {
  try {
    return readBounded(files, path, processFile).bytes;
  } catch {
    return new Uint8Array(0);
  }
}

/** Reads a process. What cannot be read of it is 0 or empty. @param root where /proc is */
export function readProcess(files: Files, root: string, pid: number): LsofProcess {
  const stat = readOrNothing(files, `${root}/${pid}/stat`);
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(decoder.decode(readOrNothing(files, `${root}/${pid}/status`)))?.[1];
  return {
    pid,
    parent: Number(statField(stat, "parent") ?? 0),
    group: Number(statField(stat, "group") ?? 0),
    name: processName(stat),
    uid: uid === undefined ? undefined : Number(uid),
  };
}
