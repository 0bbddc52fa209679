/** Containers and systemd units by process: from its control group, and files that container tools leave behind. */
import { type Files, processFile, type ReadBound, readBounded } from "../host/host.ts";
import {
  type ContainerInPath,
  cgroupPaths,
  containerInPath,
  type Runtime,
  unitInPath,
} from "./cgroup-path.ts";
import { once } from "./once.ts";
import { homeOf } from "./users.ts";

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

/** The container and unit that a control group belongs to. */
export interface CgroupOwner {
  readonly container: Container | undefined;
  /** Name of the systemd unit. */
  readonly unit: string | undefined;
}

const decoder = new TextDecoder();

/** Where Kubernetes' node agent links the log of each container, `POD_NAMESPACE_CONTAINER-ID.log`. */
const CONTAINER_LOGS = "/var/log/containers";
/** Where the node agent keeps the logs of each pod, `NAMESPACE_POD_UID`. */
const POD_LOGS = "/var/log/pods";
const DOCKER = "/var/lib/docker/containers";
/** podman's list of containers, below the data folder of root or of a user. */
const PODMAN_LIST = "containers/storage/overlay-containers/containers.json";

/** Bytes of a container tool's JSON file that are read. podman needs about 1 KB for each container. */
const JSON_LIMIT = 4 << 20;

/** A JSON file; undefined if it is missing, too long or malformed. */
function readJson(files: Files, path: string, stranger?: ReadBound["stranger"]): unknown {
  const bound = stranger === undefined ? { limit: JSON_LIMIT } : { limit: JSON_LIMIT, stranger };
  try {
    const { bytes, cut } = readBounded(files, path, bound);
    return cut ? undefined : JSON.parse(decoder.decode(bytes));
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

/** A container, from the name of its log. */
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

/** The id of the user whose slice a control group is in; undefined for one that the host's services or root made. */
function userOf(path: string): string | undefined {
  return /^\/user\.slice\/user-(\d+)\.slice\//.exec(path)?.[1];
}

/**
 * The names of podman's containers by id.
 *
 * @param storage the folder that has the storage of root or of one user
 * @param stranger the user, if it is not root's
 */
function podmanNames(
  files: Files,
  storage: string,
  stranger?: ReadBound["stranger"],
): ReadonlyMap<string, string> {
  const list = readJson(files, `${storage}/${PODMAN_LIST}`, stranger);
  const found = new Map<string, string>();
  if (!Array.isArray(list)) return found;
  // The file may be a user's own, with any content.
  for (const each of list as ({ id?: unknown; names?: unknown } | null)[]) {
    const { id, names } = each ?? {};
    if (typeof id === "string" && Array.isArray(names) && typeof names[0] === "string")
      found.set(id, names[0]);
  }
  return found;
}

/** Finds containers and systemd units by control group or process. */
export interface Containers {
  /** The owner of the control group with this path. */
  byPath(path: string): CgroupOwner;
  /** The container and unit of a process; neither, if it is gone. */
  byProcess(pid: number): CgroupOwner;
}

const nobody: CgroupOwner = { container: undefined, unit: undefined };

/**
 * Finds containers. Files are read when they are first needed. No daemon is contacted.
 *
 * @param root where /proc is
 */
export function findContainers(files: Files, root: string): Containers {
  const logs = once(() => loggedContainers(files));
  const pods = once(() => loggedPods(files));
  const podmanOfUser = new Map<string, ReadonlyMap<string, string>>();

  function podmanName(path: string, id: string): string | undefined {
    const uid = userOf(path) ?? "";
    let names = podmanOfUser.get(uid);
    if (names === undefined) {
      const home = uid === "" ? undefined : homeOf(files, uid);
      names =
        home === undefined
          ? podmanNames(files, "/var/lib")
          : podmanNames(files, `${home}/.local/share`, { uid: Number(uid), folder: home });
      podmanOfUser.set(uid, names);
    }
    return names.get(id);
  }

  function dockerName(id: string): string | undefined {
    const config = readJson(files, `${DOCKER}/${id}/config.v2.json`) as { Name?: unknown } | null | undefined;
    return typeof config?.Name === "string" ? config.Name.replace(/^\//, "") : undefined;
  }

  /** Looks up a container's name as each runtime keeps it. */
  const nameOf: Readonly<Record<Runtime, (path: string, id: string) => string | undefined>> = {
    docker: (path, id) => (userOf(path) === undefined ? dockerName(id) : undefined),
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
    // Users name the control groups in their slice as they like. The host's own containers run elsewhere.
    const inPod = podUid !== undefined && userOf(path) === undefined;
    const pod = inPod ? podOf(found) : undefined;
    const name = (inPod ? logs().get(id)?.name : undefined) ?? nameOf[runtime](path, id);
    return { runtime, id, ...(name === undefined ? {} : { name }), ...(pod === undefined ? {} : { pod }) };
  }

  const byPath = memoize((path: string) => ({ container: containerOf(path), unit: unitInPath(path) }));
  return {
    byPath,
    byProcess: memoize((pid) => {
      let text: string;
      try {
        text = decoder.decode(readBounded(files, `${root}/${pid}/cgroup`, processFile).bytes);
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

/** Characters of an id that container tools show. */
const SHORT_ID = 12;

/** A container as one word: the runtime, then the name, or the beginning of the id. */
export function containerLabel({ runtime, id, name, pod }: Container): string {
  const called = name ?? id.slice(0, SHORT_ID);
  const path = pod?.namespace === undefined ? [called] : [pod.namespace, pod.name, called];
  return `${runtime}:${path.join("/")}`;
}
