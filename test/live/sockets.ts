/** Encodes sockets as the kernel sends them, for tests of the live view. */
import { layoutSize, writeField } from "../../src/bytes/layout.ts";
import { skMemInfo } from "../../src/diag/memory.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../../src/families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../../src/families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import type { Netns } from "../../src/host/namespaces.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../../src/model/family.ts";
import { SS_ESTABLISHED } from "../../src/model/state.ts";
import type { SocketBatch } from "../../src/query/query.ts";

/** The description of a socket. */
export interface SocketLike {
  readonly cookie: number;
  readonly state?: number;
  readonly local?: readonly number[];
  readonly peer?: readonly number[];
  readonly localPort?: number;
  readonly peerPort?: number;
  readonly inode?: number;
  readonly receiveQueue?: number;
  readonly sendQueue?: number;
  /** Fields of tcp_info. Default: no tcp_info. */
  readonly info?: Partial<Record<keyof typeof tcpInfo, number>>;
  readonly drops?: number;
  readonly netns?: Netns;
  readonly udp?: boolean;
}

const ADDRESS = 4;
const HEADER = 4;

function attribute(id: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.length);
  const data = new DataView(bytes.buffer);
  data.setUint16(0, bytes.length, true);
  data.setUint16(2, id, true);
  bytes.set(payload, HEADER);
  return bytes;
}

function struct(size: number, fill: (data: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** Makes a socket. */
export function inetSocket(like: SocketLike): InetSocket {
  const { cookie, local = [127, 0, 0, 1], peer = [127, 0, 0, 2], info, drops, netns, udp = false } = like;
  const attributes: Uint8Array[] = [];
  if (info !== undefined)
    attributes.push(
      attribute(
        inetAttributes.info.id,
        struct(layoutSize(tcpInfo), (data) => {
          for (const [name, value] of Object.entries(info))
            writeField(tcpInfo[name as keyof typeof tcpInfo], data, 0, value);
        }),
      ),
    );
  if (drops !== undefined)
    attributes.push(
      attribute(
        inetAttributes.skMemInfo.id,
        struct(layoutSize(skMemInfo), (data) => writeField(skMemInfo.drops, data, 0, drops)),
      ),
    );
  const message = struct(INET_DIAG_MESSAGE_SIZE, (data) => {
    const fields = {
      familyNumber: local.length > ADDRESS ? AF_INET6 : AF_INET,
      stateNumber: like.state ?? SS_ESTABLISHED,
      sport: 0,
      dport: 0,
      cookie: BigInt(cookie),
      rqueue: like.receiveQueue ?? 0,
      wqueue: like.sendQueue ?? 0,
      inode: like.inode ?? 0,
    } as const;
    for (const [name, value] of Object.entries(fields))
      writeField(inetDiagMessage[name as keyof typeof fields], data, 0, value);
    // Ports are in network byte order.
    data.setUint16(inetDiagMessage.sport.offset, like.localPort ?? 1);
    data.setUint16(inetDiagMessage.dport.offset, like.peerPort ?? 2);
    for (const [index, byte] of local.entries()) data.setUint8(inetDiagMessage.source.offset + index, byte);
    for (const [index, byte] of peer.entries())
      data.setUint8(inetDiagMessage.destination.offset + index, byte);
  });
  const bytes = Buffer.concat([message, ...attributes]);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return new InetSocket(data, 0, bytes.length, {
    protocol: udp ? IPPROTO_UDP : IPPROTO_TCP,
    netns,
    describe: () => ({}),
  });
}

/** A batch of sockets. */
export function batch(...likes: readonly SocketLike[]): SocketBatch {
  return { dump: likes[0]?.udp ? "udp" : "tcp", sockets: likes.map(inetSocket) };
}
