/** The layout of a recording's folder. */
import { posix } from "node:path";

/** The netlink conversations. */
export const PCAP_FILE = "recording.pcap";
/** What was read below /proc. */
export const PROC_FOLDER = "proc";
/** The cgroup2 tree, one line `id path` per cgroup; absent if none was mounted. */
export const CGROUPS_FILE = "cgroups.txt";

/** The part of an absolute path below /proc (`""` for itself), or undefined for a path elsewhere. */
export function procPath(path: string): string | undefined {
  const normal = posix.normalize(path);
  if (normal === "/proc" || normal === "/proc/") return "";
  return normal.startsWith("/proc/") ? normal.slice("/proc/".length).replace(/\/$/, "") : undefined;
}

/** The text of {@link CGROUPS_FILE}. */
export function formatCgroups(cgroups: Iterable<readonly [id: bigint, path: string]>): string {
  let text = "";
  for (const [id, path] of cgroups) text += `${id} ${path}\n`;
  return text;
}

/** Parses {@link CGROUPS_FILE}. Malformed lines are skipped. */
export function parseCgroups(text: string): [id: bigint, path: string][] {
  return text
    .split("\n")
    .map((line) => /^(\d+) (.+)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => [BigInt(match[1]!), match[2]!]);
}
