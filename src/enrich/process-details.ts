/** Facts about a process that has a socket open, beyond its id and name. proc(5). */
import { type Files, processFile, readBounded } from "../host/host.ts";
import { statField } from "../host/process-stat.ts";
import { once } from "./once.ts";
import type { Owner } from "./processes.ts";
import { userNames } from "./users.ts";

/** Facts about a process. What cannot be read is absent. */
export interface ProcessDetails {
  /** Effective user id. */
  readonly uid?: number;
  /** Name of that user. */
  readonly user?: string;
  /** Path of the program; the kernel adds ` (deleted)` to one that is gone. */
  readonly exe?: string;
  /**
   * Its arguments, the program's name first. Of more than 4 KiB there are the first 3 KiB and the last 1 KiB, and
   * `… (cut by sockscope)` as an argument between them.
   */
  readonly cmdline?: readonly string[];
  /** Its start time, as ISO 8601 in UTC. */
  readonly startTime?: string;
}

/** Clock ticks per second in /proc: USER_HZ, which is 100 everywhere but on Alpha and IA-64. */
const USER_HZ = 100;
const MS_PER_SECOND = 1000;

const decoder = new TextDecoder();

/**
 * How many bytes of a command line are read, and how many of a longer one are kept from its beginning and its end. A
 * process can make its own gigabytes long without using memory, and every socket of the process repeats it.
 */
export const commandLineLimits = { read: 1 << 16, kept: 4096, end: 1024 } as const;

/** The argument that stands for what was cut out of a command line. */
export const cutMark = "… (cut by sockscope)";

function readText(files: Files, path: string): string | undefined {
  try {
    return decoder.decode(readBounded(files, path, processFile).bytes);
  } catch {
    return undefined;
  }
}

/**
 * The arguments of a process, from /proc/PID/cmdline, where each ends in a NUL.
 *
 * @param folder /proc/PID
 * @returns undefined for a process that has none, has wiped them, or is gone
 */
export function commandLine(files: Files, folder: string): readonly string[] | undefined {
  const { read: limit, kept, end } = commandLineLimits;
  let bytes: Uint8Array;
  let cut: boolean;
  try {
    ({ bytes, cut } = readBounded(files, `${folder}/cmdline`, { limit }));
  } catch {
    return undefined;
  }
  if (bytes.length === 0) return undefined;
  const whole = !cut && bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  if (whole.length <= kept) return argumentsOf(whole);
  const last = cut ? [] : argumentsOf(whole.subarray(-end));
  return [...argumentsOf(whole.subarray(0, kept - end)), cutMark, ...last];
}

function argumentsOf(bytes: Uint8Array): string[] {
  return decoder.decode(bytes).split("\0");
}

/**
 * Makes a function that returns the details of a process. Each process is read once, when it is first needed.
 *
 * @param root where /proc is
 */
export function processDetails(
  files: Files,
  root: string,
): (process: Pick<Owner, "pid" | "stat">) => ProcessDetails {
  const userName = userNames(files);
  /** When the host was booted, in seconds since 1970. */
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
    const cmdline = commandLine(files, folder);
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
