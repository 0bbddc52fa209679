/** What `who` says of a process: its program, its parents, its age, its place. proc(5). */
import { type CgroupOwner, findContainers } from "../../../enrich/containers.ts";
import { once } from "../../../enrich/once.ts";
import { type ProcessDetails, processDetails } from "../../../enrich/process-details.ts";
import { processName } from "../../../enrich/processes.ts";
import { userNames } from "../../../enrich/users.ts";
import { type Files, processFile, readBounded } from "../../../host/host.ts";
import { statField } from "../../../host/process-stat.ts";

/** A process by its id and its name, as the kernel has it. */
export interface ProcessName {
  readonly pid: number;
  readonly name: string;
}

/** What is known of a process. What cannot be read is absent. */
export interface ProcessFacts extends ProcessName {
  readonly details: ProcessDetails;
  /** Its working directory. */
  readonly cwd: string | undefined;
  /** Milliseconds since it started. */
  readonly ageMs: number | undefined;
  /** The user whose login it belongs to. */
  readonly loginUser: string | undefined;
  /** Its parent, the parent of that, and so on. */
  readonly parents: readonly ProcessName[];
  readonly place: CgroupOwner;
}

/** Reads processes. */
export interface ProcessReader {
  /** @returns undefined for a process that does not exist */
  facts(pid: number): ProcessFacts | undefined;
  /** The container and the systemd unit of a process. */
  place(pid: number): CgroupOwner;
  /** The name of a process, its process group and its parent; undefined if it does not exist. */
  brief(pid: number): (ProcessName & { readonly group: number; readonly parent: number }) | undefined;
}

/** Parents that are followed: a shell within a shell has some ten. */
const MOST_PARENTS = 32;
const USER_HZ = 100;
const MS_PER_SECOND = 1000;
/** The loginuid of a process that belongs to no login. */
const NO_LOGIN = 0xffff_ffff;

const decoder = new TextDecoder();

/** Reads processes below a /proc. @param root where it is */
export function processReader(files: Files, root: string): ProcessReader {
  const details = processDetails(files, root);
  const containers = once(() => findContainers(files, root));
  const user = userNames(files);
  const stats = new Map<number, Uint8Array | undefined>();

  function read(path: string): Uint8Array | undefined {
    try {
      return readBounded(files, `${root}/${path}`, processFile).bytes;
    } catch {
      return undefined;
    }
  }

  function statOf(pid: number): Uint8Array | undefined {
    if (!stats.has(pid)) stats.set(pid, read(`${pid}/stat`));
    return stats.get(pid);
  }

  const uptime = once(() => {
    const text = read("uptime");
    const seconds = text === undefined ? Number.NaN : Number.parseFloat(decoder.decode(text));
    return Number.isNaN(seconds) ? undefined : seconds;
  });

  function ageOf(stat: Uint8Array): number | undefined {
    const now = uptime();
    const ticks = statField(stat, "startTime");
    if (now === undefined || ticks === undefined) return undefined;
    return Math.max(0, Math.round((now - Number(ticks) / USER_HZ) * MS_PER_SECOND));
  }

  function loginOf(pid: number): string | undefined {
    const text = read(`${pid}/loginuid`);
    const uid = text === undefined ? NO_LOGIN : Number(decoder.decode(text));
    return Number.isNaN(uid) || uid === NO_LOGIN ? undefined : (user(uid) ?? String(uid));
  }

  function brief(pid: number): ReturnType<ProcessReader["brief"]> {
    const stat = statOf(pid);
    if (stat === undefined || stat.length === 0) return undefined;
    return {
      pid,
      name: decoder.decode(processName(stat)),
      parent: Number(statField(stat, "parent") ?? 0),
      group: Number(statField(stat, "group") ?? 0),
    };
  }

  function parentsOf(pid: number): ProcessName[] {
    const parents: ProcessName[] = [];
    let next = brief(pid)?.parent ?? 0;
    while (next > 0 && parents.length < MOST_PARENTS) {
      const found = brief(next);
      if (found === undefined) break;
      parents.push({ pid: found.pid, name: found.name });
      next = found.parent;
    }
    return parents;
  }

  const place = (pid: number) => containers().byProcess(pid);
  return {
    brief,
    place,
    facts(pid) {
      const stat = statOf(pid);
      const found = brief(pid);
      if (stat === undefined || found === undefined) return undefined;
      return {
        pid,
        name: found.name,
        details: details({ pid, stat }),
        cwd: files.link(`${root}/${pid}/cwd`),
        ageMs: ageOf(stat),
        loginUser: loginOf(pid),
        parents: parentsOf(pid),
        place: place(pid),
      };
    },
  };
}
