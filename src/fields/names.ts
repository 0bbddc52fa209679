/** Where columns take names from. */

import type { AnySocket as Socket } from "../diag/message.ts";
import type { BpfDescription } from "../enrich/bpf-maps.ts";
import type { CgroupOwner } from "../enrich/containers.ts";
import type { ProcessDetails } from "../enrich/process-details.ts";
import type { Owner } from "../enrich/processes.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Explanation } from "../model/limits.ts";

/** Names for numbers, as bytes; undefined where there is none, or where it was not requested. */
export interface NameSource {
  /** Service name of a port. */
  service(port: number): Uint8Array | undefined;
  /** Name of a network interface. @param netns where it is; if left out, where we are */
  interface(index: number, netns?: Netns): Uint8Array | undefined;
  /** Name of a netlink protocol. */
  netlinkProtocol(protocol: number): Uint8Array | undefined;
  /** The /proc/PID/stat of a process, which has its name. */
  processStat(pid: number): Uint8Array | undefined;
  /** The SELinux context of a process, 0 the kernel. */
  processContext(pid: number): Uint8Array | undefined;
  /** Name, type and content of a value from a BPF map; undefined if such values were not requested. */
  bpfValue(mapId: number, value: Uint8Array): BpfDescription | undefined;
  /** Path of a cgroup. */
  cgroup(id: bigint): Uint8Array | undefined;
  /** Host name of the 4 or 16 bytes at `at`. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** Name of a user. */
  user(uid: number): string | undefined;
  /** The processes that have a socket open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** Further facts about a process. */
  details(owner: Owner): ProcessDetails | undefined;
  /** The processes that have the socket at the other end open. */
  peerOwners(socket: Socket): readonly Owner[] | undefined;
  /** The name that the socket at the other end of a UNIX socket is bound to. */
  peerName(socket: { readonly peerInode: number | undefined }): Uint8Array | undefined;
  /** The container and unit of the control group of a socket's owner, else of the socket. */
  cgroupOwner(socket: Socket): CgroupOwner | undefined;
  /** What limits a TCP socket now. */
  explanation(socket: Socket): Explanation | undefined;
}

const unknown = () => undefined;

/** No names at all. */
export const noNames: NameSource = {
  service: unknown,
  interface: unknown,
  netlinkProtocol: unknown,
  processStat: unknown,
  processContext: unknown,
  bpfValue: () => ({}),
  cgroup: unknown,
  host: unknown,
  user: unknown,
  owners: unknown,
  details: unknown,
  peerOwners: unknown,
  peerName: unknown,
  cgroupOwner: unknown,
  explanation: unknown,
};
