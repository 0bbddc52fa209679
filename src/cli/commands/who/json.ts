/** The answer of `who` in JSON. docs/who.md describes it. */
import type { JsonObject } from "../../../model/json.ts";
import { type Answer, processesOf, type UnownedSocket, type WhoProcess } from "./answer.ts";
import type { Peers } from "./peers.ts";
import type { ProcessFacts } from "./process.ts";
import { targetObject } from "./target.ts";
import { reasons } from "./unowned.ts";

/** Entries of a list at most: the counts beside it are of all. */
const MOST = 1000;

function defined(object: { readonly [key: string]: JsonObject[string] | undefined }): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, JsonObject[string]] => entry[1] !== undefined),
  );
}

function peersObject({ count, states, peers }: Peers): JsonObject {
  return {
    count,
    states: Object.fromEntries(states),
    peers: peers.slice(0, MOST).map(({ peer, count, states, processes }) => ({
      peer,
      count,
      states: Object.fromEntries(states),
      processes: processes.map((process) => ({ ...process })),
    })),
  };
}

function factsObject({ details, cwd, ageMs, loginUser, parents, place }: ProcessFacts): JsonObject {
  const { container, unit } = place;
  return defined({
    ...details,
    cwd,
    ageMs,
    loginUser,
    parents: parents.map((parent) => ({ ...parent })),
    unit,
    container: container && defined({ ...container, pod: container.pod && defined({ ...container.pod }) }),
  });
}

function processObject({ role, pid, name, facts, ...sockets }: WhoProcess): JsonObject {
  const { listeners, inbound, outbound, others, netns } = sockets;
  const found = facts();
  return {
    role,
    pid,
    name,
    ...(found === undefined ? {} : factsObject(found)),
    ...(netns.length === 0 ? {} : { netns }),
    listeners: listeners.slice(0, MOST).map((listener) => ({ ...listener })),
    inbound: peersObject(inbound),
    outbound: peersObject(outbound),
    others: Object.fromEntries(others),
  };
}

function unownedObject({ peer, ...socket }: UnownedSocket): JsonObject {
  return defined({ ...socket, peer: peer === "" ? undefined : peer });
}

/** The answer as a plain object. */
export function answerObject({ target, holders, clients, unowned, notes }: Answer): JsonObject {
  return {
    target: targetObject(target),
    processes: [...processesOf(holders), ...processesOf(clients)].map(processObject),
    withoutProcess: Array.from(unowned, ([reason, sockets]) => ({
      reason,
      explanation: reasons[reason],
      count: sockets.length,
      sockets: sockets.slice(0, MOST).map(unownedObject),
    })),
    notes,
  };
}
