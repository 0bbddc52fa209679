/** The files that lsof shows: sockets of a query, each as often as a process has it open. */
import type { Owner } from "../../../enrich/processes.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { UnixSocket } from "../../../families/unix/socket.ts";
import type { Host } from "../../../host/host.ts";
import type { HostNames } from "../../../lookup/names.ts";
import { isMappedIpv4 } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import type { SocketBatch } from "../../../query/query.ts";
import type { End } from "./internet.ts";
import { type LsofProcess, readProcess } from "./process.ts";

/** An Internet socket. */
export interface InternetFile {
  readonly kind: "internet";
  readonly socket: InetSocket;
  readonly protocol: "TCP" | "UDP" | "UDPLITE";
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly local: End;
  readonly peer: End;
}

/** A UNIX socket. */
export interface UnixFile {
  readonly kind: "unix";
  readonly socket: UnixSocket;
}

/** A socket that a process has open by a descriptor. */
export type LsofFile = (InternetFile | UnixFile) & {
  readonly process: LsofProcess;
  readonly fd: number;
};

/** A mapped address counts as the IPv4 address that it is. */
function endAt(data: DataView, at: number, length: number, port: number): End {
  const mapped = length === 16 && isMappedIpv4(data, at);
  const start = data.byteOffset + at + (mapped ? 12 : 0);
  return { address: new Uint8Array(data.buffer, start, mapped ? 4 : length), port };
}

const protocols: Readonly<Record<string, InternetFile["protocol"]>> = { tcp: "TCP", udplite: "UDPLITE" };

/** The file of an Internet socket. @param dump the table that listed it */
export function internetFile(socket: InetSocket, dump: string): InternetFile {
  const { data, addressLength: length, sport, dport, sourceOffset, destinationOffset } = socket;
  return {
    kind: "internet",
    socket,
    protocol: protocols[dump] ?? "UDP",
    family: socket.familyNumber === AF_INET6 ? AF_INET6 : AF_INET,
    local: endAt(data, sourceOffset, length, sport),
    peer: endAt(data, destinationOffset, length, dport),
  };
}

function fileOf(socket: Socket, dump: string): InternetFile | UnixFile | undefined {
  if (socket.kind === "inet") return internetFile(socket, dump);
  return socket.kind === "unix" ? { kind: "unix", socket } : undefined;
}

/** Sockets that came together. */
interface ListedSockets {
  /** The dump that listed them, or `udplite`. */
  readonly dump: string;
  readonly sockets: SocketBatch["sockets"];
}

/** The files of all sockets, by process id and then by descriptor. */
export function filesOf(
  batches: readonly ListedSockets[],
  owners: HostNames["owners"],
  host: Pick<Host, "files">,
  root: string,
): LsofFile[] {
  const processes = new Map<number, LsofProcess>();
  const processOf = ({ pid }: Owner): LsofProcess => {
    let process = processes.get(pid);
    if (process === undefined) {
      process = readProcess(host.files, root, pid);
      processes.set(pid, process);
    }
    return process;
  };
  const files: LsofFile[] = [];
  for (const { dump, sockets } of batches)
    for (const socket of sockets) {
      const holders = socket.inode ? owners(socket.inode) : undefined;
      if (holders === undefined) continue;
      const file = fileOf(socket, dump);
      if (file === undefined) continue;
      for (const owner of holders) files.push({ ...file, process: processOf(owner), fd: owner.fd });
    }
  return files.sort((a, b) => a.process.pid - b.process.pid || a.fd - b.fd);
}
