/** What more there is to know of a process that has a socket open: proc(5) again, for those who ask. */
import type { Files } from "../host/host.ts";
import { statField } from "../host/process-stat.ts";
import { once } from "./once.ts";
import type { Owner } from "./processes.ts";
import { userNames } from "./users.ts";

/** A process beyond its id and name; what cannot be read is absent. */
export interface ProcessDetails {
  /** Effective user id. */
  readonly uid?: number;
  /** Name of that user. */
  readonly user?: string;
  /** Path of the program; the kernel adds ` (deleted)` to one that is gone. */
  readonly exe?: string;
  /** Its arguments, the program's name first. */
  readonly cmdline?: readonly string[];
  /** When it began, as ISO 8601 in UTC. */
  readonly startTime?: string;
}

/** Clock ticks per second in what /proc tells: USER_HZ, which is this everywhere but on Alpha and IA-64. */
const USER_HZ = 100;
const MS_PER_SECOND = 1000;

const decoder = new TextDecoder();

function readText(files: Files, path: string): string | undefined {
  try {
    return decoder.decode(files.read(path));
  } catch {
    return undefined;
  }
}

/** The arguments in /proc/PID/cmdline, each of which ends in a NUL; none for a process that has wiped them. */
function argumentsOf(text: string): readonly string[] | undefined {
  return text === "" ? undefined : text.replace(/\0$/, "").split("\0");
}

/**
 * Makes the function that tells more of a process. Each process is looked at when it is first asked for.
 *
 * @param root where /proc is
 */
export function processDetails(files: Files, root: string): (owner: Owner) => ProcessDetails {
  const userName = userNames(files);
  /** When the host began, in seconds since 1970. */
  const bootTime = once(() => {
    const match = /^btime (\d+)$/m.exec(readText(files, `${root}/stat`) ?? "");
    return match === null ? undefined : Number(match[1]);
  });
  const known = new Map<number, ProcessDetails>();

  function startTimeOf(stat: Uint8Array): string | undefined {
    const ticks = statField(stat, "startTime");
    const boot = bootTime();
    if (ticks === undefined || boot === undefined) return undefined;
    const date = new Date((boot + Number(ticks) / USER_HZ) * MS_PER_SECOND);
    return Number.isNaN(date.valueOf()) ? undefined : date.toISOString();
  }

  function look(pid: number, stat: Uint8Array): ProcessDetails {
    const folder = `${root}/${pid}`;
    const uids = /^Uid:\s*\d+\s+(\d+)/m.exec(readText(files, `${folder}/status`) ?? "");
    const uid = uids === null ? undefined : Number(uids[1]);
    const user = uid === undefined ? undefined : userName(uid);
    const exe = files.link(`${folder}/exe`);
    const cmdline = argumentsOf(readText(files, `${folder}/cmdline`) ?? "");
    const startTime = startTimeOf(stat);
    return {
      ...(uid === undefined ? {} : { uid }),
      ...(user === undefined ? {} : { user }),
      ...(exe === undefined ? {} : { exe }),
      ...(cmdline === undefined ? {} : { cmdline }),
      ...(startTime === undefined ? {} : { startTime }),
    };
  }

  return ({ pid, stat }) => {
    let details = known.get(pid);
    if (details === undefined) {
      details = look(pid, stat);
      known.set(pid, details);
    }
    return details;
  };
}
