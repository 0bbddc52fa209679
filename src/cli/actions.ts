/** Side effects that ss performs as soon as it parses an option, before it parses the next. */

import { encodeBytes } from "../bytes/text.ts";
import { enterNetns } from "../host/netns.ts";
import { systemMessage } from "../native/errno.ts";
import type { Action, Draft } from "./draft.ts";
import { EXIT_USAGE, isStop, type Stop } from "./getopt.ts";
import type { World } from "./world.ts";

/** What the actions have read. */
export interface Done {
  /** Contents of the `-F` file. */
  readonly filterFile?: Uint8Array;
}

type Performer<A extends Action> = (
  world: World,
  action: A,
  replay: string | undefined,
) => Done | Stop | Promise<Done | Stop>;

/** BPF_MAP_TYPE_SK_STORAGE: the type of maps that store values with sockets. linux/bpf.h. */
const SK_STORAGE = 24;
const EPERM = 1;

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
  netns({ stderr }, { name }) {
    const problem = enterNetns(name, (line) => stderr.write(encodeBytes(`${line}\n`)));
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
  async bpfMap({ program, host }, { id }, replay) {
    // A recording has the maps of another machine, so there is nothing to open here.
    if (replay !== undefined) return {};
    const map = (await host.bpf()).map(id);
    if (typeof map === "number") {
      const why = map === -EPERM ? ": missing root permissions, CAP_BPF, or CAP_SYS_ADMIN" : "";
      return fail(`${program}: cannot get fd for BPF map ID ${id}${why}`, 1);
    }
    if (map.type === SK_STORAGE) return {};
    const expected = `expecting ${SK_STORAGE} ('sk_storage')`;
    return fail(`${program}: BPF map with ID ${id} has type ID ${map.type}, ${expected}`, 1);
  },
};

/** Performs the actions in command-line order. Stops at the first that fails. */
export async function performActions(
  world: World,
  { actions, replay }: Pick<Draft, "actions" | "replay">,
): Promise<Done | Stop> {
  let done: Done = {};
  for (const action of actions) {
    const result = await (performers[action.kind] as Performer<Action>)(world, action, replay);
    if (isStop(result)) return result;
    done = { ...done, ...result };
  }
  return done;
}
