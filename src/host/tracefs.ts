/**
 * A trace instance in the kernel's tracefs: it has its own events, clock and buffers, and leaves all other tracing
 * alone. Documentation/trace/ftrace.rst, "Instances"; needs root.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { libc } from "#libc";
import { systemMessage } from "../native/errno.ts";
import { AT_FDCWD } from "../native/libc.ts";
import type { Files } from "./host.ts";
import { statField } from "./process-stat.ts";

/** Where tracefs is usually mounted: on its own, or below debugfs. */
const MOUNTS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] as const;
/** linux/sched.h, linux/mount.h. */
const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;
const ENOENT = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const EBUSY = 16;

const decoder = new TextDecoder();

/** A trace event to enable. */
export interface TracedEvent {
  /** Its group and name: `tcp/tcp_destroy_sock`. */
  readonly path: string;
  /** The kernel's event filter; all records if it is absent. */
  readonly filter?: string;
}

/** Settings of an instance. */
export interface InstanceSettings {
  /** Distinguishes the instances of one process; lower-case letters. */
  readonly label: string;
  readonly events: readonly TracedEvent[];
  /** Buffer of each processor, in kilobytes. */
  readonly bufferKb: number;
}

/** An instance that is tracing. */
export interface TraceInstance {
  /** Reads one page of a processor's buffer. @returns bytes read, 0 if the buffer is empty */
  read(processor: number, page: Uint8Array): number;
  /** Number of processors. */
  readonly processors: number;
  /** Records lost so far because a buffer was full. */
  lost(): number;
  /**
   * Ends the trace and removes the instance.
   *
   * @param hurry whether the process is about to end: the kernel takes some 40 ms to remove an instance, so the
   *   watchdog does that afterwards, if there is one
   * @throws an Error if the kernel refuses
   */
  remove(hurry: boolean): void;
}

/** Where tracefs is mounted, or why it cannot be used. */
export type TracefsMount =
  | {
      readonly path: string;
      /** Whether this process mounted it, in a mount namespace of its own. */
      readonly isPrivate: boolean;
    }
  | { readonly obstacle: string };

/** Whether {@link mountPrivately} has succeeded: the mount lasts as long as the process. */
let mounted = false;

/**
 * Finds tracefs. Where it is not mounted (in `ip netns exec`, with -N, in most containers), root mounts it in a mount
 * namespace of its own, which nobody else sees.
 */
export function findTracefs(): TracefsMount {
  let denied = false;
  for (const path of MOUNTS) {
    try {
      readdirSync(`${path}/instances`);
      return { path, isPrivate: mounted };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES" || code === "EPERM") denied = true;
    }
  }
  if (denied || process.getuid?.() !== 0) return { obstacle: "it needs root" };
  const error = mountPrivately(MOUNTS[0]);
  if (error === 0) return { path: MOUNTS[0], isPrivate: true };
  if (error === ENOENT) return { obstacle: `the kernel has no tracefs, or sysfs is not mounted` };
  return { obstacle: `tracefs is not mounted, and mounting it failed: ${libc.strerror(error)}` };
}

/** Mounts tracefs in a new mount namespace of this process. @returns 0 or errno */
function mountPrivately(path: string): number {
  if (!existsSync(path)) return ENOENT;
  const steps = [
    () => libc.unshare(CLONE_NEWNS),
    // No mount of ours propagates to the rest of the host.
    () => libc.mount(null, "/", null, MS_SLAVE | MS_REC),
    () => libc.mount("tracefs", path, "tracefs", 0),
  ];
  for (const step of steps) {
    const result = step();
    if (result < 0) return -result;
  }
  mounted = true;
  return 0;
}

/** The text of a file of tracefs, or undefined if it cannot be read. */
export function traceText(mount: string, path: string): string | undefined {
  try {
    return readFileSync(`${mount}/${path}`, "utf8");
  } catch {
    return undefined;
  }
}

/** The name of our instances: pid and start time of the process, a label, and the inode of the PID namespace. */
const NAME = /^(sockscope-(\d+)-\d+)-[a-z]+-(\d+)$/;
/** Inode of the first PID namespace, from which all processes are seen. linux/proc_ns.h, PROC_PID_INIT_INO. */
const FIRST_PID_NAMESPACE = 0xef_ff_ff_fc;

/** The beginning of the names of a process's instances; undefined if there is no such process. */
function nameOf(files: Files, pid: number): string | undefined {
  try {
    const began = statField(files.read(`/proc/${pid}/stat`), "startTime");
    return began === undefined ? undefined : `sockscope-${pid}-${began}`;
  } catch {
    return undefined;
  }
}

/** Inode of the PID namespace of a process: ids of processes mean nothing in another one. 0 if it is unknown. */
function pidNamespace(files: Files, pid: number | "self"): number {
  return Number(/^pid:\[(\d+)\]$/.exec(files.link(`/proc/${pid}/ns/pid`) ?? "")?.[1] ?? 0);
}

/** Whether a process is in a PID namespace, as far as we can see; true if we see only part of the processes. */
function mayBeUsed(files: Files, namespace: number, own: number): boolean {
  if (own !== FIRST_PID_NAMESPACE) return true;
  return files
    .list("/proc")
    .some((pid) => /^\d+$/.test(pid) && pidNamespace(files, Number(pid)) === namespace);
}

/** Removes the instances that killed processes have left. */
export function removeStaleInstances(files: Files, mount: string): void {
  const own = pidNamespace(files, "self");
  for (const name of readdirSync(`${mount}/instances`)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const namespace = Number(match[3]);
    const isUsed =
      namespace === own ? nameOf(files, Number(match[2])) === match[1] : mayBeUsed(files, namespace, own);
    if (isUsed) continue;
    try {
      rmdirSync(`${mount}/instances/${name}`);
    } catch {
      // A process uses it, or it is gone.
    }
  }
}

/** The number in a line `key: value`; 0 if there is no such line. */
function valueIn(text: string, key: string): number {
  const match = new RegExp(`^${key}: (\\d+)`, "m").exec(text);
  return match === null ? 0 : Number(match[1]);
}

/**
 * Makes an instance and starts to trace.
 *
 * @throws an error with a system error `code`; nothing is left behind
 */
export function makeInstance(files: Files, mount: string, settings: InstanceSettings): TraceInstance {
  const name = nameOf(files, process.pid);
  if (name === undefined) throw Object.assign(new Error("/proc/self/stat"), { code: "ENOENT" });
  const folder = `${mount}/instances/${name}-${settings.label}-${pidNamespace(files, "self")}`;
  mkdirSync(folder);
  const descriptors: number[] = [];
  const watchdog = startWatchdog(folder);
  const remove = (hurry: boolean) => {
    for (const fd of descriptors.splice(0)) libc.close(fd);
    if (hurry && watchdog.running) return;
    removeInstance(folder);
    watchdog.end();
  };
  try {
    const set = (path: string, value: string) => writeFileSync(`${folder}/${path}`, value);
    set("tracing_on", "0");
    set("trace_clock", "mono");
    set("buffer_size_kb", String(settings.bufferKb));
    // Without overwriting, new records are dropped and counted when a buffer is full.
    set("options/overwrite", "0");
    set("options/record-tgid", "1");
    for (const { path, filter } of settings.events) {
      if (filter !== undefined) set(`events/${path}/filter`, filter);
      set(`events/${path}/enable`, "1");
    }
    const processors = readdirSync(`${folder}/per_cpu`)
      .map((entry) => /^cpu(\d+)$/.exec(entry)?.[1])
      .filter((number) => number !== undefined)
      .sort((a, b) => Number(a) - Number(b));
    for (const number of processors) {
      const flags = O_NONBLOCK | O_CLOEXEC;
      const fd = libc.openat(AT_FDCWD, `${folder}/per_cpu/cpu${number}/trace_pipe_raw`, flags);
      if (fd < 0) throw Object.assign(new Error("trace_pipe_raw"), { errno: fd, code: "EIO" });
      descriptors.push(fd);
    }
    set("tracing_on", "1");
    return {
      processors: processors.length,
      read: (processor, page) => Math.max(0, libc.read(descriptors[processor]!, page)),
      lost() {
        let lost = 0;
        for (const number of processors) {
          const text = decoder.decode(readFileSync(`${folder}/per_cpu/cpu${number}/stats`));
          lost += valueIn(text, "overrun") + valueIn(text, "dropped events");
        }
        return lost;
      },
      remove,
    };
  } catch (error) {
    remove(false);
    throw error;
  }
}

/**
 * What the watchdog runs: it waits until its standard input ends, which it does with the process that holds the other
 * end, and removes the instance that this process may have left.
 */
const WATCHDOG = `trap '' HUP INT TERM
read _
tries=0
while [ -d "$1" ] && [ "$tries" -lt 50 ]; do
  echo 0 > "$1/tracing_on"
  rmdir "$1" && break
  tries=$((tries + 1))
  sleep 0.1
done`;

/** A process that removes an instance when this process has ended. */
interface Watchdog {
  /** False without a shell. */
  readonly running: boolean;
  end(): void;
}

/**
 * Starts a process that removes an instance if this process ends before it has done so, as after SIGKILL. Without a
 * shell there is none, and the next run removes the instance.
 */
function startWatchdog(folder: string): Watchdog {
  const child = spawn("/bin/sh", ["-c", WATCHDOG, "sockscope", folder], {
    cwd: "/",
    // A session of its own: Ctrl-C in the terminal does not reach it.
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.on("error", () => undefined);
  child.unref();
  return { running: child.pid !== undefined, end: () => void child.kill("SIGKILL") };
}

/** Removes an instance; the kernel may use it for a moment longer. */
function removeInstance(folder: string): void {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if ((code !== "EBUSY" && errno !== -EBUSY) || tries > 20)
        throw new Error(`Cannot remove ${folder}: ${systemMessage(error)}`);
      libc.poll(-1, 0, 1);
    }
  }
}
