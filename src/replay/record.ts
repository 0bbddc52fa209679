/** Records a run: its requests to the kernel with the answers, and the files that it reads. */
import { join } from "node:path";
import type { Files, Host } from "../host/host.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { type BpfRecorder, recordBpf } from "./bpf.ts";
import { DESCRIPTORS_FILE, formatDescriptors, splitDescriptor } from "./descriptors.ts";
import { recordingError } from "./error.ts";
import { CGROUPS_FILE, formatCgroups, PCAP_FILE, PROC_FOLDER, procPath } from "./folder.ts";
import { type NewFolder, newFolder } from "./new-folder.ts";
import { encodePcap, type Packet } from "./pcap.ts";

/** A transport that keeps a copy of every datagram. */
export interface TransportRecorder {
  readonly transport: Transport;
  /**
   * The datagrams so far: each request followed by its answer, in the order of the requests. Conversations that
   * overlapped in time are kept apart, so that an answer always belongs to the latest request of its netlink protocol.
   * Datagrams that a socket received before its first request (multicasts) stand where the socket was opened.
   */
  packets(): Packet[];
}

/** Records a transport. Datagrams are copied: their buffers belong to others. */
export function recordTransport(inner: Transport): TransportRecorder {
  const conversations: Packet[][] = [];
  const begin = (): Packet[] => {
    const conversation: Packet[] = [];
    conversations.push(conversation);
    return conversation;
  };
  return {
    transport: {
      familyByFamily: true,
      open(protocol, groups): NetlinkSocket {
        const socket = inner.open(protocol, groups);
        let conversation = begin();
        return {
          portId: socket.portId,
          send(datagram) {
            conversation = begin();
            conversation.push({ protocol, datagram: datagram.slice() });
            socket.send(datagram);
          },
          receive(allocate) {
            const datagram = socket.receive(allocate);
            if (datagram.length > 0) conversation.push({ protocol, datagram: datagram.slice() });
            return datagram;
          },
          close() {
            socket.close();
          },
        };
      },
    },
    packets: () => conversations.flat(),
  };
}

/** The files, links and folders that were read below /proc, by path relative to it. */
interface ProcRecord {
  readonly files: Map<string, Uint8Array>;
  readonly links: Map<string, string>;
  readonly folders: Set<string>;
}

/** Keeps only processes, threads and descriptors among a directory's entries. */
const NUMBER = /^\d+$/;

/** Files that record what is read below /proc. */
function recordFiles(inner: Files, { files, links, folders }: ProcRecord): Files {
  return {
    read(path, bound) {
      const bytes = inner.read(path, bound);
      const name = procPath(path);
      if (name !== undefined && !files.has(name)) files.set(name, bytes.slice());
      return bytes;
    },
    list(path) {
      const names = inner.list(path);
      const folder = procPath(path);
      if (folder !== undefined) {
        folders.add(folder);
        for (const name of names) if (NUMBER.test(name)) folders.add(join(folder, name));
      }
      return names;
    },
    securityContext: (path) => inner.securityContext(path),
    link(path) {
      const target = inner.link(path);
      const name = procPath(path);
      if (name !== undefined && target !== undefined && !links.has(name)) links.set(name, target);
      return target;
    },
  };
}

/** A host that is being recorded. */
export interface HostRecorder {
  readonly host: Host;
  /** Writes the recording. @throws RecordingError */
  finish(): void;
}

/**
 * Records a run: its netlink conversations, what it reads below /proc, the cgroup tree and BPF maps if it reads them.
 * Names from the resolver and other files are not recorded. The folder is made immediately, so that a run that cannot
 * be recorded does not start; `finish` writes everything else.
 *
 * @throws RecordingError if the folder cannot be made, is somebody else's, or is not empty
 */
export function recordHost(inner: Host, path: string): HostRecorder {
  const folder = newFolder(path);
  const { transport, packets } = recordTransport(inner.transport);
  const proc: ProcRecord = { files: new Map(), links: new Map(), folders: new Set() };
  const files = recordFiles(inner.files, proc);
  let bpf: Promise<BpfRecorder> | undefined;
  let recorder: BpfRecorder | undefined;
  let cgroups: (readonly [id: bigint, path: string])[] | undefined;
  return {
    host: {
      transport,
      files,
      resolver: inner.resolver,
      async bpf() {
        bpf ??= inner.bpf().then(recordBpf);
        recorder = await bpf;
        return recorder.bpf;
      },
      cgroups() {
        const tree = inner.cgroups();
        if (tree !== undefined) cgroups ??= [...tree];
        return cgroups;
      },
    },
    finish() {
      try {
        folder.write(PCAP_FILE, encodePcap(packets(), inner.past?.wallMs));
        writeProc(folder, proc);
        recorder?.write(folder);
        if (cgroups !== undefined)
          folder.write(CGROUPS_FILE, new TextEncoder().encode(formatCgroups(cgroups)));
      } catch (cause) {
        throw recordingError("write", path, cause);
      } finally {
        folder.close();
      }
    },
  };
}

/** Writes what was read below /proc. Files come first: a symbolic link is dropped if files were read through it. */
function writeProc(folder: NewFolder, { files, links, folders }: ProcRecord): void {
  folder.makeFolder(PROC_FOLDER);
  const descriptors = new Map<string, string | undefined>();
  for (const name of folders) {
    if (files.has(name) || links.has(name)) continue;
    if (splitDescriptor(name) === undefined) folder.makeFolder(join(PROC_FOLDER, name));
    else descriptors.set(name, undefined);
  }
  for (const [name, bytes] of files) {
    const path = join(PROC_FOLDER, name);
    if (!folder.has(path)) folder.write(path, bytes);
  }
  for (const [name, target] of links) {
    const path = join(PROC_FOLDER, name);
    if (splitDescriptor(name) !== undefined) descriptors.set(name, target);
    else if (!folder.has(path)) folder.link(path, target);
  }
  if (descriptors.size > 0)
    folder.write(DESCRIPTORS_FILE, new TextEncoder().encode(formatDescriptors(descriptors)));
}
