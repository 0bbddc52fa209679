/** Replays a recording in place of this machine. */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { once } from "../enrich/once.ts";
import type { Files, Host, Resolver } from "../host/host.ts";
import { readRegularFile } from "../host/read.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { replayBpf } from "./bpf.ts";
import { type Capture, captureFile } from "./capture.ts";
import { DESCRIPTORS_FILE, DESCRIPTORS_LIMIT, type Descriptors, parseDescriptors } from "./descriptors.ts";
import { decodeDiagDump, isDiagDump } from "./diag-dump.ts";
import { RecordingError, recordingError } from "./error.ts";
import { CGROUPS_FILE, PCAP_FILE, PROC_FOLDER, parseCgroups, procPath } from "./folder.ts";
import { replayTransport } from "./kernel.ts";
import { type Recording, readCapture, readRecording } from "./recording.ts";

/**
 * Bytes that each file of a recording may have. A million TCP sockets take about 430 MB, which stay on disk. A recording
 * may come from a stranger, so no file is read beyond this, and only regular files are opened.
 */
const FILE_LIMIT = 2 ** 31;

/**
 * Opens a recording. The kernel, /proc and the cgroup tree are those of the recording alone, and the only host name is
 * `localhost`. In a folder without recording.pcap the kernel refuses every request.
 *
 * @param path a folder that a recorder wrote, or a bare pcap file or file of `-D`, which have an empty /proc
 * @param elsewhere the files of this machine, for all paths outside /proc
 * @throws RecordingError
 */
export function replayHost(path: string, elsewhere: Files): Host {
  const isFolder = statOf(path).isDirectory();
  const capture = captureFile(path, isFolder ? join(path, PCAP_FILE) : path, FILE_LIMIT);
  const cgroups = isFolder ? readOptional(path, join(path, CGROUPS_FILE)) : undefined;
  const root = isFolder ? procRoot(path) : undefined;
  if (capture === undefined && cgroups === undefined && root === undefined)
    throw new RecordingError("read", path, `neither ${PCAP_FILE} nor ${PROC_FOLDER} in it`);
  const descriptors = isFolder
    ? readOptional(path, join(path, DESCRIPTORS_FILE), DESCRIPTORS_LIMIT)
    : undefined;
  const tree = cgroups && parseCgroups(new TextDecoder().decode(cgroups));
  return {
    transport: replayTransport(capture === undefined ? new Map() : recordingOf(capture, path)),
    files: replayFiles(
      root,
      once(() => parseDescriptors(descriptors ?? new Uint8Array(0))),
      elsewhere,
    ),
    resolver: localhostOnly,
    bpf: async () => replayBpf((name) => (isFolder ? readOptional(path, join(path, name)) : undefined)),
    cgroups: () => tree,
  };
}

/** The recording of a capture, or of a file that `-D` wrote. @throws RecordingError */
function recordingOf(capture: Capture, path: string): Recording {
  using bytes = capture.open("headers");
  if (!isDiagDump(bytes)) return readCapture(capture, path);
  return readRecording(decodeDiagDump(bytes.read(0, bytes.size).slice(), path));
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw recordingError("read", path, cause);
  }
}

/** A file of a recording, or undefined if it does not exist. */
function readOptional(recording: string, file: string, limit = FILE_LIMIT): Uint8Array | undefined {
  try {
    return readRegularFile(file, limit);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw recordingError("read", recording, cause);
  }
}

/**
 * The real path of the folder that stands for /proc, or undefined if there is none.
 *
 * @throws RecordingError if it is a symbolic link: it could lead to the /proc of this machine
 */
function procRoot(recording: string): string | undefined {
  const path = join(recording, PROC_FOLDER);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isDirectory())
    throw new RecordingError("read", recording, `${PROC_FOLDER} in it is not a directory`);
  return realPath(path);
}

/** A path without symbolic links, or undefined if it does not exist. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The error for a missing file. */
function notFound(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
    code: "ENOENT",
    errno: -2,
  });
}

/** Names and contexts chosen by this machine's administrator are hidden: they do not apply to the recorded machine. */
const HIDDEN = /^\/((etc|usr\/share)\/iproute2|sys\/fs\/selinux\/initial_contexts)\//;

/** Keeps the last result of a function: the descriptors of one process are read one after another. */
function lastKept<T>(find: (key: string) => T): (key: string) => T {
  let last: { readonly key: string; readonly found: T } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, found: find(key) };
    return last.found;
  };
}

/** /proc from a folder and the table of descriptors, everything else from the machine. */
function replayFiles(root: string | undefined, table: () => Descriptors, elsewhere: Files): Files {
  const threads = threadLeaders(root);
  /** The place of a path below /proc in the recording; undefined for a link that leads out of it. */
  const place = (name: string, follow: boolean): string | undefined => {
    if (root === undefined) return undefined;
    const direct = join(root, name);
    const parent = realPath(follow ? direct : join(direct, ".."));
    if (parent !== undefined)
      return parent === root || parent.startsWith(root + sep) ? (follow ? parent : direct) : undefined;
    const [first = "", ...rest] = name.split("/");
    const leader = threads().get(first);
    return leader === undefined ? undefined : place(join(leader, "task", first, ...rest), follow);
  };
  const placeOf = (path: string, name: string): string => {
    const found = place(name, true);
    if (found === undefined) throw notFound(path);
    return found;
  };
  /** The descriptors in a directory, which may be named through a link or by a thread's id alone. */
  const descriptorsIn = lastKept((folder) => {
    if (!folder.endsWith("/fd")) return undefined;
    const descriptors = table();
    const found = descriptors.empty ? undefined : place(folder, true);
    return descriptors.in(root === undefined || found === undefined ? folder : relative(root, found));
  });
  return {
    read(path, bound) {
      if (HIDDEN.test(path)) throw notFound(path);
      const name = procPath(path);
      if (name === undefined) return elsewhere.read(path, bound);
      const bytes = readRegularFile(placeOf(path, name), FILE_LIMIT);
      return bound === undefined ? bytes : bytes.subarray(0, bound.limit + 1);
    },
    list(path) {
      const name = procPath(path);
      if (name === undefined) return elsewhere.list(path);
      const inTable = descriptorsIn(name);
      const inFolder = readdirSync(placeOf(path, name));
      return procOrder(inTable === undefined ? inFolder : [...new Set([...inFolder, ...inTable.keys()])]);
    },
    securityContext: (path) => (procPath(path) === undefined ? elsewhere.securityContext(path) : undefined),
    link(path) {
      const name = procPath(path);
      if (name === undefined) return elsewhere.link(path);
      const target = descriptorsIn(dirname(name))?.get(basename(name));
      if (target !== undefined) return target;
      const found = place(name, false);
      try {
        return found && readlinkSync(found);
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * The process of each recorded thread, read when first needed. In procfs /proc/TID exists for every thread, but is not
 * listed.
 */
function threadLeaders(root: string | undefined): () => ReadonlyMap<string, string> {
  let leaders: Map<string, string> | undefined;
  return () => {
    if (leaders !== undefined) return leaders;
    leaders = new Map();
    if (root === undefined) return leaders;
    const processes = new Set(namesIn(root).filter((name) => NUMBER.test(name)));
    for (const process of processes)
      for (const thread of namesIn(join(root, process, "task")))
        if (!processes.has(thread)) leaders.set(thread, process);
    return leaders;
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const NUMBER = /^\d+$/;

/** The names in the order of procfs: named entries, then numbers ascending. */
function procOrder(names: string[]): string[] {
  const numbers = names.filter((name) => NUMBER.test(name)).sort((a, b) => Number(a) - Number(b));
  return [...names.filter((name) => !NUMBER.test(name)).sort(), ...numbers];
}

const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** The resolver of every recording: it knows only localhost. */
const localhostOnly: Resolver = {
  async addresses(name, family) {
    if (name !== "localhost") return [];
    return [
      ...(family === AF_INET6 ? [] : [LOOPBACK4.slice()]),
      ...(family === AF_INET ? [] : [LOOPBACK6.slice()]),
    ];
  },
  async name(address) {
    const loopback = address.length === 4 ? LOOPBACK4 : LOOPBACK6;
    return loopback.every((byte, index) => byte === address[index]) ? "localhost" : undefined;
  },
  rpcServices: async () => [],
};
