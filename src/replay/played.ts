/** A kernel with the sockets that a test describes: for tests of programs that use the library. */
import { isIPv4 } from "node:net";
import { type Layout, layoutSize, writeField } from "../bytes/layout.ts";
import { skMemInfo } from "../diag/memory.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_PROTOCOL,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { inetRequest } from "../families/inet/request.ts";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import { type StateName, stateGroups, stateName, states } from "../model/state.ts";
import { NETLINK_SOCK_DIAG, NLM_F_MULTI, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { DUMP_SEQUENCE, encodeDumpRequest } from "../netlink/dump.ts";
import { type AttributeToWrite, encodeMessage, u32Payload } from "../netlink/message.ts";
import type { Transport } from "../netlink/transport.ts";
import { REPLAY_PORT, replayTransport } from "./kernel.ts";
import type { Conversation } from "./recording.ts";

/** A socket of a played kernel. Everything but the table may be left out. */
export interface PlayedSocket {
  /** The table that it is listed in. */
  readonly table: InetTable;
  /** Its state, as `Socket.state` has it. Default: `ESTAB`. */
  readonly state?: StateName;
  /** Local address, IPv4 or IPv6. Default: `0.0.0.0`. */
  readonly src?: string;
  /** The peer's address, of the same family. Default: all zeros. */
  readonly dst?: string;
  /** Local port. */
  readonly sport?: number;
  /** The peer's port. */
  readonly dport?: number;
  /** Owner. */
  readonly uid?: number;
  /** Inode of the socket; 0 for one that no process has open. */
  readonly inode?: number;
  /** The kernel's unique id of it. Default: counted up from 1. */
  readonly cookie?: bigint;
  /** Index of the interface that it is bound to. */
  readonly interfaceIndex?: number;
  /** Bytes not yet read; for LISTEN: connections that wait to be accepted. */
  readonly rqueue?: number;
  /** Bytes not yet acknowledged; for LISTEN: how many connections may wait. */
  readonly wqueue?: number;
  /** Fields of struct tcp_info, in the kernel's units; the others are 0. Left out, none is sent. */
  readonly tcpInfo?: { readonly [Field in keyof typeof tcpInfo]?: number };
  /** Words of SK_MEMINFO; the others are 0. Left out, none are sent. */
  readonly memory?: { readonly [Field in keyof typeof skMemInfo]?: number };
  /** Name of the congestion control. */
  readonly congestion?: string;
}

const encoder = new TextEncoder();
const FAMILIES = [AF_INET, AF_INET6] as const;

/** The bytes of an address. @throws RangeError for a text that is not an address */
function addressOf(text: string): Uint8Array {
  const bytes = isIPv4(text) ? Uint8Array.from(text.split("."), Number) : parseIpv6(text);
  if (bytes === undefined) throw new RangeError(`Cannot play a socket: "${text}" is not an address`);
  return bytes;
}

/** A struct with some of its fields set. */
function structOf(layout: Layout, values: Readonly<Record<string, number | undefined>>): Uint8Array {
  const bytes = new Uint8Array(layoutSize(layout));
  const data = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries(values)) {
    const field = layout[name];
    if (field === undefined) throw new RangeError(`Cannot play a socket: no field is called "${name}"`);
    if (value === undefined) continue;
    if (field.bits === undefined) writeField(field, data, 0, value);
    else data.setUint8(field.offset, data.getUint8(field.offset) | (value << field.bits[0]));
  }
  return bytes;
}

/** The kernel's number of a state. @throws RangeError for an unknown name */
function stateNumber(name: StateName): number {
  const number = states.findIndex((_, index) => stateName(index) === name);
  if (number < 0) throw new RangeError(`Cannot play a socket: "${name}" is not a state`);
  return number;
}

/** The attributes of a socket, as far as it has them. */
function attributesOf({ tcpInfo: info, memory, congestion }: PlayedSocket): AttributeToWrite[] {
  const { info: infoRow, skMemInfo: memoryRow, congestion: congestionRow } = inetAttributes;
  const attributes: AttributeToWrite[] = [];
  if (info !== undefined) attributes.push({ type: infoRow.id, payload: structOf(tcpInfo, info) });
  if (memory !== undefined) attributes.push({ type: memoryRow.id, payload: structOf(skMemInfo, memory) });
  if (congestion !== undefined)
    attributes.push({ type: congestionRow.id, payload: encoder.encode(`${congestion}\0`) });
  return attributes;
}

/** The datagram in which the kernel would list a socket. */
function encodeSocket(socket: PlayedSocket, cookie: bigint): { family: number; datagram: Uint8Array } {
  const { src = "0.0.0.0", state = "ESTAB" } = socket;
  const source = addressOf(src);
  const destination = socket.dst === undefined ? new Uint8Array(source.length) : addressOf(socket.dst);
  if (destination.length !== source.length)
    throw new RangeError(`Cannot play a socket: "${src}" and "${socket.dst}" are of two families`);
  const family = source.length === 4 ? AF_INET : AF_INET6;
  const bytes = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  const data = new DataView(bytes.buffer);
  const fields = {
    familyNumber: family,
    stateNumber: stateNumber(state),
    interfaceIndex: socket.interfaceIndex ?? 0,
    cookie: socket.cookie ?? cookie,
    rqueue: socket.rqueue ?? 0,
    wqueue: socket.wqueue ?? 0,
    uid: socket.uid ?? 0,
    inode: socket.inode ?? 0,
  } as const;
  for (const [name, value] of Object.entries(fields))
    writeField(inetDiagMessage[name as keyof typeof fields], data, 0, value);
  data.setUint16(inetDiagMessage.sport.offset, socket.sport ?? 0);
  data.setUint16(inetDiagMessage.dport.offset, socket.dport ?? 0);
  bytes.set(source, inetDiagMessage.source.offset);
  bytes.set(destination, inetDiagMessage.destination.offset);
  const header = {
    type: SOCK_DIAG_BY_FAMILY,
    flags: NLM_F_MULTI,
    sequence: DUMP_SEQUENCE,
    portId: REPLAY_PORT,
  };
  return { family, datagram: encodeMessage(header, bytes, attributesOf(socket)) };
}

/**
 * Makes a transport whose kernel has the given inet sockets. It answers sock_diag requests as the real one does:
 * states and filters select sockets, and only requested attributes are sent. Tables without sockets are
 * empty; other families, and questions about interfaces, are refused with ENOENT.
 *
 * @throws RangeError for an address, a state or a field that does not exist
 */
export function playedKernel(sockets: readonly PlayedSocket[]): Transport {
  const encoded = sockets.map((socket, index) => ({
    table: socket.table,
    ...encodeSocket(socket, BigInt(index + 1)),
  }));
  const conversations = Object.entries(inetTables).flatMap(([name, protocol]) =>
    FAMILIES.map((family): Conversation => {
      const wide = protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
      return {
        request: encodeDumpRequest(
          SOCK_DIAG_BY_FAMILY,
          inetRequest(family, protocol, 0xff, stateGroups.all),
          wide,
        ),
        answer: encoded
          .filter((each) => each.table === name && each.family === family)
          .map(({ datagram }) => datagram),
      };
    }),
  );
  return replayTransport(new Map([[NETLINK_SOCK_DIAG, { conversations, multicasts: [] }]]));
}
