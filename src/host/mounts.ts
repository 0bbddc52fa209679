/** Parses the kernel's lists of mounts. proc_pid_mountinfo(5). */

/** Decodes a path: the kernel writes blanks, newlines and backslashes as `\NNN`. */
export function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** A mount of a namespace. */
export interface NamespaceMount {
  /** The namespace's inode in nsfs. */
  readonly inode: number;
  readonly path: string;
}

/** Mount id, parent, device, `net:[INODE]`, mount point, options, then ` - ` and the file system. */
const NETNS_LINE = /^\d+ \d+ \d+:\d+ net:\[(\d+)\] (\S+) .* - nsfs /;

/** The mounted network namespaces in the text of mountinfo. */
export function netnsMounts(mountinfo: string): NamespaceMount[] {
  return mountinfo
    .split("\n")
    .map((line) => NETNS_LINE.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ inode: Number(match[1]), path: unescapePath(match[2]!) }));
}
