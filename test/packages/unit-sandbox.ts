/**
 * The sandbox of a systemd unit without systemd: a shell script that makes the mounts, and a C program that sets the
 * seccomp filter, both made from the text of the unit. A setting that is not known here is an error, so that nothing of
 * the unit is left out unseen.
 */

/** Parts of the unit, by setting. */
type Unit = ReadonlyMap<string, string>;

/** Settings that the scripts below carry out, or that do not limit what the program may do. */
const known: ReadonlySet<string> = new Set([
  ...["ExecStart", "Restart", "RestartSec", "StateDirectory", "StateDirectoryMode", "UMask"],
  ...["Nice", "IOSchedulingClass", "CPUWeight", "MemoryMax", "OOMScoreAdjust", "TasksMax", "LimitNOFILE"],
  ...["CapabilityBoundingSet", "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp"],
  ...["PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelModules", "ProtectKernelLogs"],
  ...["ProtectControlGroups", "ReadOnlyPaths", "RestrictNamespaces", "RestrictAddressFamilies"],
  ...["RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "SystemCallArchitectures"],
  ...["SystemCallFilter", "SystemCallErrorNumber"],
]);

/** The section [Service] of a unit. @throws Error for a setting that the sandbox does not know */
export function readUnit(text: string): Unit {
  const service = /^\[Service\]\n([\s\S]*?)^\[/m.exec(text)![1]!;
  const unit = new Map(
    service
      .split("\n")
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  );
  for (const setting of unit.keys())
    if (!known.has(setting)) throw new Error(`the sandbox does not know ${setting}=`);
  return unit;
}

/** System calls that the unit's other settings forbid, as groups of `systemd-analyze syscall-filter`. */
const forbidden = ["@clock", "@module"];
const alsoForbidden = ["sethostname", "setdomainname", "syslog", "personality", "sched_setscheduler"];

/** The system calls of a group, with those of the groups in it. */
function callsOf(group: string): string[] {
  const { stdout } = Bun.spawnSync(["systemd-analyze", "syscall-filter", group]);
  return stdout
    .toString()
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((word) => (word.startsWith("@") ? callsOf(word) : word));
}

/** The C program: `confine PROGRAM ARGUMENTS...` sets the filter of the unit, and becomes PROGRAM. */
export function confineSource(unit: Unit): string {
  const denied = new Set([...forbidden.flatMap(callsOf), ...alsoForbidden]);
  const calls = new Set(callsOf(unit.get("SystemCallFilter")!).filter((name) => !denied.has(name)));
  for (const special of ["socket", "clone", "clone3", "unshare", "setns"]) calls.delete(special);
  const families = unit.get("RestrictAddressFamilies")!.split(" ");
  if (unit.get("RestrictNamespaces") !== "net")
    throw new Error("the sandbox knows RestrictNamespaces=net only");
  // Each test looks at the number of the call, and leaves it to the next one otherwise.
  const allow = [...calls]
    .map((name) => `#ifdef __NR_${name}\n  EQUAL(__NR_${name}, 0, 1), ALLOW,\n#endif`)
    .join("\n");
  return `#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define SOME(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define DENY RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ARG(n) offsetof(struct seccomp_data, args[n])
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID)
static struct sock_filter filter[] = {
  LOAD(offsetof(struct seccomp_data, arch)), EQUAL(ARCH, 1, 0), DENY,
  LOAD(offsetof(struct seccomp_data, nr)),
  /* Its flags are in memory, where a filter cannot read them: libc falls back to clone. */
  EQUAL(__NR_clone3, 0, 1), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
  EQUAL(__NR_clone, 0, 4), LOAD(ARG(0)), SOME(NAMESPACES, 0, 1), DENY, ALLOW,
  EQUAL(__NR_unshare, 0, 4), LOAD(ARG(0)), SOME(NAMESPACES, 0, 1), DENY, ALLOW,
  EQUAL(__NR_setns, 0, 4), LOAD(ARG(1)), EQUAL(CLONE_NEWNET, 1, 0), DENY, ALLOW,
  EQUAL(__NR_socket, 0, ${2 + families.length * 2}), LOAD(ARG(0)),
${families.map((family) => `  EQUAL(${family}, 0, 1), ALLOW,`).join("\n")}
  DENY,
${allow}
  DENY,
};
int main(int count, char **words) {
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return perror("seccomp"), 1;
  execv(words[1], words + 1);
  return perror(words[1]), 1;
}
`;
}

/** The capabilities of the unit as setpriv(1) names them. */
export function capabilitiesOf(unit: Unit): string[] {
  return unit.get("CapabilityBoundingSet")!.toLowerCase().replaceAll("cap_", "").split(" ");
}

/**
 * A shell script that makes the mounts of the unit, in a mount namespace of its own. The files `$SOCKSCOPE`, `$CONFINE`,
 * `$BUN` and `$SCRIPT` are in /tmp afterwards, under these names in lower case. `record` runs the command of the unit
 * with the capabilities in `$CAPS`: `,+sys_admin,+net_admin`.
 */
export function mountScript(unit: Unit): string {
  const words = unit.get("ExecStart")!.split(" ").slice(1).join(" ");
  const writable = /^\/(proc|sys|dev)(\/|$)/.source.replaceAll("\\/", "/");
  return `mount --make-rslave /
mount -t tmpfs tmpfs /var/lib
mkdir -m ${unit.get("StateDirectoryMode")} /var/lib/${unit.get("StateDirectory")}
awk '$5 !~ "${writable}" { print $5 }' /proc/self/mountinfo | sort -u | while read -r each; do
  [ "$each" = /var/lib ] || mount -o remount,bind,ro "$each" 2> /dev/null || true
done
mkdir /var/lib/.dev
for each in null zero full random urandom tty; do touch /var/lib/.dev/$each; mount --bind /dev/$each /var/lib/.dev/$each; done
mount -t tmpfs tmpfs /mnt
files="sockscope $SOCKSCOPE confine $CONFINE bun $BUN script $SCRIPT"
set -- $files
while [ $# -gt 0 ]; do touch /mnt/$1; mount --bind "$2" /mnt/$1; shift 2; done
mount -t tmpfs tmpfs /tmp
for each in sockscope confine bun script; do touch /tmp/$each; mount --bind /mnt/$each /tmp/$each; done
umount -l /mnt
mount -t tmpfs tmpfs /var/tmp
mount --rbind /var/lib/.dev /dev; umount -l /var/lib/.dev/* 2> /dev/null || true; rmdir /var/lib/.dev 2> /dev/null || true
for each in /home /root /run/user; do [ ! -d $each ] || mount -t tmpfs -o ro tmpfs $each; done
mount --bind ${unit.get("ReadOnlyPaths")} ${unit.get("ReadOnlyPaths")}
mount -o remount,bind,ro ${unit.get("ReadOnlyPaths")}
awk '$5 ~ "^/sys/fs/cgroup" { print $5 }' /proc/self/mountinfo | while read -r each; do mount -o remount,bind,ro "$each" || true; done
umask ${unit.get("UMask")}
ulimit -n ${unit.get("LimitNOFILE")} 2> /dev/null || true
sandboxed() { exec nice -n ${unit.get("Nice")} setpriv --bounding-set=-all$CAPS --inh-caps=-all --no-new-privs /tmp/confine "$@"; }
record() { sandboxed /tmp/sockscope ${words} "$@"; }
`;
}
