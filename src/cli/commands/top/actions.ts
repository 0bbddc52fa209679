/** Actions that may do harm: closing a connection, signalling a process. */

import { libc } from "#libc";
import type { Files } from "../../../host/host.ts";
import { statField } from "../../../host/process-stat.ts";
import { systemMessage } from "../../../native/errno.ts";
import { destroy } from "../../../query/destroyed.ts";
import type { World } from "../../world.ts";
import { findSocket } from "./find.ts";
import type { Sampler } from "./sampler.ts";
import type { Action } from "./state.ts";

/** linux/capability.h. */
const CAP_NET_ADMIN = 12n;

const decoder = new TextDecoder();

/** The target of a permitted action in words, or the reason for a refusal. */
export type Permission = { readonly target: string } | { readonly refusal: string };

/** Checks and performs actions. */
export interface Actions {
  /** Checks whether an action is permitted. */
  check(sampler: Sampler, action: Action): Permission;
  /** Performs an action, unless the process is another one than at `check`. @returns the result, in one line */
  act(sampler: Sampler, action: Action): Promise<string>;
}

function hasNetAdmin(files: Files): boolean {
  try {
    const status = decoder.decode(files.read("/proc/self/status"));
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Makes {@link Actions}. @param kill sends a signal, or with 0 only checks; throws if that is not permitted */
export function makeActions(
  world: World,
  kill: (pid: number, signal: "SIGTERM" | "SIGKILL" | 0) => void,
): Actions {
  const { files } = world.host;
  /** The start time of the process at the last `check`. */
  let startTime: string | undefined;

  function startOf(pid: number): string | undefined {
    try {
      return statField(files.read(`/proc/${pid}/stat`), "startTime");
    } catch {
      return undefined;
    }
  }

  function processOf({ table }: Sampler, { key }: Action): number {
    const slot = table.slotOf(key);
    return slot === undefined ? 0 : table.process[slot]!;
  }

  async function close(sampler: Sampler, { key, what }: Action): Promise<string> {
    const found = await findSocket(sampler, key);
    if (found === undefined) return `${what} is gone`;
    let refusal: string | undefined;
    const batch = { dump: "tcp" as const, sockets: [found.socket] };
    let closed = 0;
    for (const { sockets } of destroy(found.place.host, [batch], (problem) => {
      if (problem.kind === "notDestroyed") refusal = libc.strerror(problem.error.errno);
    }))
      closed += sockets.length;
    if (closed > 0) return `Closed ${what}`;
    return `${what} was not closed: ${refusal ?? "it is gone, or the kernel cannot close its kind"}`;
  }

  return {
    check(sampler, action) {
      const slot = sampler.table.slotOf(action.key);
      if (slot === undefined) return { refusal: `${action.what} is gone` };
      const pid = processOf(sampler, action);
      const label = sampler.owners.label(pid);
      if (action.kind === "close") {
        if (!sampler.table.isInet(slot)) return { refusal: "Only sockets of IP can be closed" };
        if (!hasNetAdmin(files)) return { refusal: "Closing a connection takes CAP_NET_ADMIN" };
        return { target: label === undefined ? action.what : `${action.what} of ${label}` };
      }
      if (label === undefined) return { refusal: "No process is known that has it open" };
      try {
        kill(pid, 0);
      } catch (error) {
        return { refusal: `${label} cannot be signalled: ${systemMessage(error)}` };
      }
      startTime = startOf(pid);
      return { target: label };
    },
    async act(sampler, action) {
      if (action.kind === "close") return close(sampler, action);
      const pid = processOf(sampler, action);
      const label = sampler.owners.label(pid);
      if (label === undefined || startTime === undefined || startOf(pid) !== startTime)
        return "The process is gone, and was sent nothing";
      try {
        kill(pid, action.signal);
        return `Sent ${action.signal} to ${label}`;
      } catch (error) {
        return `${label} cannot be signalled: ${systemMessage(error)}`;
      }
    },
  };
}
