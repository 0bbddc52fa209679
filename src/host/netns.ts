/** Enters a network namespace as `ip netns exec` does. namespaces(7), ip-netns(8). */
import { builtin, libc } from "#libc";
import { systemMessage } from "../native/errno.ts";

const CLONE_NEWNS = 0x20000;
/** The namespace type for setns(2). linux/sched.h. */
export const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;
const MNT_DETACH = 2;

/** The folder of names that `ip netns add` makes. */
export const NETNS_NAMES = "/var/run/netns";
/** The folder of files that replace those in /etc inside a namespace. */
const OWN_ETC = "/etc/netns";

/** The file of a namespace, given as `pid:N`, as a path (with a slash), or as a name. */
function fileOf(name: string): string {
  const pid = /^pid:(\d+)$/.exec(name);
  if (pid !== null) return `/proc/${pid[1]}/ns/net`;
  return name.includes("/") ? name : `${NETNS_NAMES}/${name}`;
}

/**
 * Enters a network namespace for the rest of the process. /sys then shows the devices of the namespace, and the files of
 * /etc/netns/NAME replace those in /etc.
 *
 * @param name a name of `ip netns`, `pid:N`, or the path of a namespace file
 * @param warn takes a line about each file of /etc/netns/NAME that cannot replace one in /etc
 * @returns undefined, or one line that says why it failed
 */
export function enterNetns(name: string, warn: (line: string) => void): string | undefined {
  const { closeSync, existsSync, openSync, readdirSync } = builtin("node:fs");
  let fd: number;
  try {
    fd = openSync(fileOf(name), "r");
  } catch (error) {
    return `Cannot open network namespace "${name}": ${systemMessage(error)}`;
  }
  const entered = libc.setns(fd, CLONE_NEWNET);
  closeSync(fd);
  if (entered < 0) return `setting the network namespace "${name}" failed: ${libc.strerror(-entered)}`;
  const unshared = libc.unshare(CLONE_NEWNS);
  if (unshared < 0) return `unshare failed: ${libc.strerror(-unshared)}`;
  // Mounts made here must not propagate to the rest of the host.
  const slave = libc.mount(null, "/", null, MS_SLAVE | MS_REC);
  if (slave < 0) return `"mount --make-rslave /" failed: ${libc.strerror(-slave)}`;
  libc.umount("/sys", MNT_DETACH);
  const sys = libc.mount(name, "/sys", "sysfs", 0);
  if (sys < 0) return `mount of /sys failed: ${libc.strerror(-sys)}`;
  const own = `${OWN_ETC}/${name}`;
  if (name.includes("/") || !existsSync(own)) return undefined;
  for (const file of readdirSync(own)) {
    const [from, to] = [`${own}/${file}`, `/etc/${file}`];
    const bound = libc.mount(from, to, null, MS_BIND);
    if (bound < 0) warn(`Bind ${from} -> ${to} failed: ${libc.strerror(-bound)}`);
  }
  return undefined;
}
