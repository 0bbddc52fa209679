/**
 * Reads container, Kubernetes pod and systemd unit from the path of a control group. A path is no proof: whoever may make
 * control groups can name one like any container. docs/security.md.
 */

/** A container as named by the path of a cgroup. */
export interface ContainerInPath {
  /** Its runtime; `kubernetes` if the path names a pod but not the runtime. */
  readonly runtime: Runtime;
  /** Its id; for LXC and systemd-nspawn, its name. */
  readonly id: string;
  /** The uid of its Kubernetes pod. */
  readonly podUid: string | undefined;
}

/** The known container runtimes. */
export const runtimes = [
  "docker",
  "containerd",
  "cri-o",
  "podman",
  "systemd-nspawn",
  "lxc",
  "kubernetes",
] as const;

/** One of {@link runtimes}. */
export type Runtime = (typeof runtimes)[number];

/** A container id of an OCI runtime. */
const ID = "([0-9a-f]{64})";

/**
 * How each runtime names the cgroup of a container, in one or more components of the path; the capture group is the id.
 * For nested containers the last match counts. There are two cgroup drivers: `systemd` makes scopes, `cgroupfs` plain
 * directories.
 */
const patterns: readonly (readonly [Runtime, RegExp])[] = [
  ["docker", new RegExp(`/docker-${ID}\\.scope`, "g")],
  // Also below the parent cgroups of Amazon ECS and GitHub runners.
  ["docker", new RegExp(`/(?:docker|ecs(?:/[^/]+)+|actions_job)/${ID}`, "g")],
  // A scope, or the end of a component (systemd names with the cgroupfs driver).
  ["containerd", new RegExp(`[/:]cri-containerd[-:]${ID}`, "g")],
  ["containerd", new RegExp(`/nerdctl-${ID}\\.scope`, "g")],
  ["cri-o", new RegExp(`/crio-${ID}`, "g")],
  // A unit with delegated cgroups has the payload beside podman's monitor.
  ["podman", new RegExp(`/libpod-(?:payload-)?${ID}`, "g")],
  ["systemd-nspawn", /\/machine\.slice\/machine-(?!qemu\\x2d|lxc\\x2d)([^/]+)\.scope/g],
  ["systemd-nspawn", /\/systemd-nspawn@([^/]+)\.service/g],
  ["lxc", /\/lxc(?:\.payload[./]|\/)([^/]+)/g],
  ["kubernetes", new RegExp(`kubepods[^/]*/(?:[^/]+/)*${ID}`, "g")],
];

/** The pod in a path: its uid with dashes, with underscores (systemd), or without either (static pods). */
const POD = /kubepods.*?[-/]pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})/g;

/** The last match of a pattern. */
function lastMatch(text: string, pattern: RegExp): RegExpExecArray | undefined {
  return [...text.matchAll(pattern)].at(-1);
}

/** Undoes systemd's escaping of a name in a unit's name. systemd.unit(5), "String escaping". */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The container of a cgroup, the innermost of nested ones; undefined if there is none. */
export function containerInPath(path: string): ContainerInPath | undefined {
  let found: { readonly runtime: Runtime; readonly id: string; readonly end: number } | undefined;
  for (const [runtime, pattern] of patterns) {
    const match = lastMatch(path, pattern);
    if (match === undefined) continue;
    const end = match.index + match[0].length;
    // Of matches that end at the same place, the earlier row is more specific.
    if (found === undefined || end > found.end) found = { runtime, id: unescapeUnit(match[1]!), end };
  }
  if (found === undefined) return undefined;
  const podUid = lastMatch(path.slice(0, found.end), POD)?.[1]?.replaceAll("_", "-");
  return { runtime: found.runtime, id: found.id, podUid };
}

/** The unit types that have cgroups, except slices, which only contain other units. */
const UNIT = /\.(service|scope|socket|mount|swap)$/;

/** The innermost systemd unit of a cgroup: for a user's service, that service and not `user@UID.service`. */
export function unitInPath(path: string): string | undefined {
  return path.split("/").findLast((name) => UNIT.test(name));
}

/**
 * The cgroup paths of a process, the most informative first: version 2, then systemd's own hierarchy, then the others.
 * cgroups(7).
 *
 * @param text /proc/PID/cgroup
 */
export function cgroupPaths(text: string): string[] {
  const lines = text
    .split("\n")
    .map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ controllers: match[1]!, path: match[2]! }));
  const rank = ({ controllers, path }: (typeof lines)[number]) => {
    if (path === "/") return 3;
    if (controllers === "") return 0;
    return controllers === "name=systemd" ? 1 : 2;
  };
  return lines.sort((a, b) => rank(a) - rank(b)).map(({ path }) => path);
}
