/** What ss does to the world the moment it reads an option, before it looks at the next. */

import { enterNetns } from "../host/netns.ts";
import { systemMessage } from "../native/errno.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import type { Action } from "./options.ts";
import type { World } from "./world.ts";

/** What the options that act at once have brought in. */
export interface Done {
  /** What the file of `-F` holds. */
  readonly filterFile?: Uint8Array;
}

type Performer<A extends Action> = (world: World, action: A) => Done | Stop;

function fail(message: string, status: number): Stop {
  return { kind: "error", message, usage: false, status };
}

const performers: { readonly [K in Action["kind"]]: Performer<Extract<Action, { kind: K }>> } = {
  filterFile(world, { path }) {
    try {
      return { filterFile: path.startsWith("-") ? world.readStdin() : world.host.files.read(path) };
    } catch (error) {
      return fail(`fopen filter file: ${systemMessage(error)}`, EXIT_USAGE);
    }
  },
  netns(_, { name }) {
    const problem = enterNetns(name);
    return problem === undefined ? {} : fail(problem, 1);
  },
  selinux: ({ program, host }) => {
    try {
      host.files.read("/sys/fs/selinux/enforce");
      return {};
    } catch {
      return fail(`${program}: SELinux is not enabled.`, 1);
    }
  },
  bpfMap: () => ({}),
};

/** Performs actions in their order, up to one that fails. */
export function performActions(world: World, actions: readonly Action[]): Done | Stop {
  let done: Done = {};
  for (const action of actions) {
    const result = (performers[action.kind] as Performer<Action>)(world, action);
    if ("kind" in result) return result;
    done = { ...done, ...result };
  }
  return done;
}
