/** What the rows of netstat look up. */
import type { Services } from "../../../enrich/services.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { UnixSocket } from "../../../families/unix/socket.ts";

/** Names, programs and places of sockets. */
export interface RowNames {
  /** The host of an address, if it has a name that is wanted. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** Names of ports; undefined for numbers. */
  readonly services: Services | undefined;
  /** Names of IP protocols, which stand in place of the ports of raw sockets. */
  protocols(): ReadonlyMap<number, string>;
  /** The name of a user, or the number. */
  user(uid: number): string;
  /** `PID/program` of a socket. */
  program(inode: number): string;
  /** The container of a socket. */
  container(socket: InetSocket | UnixSocket): string;
  /** The network namespace of a socket. */
  netns(socket: InetSocket | UnixSocket): string;
}
