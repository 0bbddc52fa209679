/** The two ends of a socket, in words short enough for a table. */

import type { Socket } from "../families/socket.ts";
import { addressText } from "../model/address.ts";
import { endpointText } from "../model/endpoint.ts";
import { netlinkProtocols } from "../model/netlink-protocols.ts";

const decoder = new TextDecoder();
const protocolNames = new Map<number, string>(netlinkProtocols);

/** The local and the peer's end. */
export interface Endpoints {
  readonly local: string;
  readonly peer: string;
}

/** An address with its port, `10.0.0.1:80` or `[::1]:80`; no port is `*`. @param at of the address in `data` */
export function addressAndPort(data: DataView, at: number, family: number, port: number): string {
  return endpointText(addressText(data, at, family), port === 0 ? "*" : port);
}

/** The name of a UNIX socket: a path, an abstract one after `@`, or nothing. */
function unixName(name: Uint8Array | undefined): string {
  if (!name?.length) return "*";
  if (name[0] === 0) return `@${decoder.decode(name.subarray(1))}`;
  return decoder.decode(name.at(-1) === 0 ? name.subarray(0, -1) : name);
}

/** The ends of a socket of any kind. */
export function endpointsOf(socket: Socket): Endpoints {
  switch (socket.kind) {
    case "inet": {
      const { data, familyNumber, sport, dport, sourceOffset, destinationOffset } = socket;
      return {
        local: addressAndPort(data, sourceOffset, familyNumber, sport),
        peer: addressAndPort(data, destinationOffset, familyNumber, dport),
      };
    }
    case "unix":
      return {
        local: `${unixName(socket.name)} ${socket.inode}`,
        peer: `* ${socket.peerInode ?? 0}`,
      };
    case "netlink":
      return {
        local: `${protocolNames.get(socket.protocol) ?? socket.protocol}:${socket.portId}`,
        peer: socket.connected ? `${socket.destinationGroup}:${socket.destinationPortId}` : "*",
      };
    case "packet":
      return { local: `0x${socket.protocol.toString(16)}:${socket.interfaceIndex ?? "*"}`, peer: "*" };
    case "vsock":
      return {
        local: `${socket.sourceCid}:${socket.sport}`,
        peer: `${socket.destinationCid}:${socket.dport}`,
      };
    case "tipc":
      return { local: `${socket.node ?? 0}:${socket.ref ?? 0}`, peer: "*" };
    case "xdp":
      return { local: `${socket.interfaceIndex ?? "*"}:${socket.queueId ?? "*"}`, peer: "*" };
  }
}
