/** Recording: what a run asks of the kernel and reads of the machine, kept beside its normal work. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Files, Host } from "../host/host.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { BPF_FOLDER, type BpfRecorder, recordBpf } from "./bpf.ts";
import { RecordingError, recordingError } from "./error.ts";
import { CGROUPS_FILE, formatCgroups, PCAP_FILE, PROC_FOLDER, procPath } from "./folder.ts";
import { encodePcap, type Packet } from "./pcap.ts";

/** A transport that keeps what passes through it. */
export interface TransportRecorder {
  readonly transport: Transport;
  /**
   * What has passed so far, as datagrams crossed the sockets: each request with its answer, by the time of the
   * requests. So conversations that went on at the same time stay apart, and the latest request of a netlink
   * protocol is always the one that is answered. What a socket got before it asked anything (multicasts) stands
   * where it was opened.
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

/** What was read below /proc, by path relative to it. */
interface ProcRecord {
  readonly files: Map<string, Uint8Array>;
  readonly links: Map<string, string>;
  readonly folders: Set<string>;
}

/** Only processes, threads and descriptors are worth a place in a listing. */
const NUMBER = /^\d+$/;

/** Files that note what is read below /proc. */
function recordFiles(inner: Files, { files, links, folders }: ProcRecord): Files {
  return {
    read(path) {
      const bytes = inner.read(path);
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
 * Records a run: its netlink conversations, what it reads below /proc, the cgroup tree and BPF maps if it asks for them.
 * Names from the resolver and files elsewhere are not kept. The folder is made at once, so that a run that
 * cannot be recorded does not start; everything else is written by `finish`.
 *
 * @throws RecordingError if the folder cannot be made, or holds a recording already
 */
export function recordHost(inner: Host, folder: string): HostRecorder {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw recordingError("write", folder, cause);
  }
  if ([PCAP_FILE, PROC_FOLDER, CGROUPS_FILE, BPF_FOLDER].some((name) => existsSync(join(folder, name))))
    throw new RecordingError("write", folder, "there is a recording in it");
  const { transport, packets } = recordTransport(inner.transport);
  const proc: ProcRecord = { files: new Map(), links: new Map(), folders: new Set() };
  const files = recordFiles(inner.files, proc);
  let bpf: Promise<BpfRecorder> | undefined;
  let asked: BpfRecorder | undefined;
  let cgroups: (readonly [id: bigint, path: string])[] | undefined;
  return {
    host: {
      transport,
      files,
      resolver: inner.resolver,
      async bpf() {
        bpf ??= inner.bpf().then(recordBpf);
        asked = await bpf;
        return asked.bpf;
      },
      cgroups() {
        const tree = inner.cgroups();
        if (tree !== undefined) cgroups ??= [...tree];
        return cgroups;
      },
    },
    finish() {
      try {
        writeFileSync(join(folder, PCAP_FILE), encodePcap(packets()));
        writeProc(join(folder, PROC_FOLDER), proc);
        asked?.write(folder);
        if (cgroups !== undefined) writeFileSync(join(folder, CGROUPS_FILE), formatCgroups(cgroups));
      } catch (cause) {
        throw recordingError("write", folder, cause);
      }
    },
  };
}

/**
 * Writes what was read below /proc. Symbolic links come last and give way to what was read through them, so
 * nothing is ever written through a link.
 */
function writeProc(root: string, { files, links, folders }: ProcRecord): void {
  mkdirSync(root);
  for (const name of folders)
    if (!files.has(name) && !links.has(name)) mkdirSync(join(root, name), { recursive: true });
  for (const [name, bytes] of files) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, bytes, { flag: "wx" });
  }
  for (const [name, target] of links) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) symlinkSync(target, path);
  }
}
