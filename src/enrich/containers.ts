/** Containers and systemd units by process: from its control group, and files that container tools leave behind. */
import type { Files } from "../host/host.ts";
import {
  type ContainerInPath,
  cgroupPaths,
  containerInPath,
  type Runtime,
  unitInPath,
} from "./cgroup-path.ts";
import { once } from "./once.ts";

/** A Kubernetes pod. */
export interface Pod {
  readonly uid: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A container. */
export interface Container {
  readonly runtime: Runtime;
  readonly id: string;
  readonly name?: string;
  readonly pod?: Pod;
}

/** Whose a control group is. */
export interface CgroupOwner {
  readonly container: Container | undefined;
  /** Name of the systemd unit. */
  readonly unit: string | undefined;
}

const decoder = new TextDecoder();

/** Where Kubernetes' node agent links the log of each container, `POD_NAMESPACE_CONTAINER-ID.log`. */
const CONTAINER_LOGS = "/var/log/containers";
/** Where it keeps the logs of each pod, `NAMESPACE_POD_UID`. */
const POD_LOGS = "/var/log/pods";
const DOCKER = "/var/lib/docker/containers";
/** What the containers of podman are, below the folder of root or of a user. */
const PODMAN_LIST = "containers/storage/overlay-containers/containers.json";

function readJson(files: Files, path: string): unknown {
  try {
    return JSON.parse(decoder.decode(files.read(path)));
  } catch {
    return undefined;
  }
}

function listOptional(files: Files, folder: string): string[] {
  try {
    return files.list(folder);
  } catch {
    return [];
  }
}

/** What the log of a container tells by its name. */
interface LoggedContainer {
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
}

function loggedContainers(files: Files): ReadonlyMap<string, LoggedContainer> {
  const found = new Map<string, LoggedContainer>();
  for (const file of listOptional(files, CONTAINER_LOGS)) {
    const match = /^([^_]+)_([^_]+)_(.+)-([0-9a-f]{64})\.log$/.exec(file);
    if (match !== null) found.set(match[4]!, { pod: match[1]!, namespace: match[2]!, name: match[3]! });
  }
  return found;
}

function loggedPods(files: Files): ReadonlyMap<string, Pod> {
  const found = new Map<string, Pod>();
  for (const folder of listOptional(files, POD_LOGS)) {
    const match = /^([^_]+)_([^_]+)_([0-9a-f-]+)$/.exec(folder);
    if (match !== null) found.set(match[3]!, { uid: match[3]!, namespace: match[1]!, name: match[2]! });
  }
  return found;
}

/** The home directory of a user. passwd(5). */
function homeOf(files: Files, uid: string): string | undefined {
  try {
    const lines = decoder.decode(files.read("/etc/passwd")).split("\n");
    return lines.map((line) => line.split(":")).find((columns) => columns[2] === uid)?.[5];
  } catch {
    return undefined;
  }
}

/** The names of podman's containers by id, from what one user's storage has. */
function podmanNames(files: Files, storage: string): ReadonlyMap<string, string> {
  const list = readJson(files, `${storage}/${PODMAN_LIST}`);
  const found = new Map<string, string>();
  if (!Array.isArray(list)) return found;
  // The file may be a user's own, who can write anything into it.
  for (const each of list as ({ id?: unknown; names?: unknown } | null)[]) {
    const { id, names } = each ?? {};
    if (typeof id === "string" && Array.isArray(names) && typeof names[0] === "string")
      found.set(id, names[0]);
  }
  return found;
}

/** Tells containers and units by the paths of control groups, and by processes. */
export interface Containers {
  /** Whose the control group of a path is. */
  byPath(path: string): CgroupOwner;
  /** Whose a process is; nobody's if it is gone. */
  byProcess(pid: number): CgroupOwner;
}

const nobody: CgroupOwner = { container: undefined, unit: undefined };

/**
 * Makes what tells containers. Files are read when they are first needed, and no daemon is asked.
 *
 * @param root where /proc is
 */
export function findContainers(files: Files, root: string): Containers {
  const logs = once(() => loggedContainers(files));
  const pods = once(() => loggedPods(files));
  const podmanOfUser = new Map<string, ReadonlyMap<string, string>>();

  function podmanName(path: string, id: string): string | undefined {
    const uid = /\/user-(\d+)\.slice\//.exec(path)?.[1] ?? "";
    let names = podmanOfUser.get(uid);
    if (names === undefined) {
      const home = uid === "" ? undefined : homeOf(files, uid);
      names = podmanNames(files, home === undefined ? "/var/lib" : `${home}/.local/share`);
      podmanOfUser.set(uid, names);
    }
    return names.get(id);
  }

  function dockerName(id: string): string | undefined {
    const config = readJson(files, `${DOCKER}/${id}/config.v2.json`) as { Name?: unknown } | null | undefined;
    return typeof config?.Name === "string" ? config.Name.replace(/^\//, "") : undefined;
  }

  /** What each runtime calls a container. */
  const nameOf: Readonly<Record<Runtime, (path: string, id: string) => string | undefined>> = {
    docker: (_, id) => dockerName(id),
    podman: podmanName,
    lxc: (_, id) => id,
    "systemd-nspawn": (_, id) => id,
    containerd: () => undefined,
    "cri-o": () => undefined,
    kubernetes: () => undefined,
  };

  function podOf({ id, podUid }: ContainerInPath): Pod | undefined {
    if (podUid === undefined) return undefined;
    const log = logs().get(id);
    if (log !== undefined) return { uid: podUid, namespace: log.namespace, name: log.pod };
    return pods().get(podUid) ?? { uid: podUid };
  }

  function containerOf(path: string): Container | undefined {
    const found = containerInPath(path);
    if (found === undefined) return undefined;
    const { runtime, id, podUid } = found;
    const pod = podOf(found);
    const name = (podUid === undefined ? undefined : logs().get(id)?.name) ?? nameOf[runtime](path, id);
    return { runtime, id, ...(name === undefined ? {} : { name }), ...(pod === undefined ? {} : { pod }) };
  }

  const byPath = memoize((path: string) => ({ container: containerOf(path), unit: unitInPath(path) }));
  return {
    byPath,
    byProcess: memoize((pid) => {
      let text: string;
      try {
        text = decoder.decode(files.read(`${root}/${pid}/cgroup`));
      } catch {
        return nobody;
      }
      const owners = cgroupPaths(text).map(byPath);
      return {
        container: owners.find(({ container }) => container !== undefined)?.container,
        unit: owners.find(({ unit }) => unit !== undefined)?.unit,
      };
    }),
  };
}

function memoize<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key)!;
  };
}

/** Ids are long; this many characters tell them apart, as container tools show them. */
const SHORT_ID = 12;

/** A container in a word: the runtime, then what it is called, or the beginning of its id. */
export function containerLabel({ runtime, id, name, pod }: Container): string {
  const called = name ?? id.slice(0, SHORT_ID);
  const path = pod?.namespace === undefined ? [called] : [pod.namespace, pod.name, called];
  return `${runtime}:${path.join("/")}`;
}
