/**
 * A private trace instance in the kernel's tracefs. It has its own events, clock and memory, and does not affect other
 * users of tracing. Documentation/trace/ftrace.rst, "Instances"; needs root.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { libc } from "#libc";
import { systemMessage } from "../native/errno.ts";
import { AT_FDCWD } from "../native/libc.ts";
import type { Files } from "./host.ts";
import { statField } from "./process-stat.ts";

/** The usual mount points of tracefs: on its own, or below debugfs. */
const MOUNTS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] as const;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const EBUSY = 16;

const decoder = new TextDecoder();

/** An event to trace. */
export interface TracedEvent {
  /** Its group and name: `tcp/tcp_destroy_sock`. */
  readonly path: string;
  /** Filter for its records, in the kernel's filter syntax. */
  readonly filter?: string;
}

/** Settings of an instance. */
export interface InstanceSettings {
  readonly events: readonly TracedEvent[];
  /** Buffer size per CPU, in kilobytes. */
  readonly bufferKb: number;
}

/** An instance, until it is removed. */
export interface TraceInstance {
  /** Reads one page of a CPU's buffer. @returns bytes read, 0 if the buffer is empty */
  read(processor: number, page: Uint8Array): number;
  /** Number of CPUs. */
  readonly processors: number;
  /** How many records were dropped so far because a buffer was full. */
  lost(): number;
  /** Names of exited threads by thread id, as far as the kernel still has them. */
  savedNames(): ReadonlyMap<number, string>;
  /** Process ids of exited threads, likewise. */
  savedProcesses(): ReadonlyMap<number, number>;
  remove(): void;
}

/** Where tracefs is mounted, or why it cannot be used. */
export type TracefsMount = { readonly path: string } | { readonly obstacle: string };

/** Finds tracefs. */
export function findTracefs(): TracefsMount {
  let denied = false;
  for (const path of MOUNTS) {
    try {
      readdirSync(`${path}/instances`);
      return { path };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES" || code === "EPERM") denied = true;
    }
  }
  if (denied || process.getuid?.() !== 0) return { obstacle: "needs root" };
  return { obstacle: `tracefs is not mounted: mount -t tracefs tracefs ${MOUNTS[0]}` };
}

/** The text of a file in tracefs, or undefined if it cannot be read. */
export function traceText(mount: string, path: string): string | undefined {
  try {
    return readFileSync(`${mount}/${path}`, "utf8");
  } catch {
    return undefined;
  }
}

/** The name of our instances: process id and start time of the process. */
const NAME = /^sockscope-(\d+)-(\d+)$/;

function nameOf(files: Files, pid: number): string | undefined {
  try {
    const began = statField(files.read(`/proc/${pid}/stat`), "startTime");
    return began === undefined ? undefined : `sockscope-${pid}-${began}`;
  } catch {
    return undefined;
  }
}

/** Removes the instances of processes that were killed before they could do so. */
export function removeStaleInstances(files: Files, mount: string): void {
  for (const name of readdirSync(`${mount}/instances`)) {
    const match = NAME.exec(name);
    if (match === null || nameOf(files, Number(match[1])) === name) continue;
    try {
      rmdirSync(`${mount}/instances/${name}`);
    } catch {
      // Either a process of another PID namespace uses it, or it is gone.
    }
  }
}

/** The number in a line `key: value`; 0 if there is no such line. */
function valueIn(text: string, key: string): number {
  const match = new RegExp(`^${key}: (\\d+)`, "m").exec(text);
  return match === null ? 0 : Number(match[1]);
}

/** Parses lines `thread value`. */
function savedIn(text: string | undefined): Map<number, string> {
  const saved = new Map<number, string>();
  for (const line of text?.split("\n") ?? []) {
    const blank = line.indexOf(" ", 1);
    const thread = Number(line.slice(0, blank));
    if (blank > 0 && thread > 0) saved.set(thread, line.slice(blank + 1));
  }
  return saved;
}

/**
 * Makes an instance and starts tracing.
 *
 * @throws an error with a system error `code`, after removing what was made
 */
export function makeInstance(files: Files, mount: string, settings: InstanceSettings): TraceInstance {
  const name = nameOf(files, process.pid);
  if (name === undefined) throw Object.assign(new Error("/proc/self/stat"), { code: "ENOENT" });
  const folder = `${mount}/instances/${name}`;
  mkdirSync(folder);
  const descriptors: number[] = [];
  const remove = () => {
    for (const fd of descriptors.splice(0)) libc.close(fd);
    removeInstance(folder);
  };
  try {
    const set = (path: string, value: string) => writeFileSync(`${folder}/${path}`, value);
    set("tracing_on", "0");
    set("trace_clock", "mono");
    set("buffer_size_kb", String(settings.bufferKb));
    // When the buffer is full, new records are dropped and counted; old ones are not overwritten.
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
      savedNames: () => savedIn(traceText(mount, "saved_cmdlines")),
      savedProcesses() {
        const saved = savedIn(traceText(mount, "saved_tgids"));
        return new Map(Array.from(saved, ([thread, text]) => [thread, Number(text)]));
      },
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Removes an instance. The kernel may report it as busy for a moment. */
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
