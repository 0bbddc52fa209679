/** What the path of a control group says of who runs in it: container, Kubernetes pod, systemd unit. */

/** A container, as far as the path of a cgroup tells of it. */
export interface ContainerInPath {
  /** What runs it; `kubernetes` where the path names a pod and not what runs its containers. */
  readonly runtime: Runtime;
  /** Its id; that of LXC and systemd-nspawn is its name. */
  readonly id: string;
  /** The uid of the Kubernetes pod that it belongs to. */
  readonly podUid: string | undefined;
}

/** What runs containers. */
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

/** Ids that OCI runtimes give. */
const ID = "([0-9a-f]{64})";

/**
 * How each runtime calls the cgroup of a container, by one component of the path or several; the group is the id.
 * Where a container stands in another, the last that matches counts. Of the two drivers of cgroups, systemd's
 * makes scopes, and `cgroupfs` plain directories.
 */
const patterns: readonly (readonly [Runtime, RegExp])[] = [
  ["docker", new RegExp(`/docker-${ID}\\.scope`, "g")],
  // Also below the parents that Amazon ECS and the runners of GitHub give.
  ["docker", new RegExp(`/(?:docker|ecs(?:/[^/]+)+|actions_job)/${ID}`, "g")],
  // A scope; or, with systemd's names under the cgroupfs driver, what ends a component.
  ["containerd", new RegExp(`[/:]cri-containerd[-:]${ID}`, "g")],
  ["containerd", new RegExp(`/nerdctl-${ID}\\.scope`, "g")],
  ["cri-o", new RegExp(`/crio-${ID}`, "g")],
  // A unit with `Delegate`d cgroups of its own has the payload beside podman's monitor.
  ["podman", new RegExp(`/libpod-(?:payload-)?${ID}`, "g")],
  ["systemd-nspawn", /\/machine\.slice\/machine-(?!qemu\\x2d|lxc\\x2d)([^/]+)\.scope/g],
  ["systemd-nspawn", /\/systemd-nspawn@([^/]+)\.service/g],
  ["lxc", /\/lxc(?:\.payload[./]|\/)([^/]+)/g],
  ["kubernetes", new RegExp(`kubepods[^/]*/(?:[^/]+/)*${ID}`, "g")],
];

/** The pod in a path: its uid with dashes, with underscores in systemd's names, or plain for a static pod. */
const POD = /kubepods.*?[-/]pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})/g;

/** The last match of a pattern, with its place. */
function lastMatch(text: string, pattern: RegExp): RegExpExecArray | undefined {
  return [...text.matchAll(pattern)].at(-1);
}

/** A name as it was before systemd made it part of a unit's. systemd.unit(5), "String escaping". */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The container that a cgroup belongs to: the innermost, where one runs in another. undefined for none. */
export function containerInPath(path: string): ContainerInPath | undefined {
  let found: { readonly runtime: Runtime; readonly id: string; readonly end: number } | undefined;
  for (const [runtime, pattern] of patterns) {
    const match = lastMatch(path, pattern);
    if (match === undefined) continue;
    const end = match.index + match[0].length;
    // Of what ends at the same place, the earlier row says more.
    if (found === undefined || end > found.end) found = { runtime, id: unescapeUnit(match[1]!), end };
  }
  if (found === undefined) return undefined;
  const podUid = lastMatch(path.slice(0, found.end), POD)?.[1]?.replaceAll("_", "-");
  return { runtime: found.runtime, id: found.id, podUid };
}

/** The kinds of systemd units that have cgroups, but for slices, which only hold others. */
const UNIT = /\.(service|scope|socket|mount|swap)$/;

/** The systemd unit that a cgroup belongs to: the innermost, so that of a user's manager rather than the manager. */
export function unitInPath(path: string): string | undefined {
  return path.split("/").findLast((name) => UNIT.test(name));
}

/**
 * The cgroup paths of a process, the one that says most first: that of version 2, or systemd's own, then those of
 * other hierarchies. cgroups(7).
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
