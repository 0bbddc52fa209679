/** What may do harm: closing a connection, signalling a process. */

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

/** Whether it may be done, and to what in words; or why not. */
export type Permission = { readonly target: string } | { readonly refusal: string };

/** What does actions, and says whether they may be done. */
export interface Actions {
  /** Looks whether it may be done. */
  ask(sampler: Sampler, action: Action): Permission;
  /** Does it, unless it is another process than when it was asked. @returns what came of it, in one line */
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

/** Makes what does actions. @param kill sends a signal, 0 for none; throws if that may not be */
export function makeActions(
  world: World,
  kill: (pid: number, signal: "SIGTERM" | "SIGKILL" | 0) => void,
): Actions {
  const { files } = world.host;
  /** When the process began that was asked about. */
  let asked: string | undefined;

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
    ask(sampler, action) {
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
      asked = startOf(pid);
      return { target: label };
    },
    async act(sampler, action) {
      if (action.kind === "close") return close(sampler, action);
      const pid = processOf(sampler, action);
      const label = sampler.owners.label(pid);
      if (label === undefined || asked === undefined || startOf(pid) !== asked)
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
