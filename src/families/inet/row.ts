/** Rows of the inet tables. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { isUnspecifiedIpv6, writeIpv4, writeIpv6 } from "../../model/address.ts";
import { AF_INET6, IPPROTO_MPTCP, IPPROTO_RAW, IPPROTO_SCTP, IPPROTO_UDP } from "../../model/family.ts";
import { startLine, writeIdentity, writeQueue, writeShutdown, writeState } from "../../table/cells.ts";
import { label } from "../../table/labels.ts";
import { writeInetMemInfo, writeSkMemInfo } from "../../table/memory.ts";
import { startRow, writeProcessCells } from "../../table/places.ts";
import { type Names, putForeign, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import { cgroupLabel, netidOf, putMark, putTimerDetail, putV6only } from "./cells.ts";
import { inetSockopt } from "./layouts/sockopt.ts";
import { writeBpfStorages } from "./row/bpf-storage.ts";
import { writeMptcpInfo } from "./row/mptcp.ts";
import { writeProcTcpDetails } from "./row/procfs.ts";
import { writeAssociationState, writeSctpInfo } from "./row/sctp.ts";
import { writeTcpInfo } from "./row/tcp-info.ts";
import { writeMd5Signatures, writeUlpInfo } from "./row/ulp.ts";
import type { InetSocket } from "./socket.ts";

const COLON = 0x3a;
const PERCENT = 0x25;
const STAR = 0x2a;
const CLOSE = 0x29;
function writeAddress(text: ByteWriter, socket: InetSocket, at: number, style: Style, names: Names): void {
  const { data } = socket;
  const inet6 = socket.familyNumber === AF_INET6;
  if (inet6 && isUnspecifiedIpv6(data, at)) {
    if (socket.v6only) text.text("[::]");
    else text.byte(STAR);
    return;
  }
  const name = style.resolve ? names.host(data, at, socket.addressLength) : undefined;
  if (name !== undefined) {
    const bracketed = name.includes(COLON);
    if (bracketed) text.byte(0x5b);
    putForeign(text, name, style);
    if (bracketed) text.byte(0x5d);
  } else if (inet6) {
    text.byte(0x5b);
    writeIpv6(text, data, at);
    text.byte(0x5d);
  } else writeIpv4(text, data, at);
}

function writePort(text: ByteWriter, port: number, style: Style, names: Names): void {
  if (port === 0) {
    text.byte(STAR);
    return;
  }
  const name = style.numeric ? undefined : names.port(port);
  if (name === undefined) text.unsigned(port);
  else text.put(name);
}

function writeTimerDetail(text: ByteWriter, socket: InetSocket, protocol: number): void {
  const { timerNumber, expires, retransmits } = socket;
  if (timerNumber === 0) return;
  const number = protocol === IPPROTO_SCTP ? undefined : timerNumber;
  text.reserve(DETAIL_ROOM);
  text.length = putTimerDetail(text.data, text.length, number, expires, retransmits);
}

/** Room for a detail that is not part of a struct. */
const DETAIL_ROOM = 96;

function writeCgroup(text: ByteWriter, id: bigint, style: Style, names: Names): void {
  text.stamp(cgroupLabel);
  putForeign(text, names.cgroup(id), style);
}

function writeExtended(text: ByteWriter, socket: InetSocket, style: Style, names: Names): void {
  const { data, cookieOffset } = socket;
  writeIdentity(
    text,
    socket.uid,
    socket.inode,
    data.getUint32(cookieOffset, true),
    data.getUint32(cookieOffset + 4, true),
  );
  const { mark, cgroupId } = socket;
  if (mark) {
    text.reserve(DETAIL_ROOM);
    text.length = putMark(text.data, text.length, mark);
  }
  if (cgroupId) writeCgroup(text, cgroupId, style, names);
  if (socket.familyNumber === AF_INET6) {
    const { v6onlyNumber } = socket;
    if (v6onlyNumber !== undefined) {
      text.reserve(DETAIL_ROOM);
      text.length = putV6only(text.data, text.length, v6onlyNumber);
    }
  }
  const { shutdownBits } = socket;
  if (shutdownBits !== undefined) writeShutdown(text, shutdownBits);
}

const tosLabel = ascii(" tos:");
const tclassLabel = ascii(" tclass:");
const classIdLabel = ascii(" class_id:");

/** Writes a label and a number as C's `%#x` does. */
function writeHexDetail(text: ByteWriter, label: Uint8Array, value: number | undefined): void {
  if (value === undefined) return;
  text.put(label);
  if (value !== 0) text.text("0x");
  text.hex(value);
}

/** ss's words for the flags of struct inet_diag_sockopt, in their order. */
const sockoptLabels = Object.entries({
  recverr: " recverr",
  isIcsk: " is_icsk",
  freebind: " freebind",
  hdrincl: " hdrincl",
  mcLoop: " mc_loop",
  transparent: " transparent",
  mcAll: " mc_all",
  nodefrag: " nodefrag",
  bindAddressNoPort: " bind_addr_no_port",
  recverrRfc4884: " recverr_rfc4884",
  deferConnect: " defer_connect",
} satisfies Record<keyof typeof inetSockopt, string>).map(([name, text]) => {
  const flag = name as keyof typeof inetSockopt;
  return [flag, label(text, inetSockopt[flag])] as const;
});

function writeSockopt(text: ByteWriter, socket: InetSocket, style: Style): void {
  const { sockopt } = socket;
  if (sockopt === undefined || sockopt.length < 2) return;
  startLine(text, style);
  text.text("inet-sockopt: (");
  for (const [flag, label] of sockoptLabels) if (sockopt[flag]) text.put(label);
  text.byte(CLOSE);
}

function writeTcpDetails(text: ByteWriter, socket: InetSocket, style: Style): void {
  const { tcpInfo } = socket;
  if (tcpInfo !== undefined) writeTcpInfo(text, tcpInfo, socket, style);
  const { md5Signatures } = socket;
  if (md5Signatures !== undefined) writeMd5Signatures(text, md5Signatures);
  const { ulpInfo } = socket;
  if (ulpInfo !== undefined) writeUlpInfo(text, ulpInfo, style);
}

function writeProtocolInfo(text: ByteWriter, socket: InetSocket, protocol: number, style: Style): void {
  if (!style.oneline) startLine(text, style);
  const { memory } = socket;
  if (memory !== undefined) writeSkMemInfo(text, memory);
  else {
    const { legacyMemory } = socket;
    if (legacyMemory !== undefined) writeInetMemInfo(text, legacyMemory);
  }
  if (protocol === IPPROTO_SCTP) writeSctpInfo(text, socket);
  else if (protocol === IPPROTO_MPTCP) {
    const { mptcpInfo } = socket;
    if (mptcpInfo !== undefined) writeMptcpInfo(text, mptcpInfo);
  } else writeTcpDetails(text, socket, style);
}

function writeDetails(
  text: ByteWriter,
  socket: InetSocket,
  protocol: number,
  style: Style,
  names: Names,
): void {
  if (style.timers) writeTimerDetail(text, socket, protocol);
  if (style.extended) writeExtended(text, socket, style, names);
  if (style.tos) {
    writeHexDetail(text, tosLabel, socket.tos);
    writeHexDetail(text, tclassLabel, socket.tclass);
    writeHexDetail(text, classIdLabel, socket.classId);
  }
  if (style.cgroup) {
    const { cgroupId } = socket;
    if (cgroupId !== undefined) writeCgroup(text, cgroupId, style, names);
  }
  if (style.inetSockopt) writeSockopt(text, socket, style);
  if (style.memory || (style.info && protocol !== IPPROTO_UDP))
    writeProtocolInfo(text, socket, protocol, style);
  if (style.bpfMaps || style.bpfMapIds.length > 0) {
    const { bpfStorages } = socket;
    if (bpfStorages !== undefined) writeBpfStorages(text, bpfStorages, style, names);
  }
}

/** Whether a socket comes from the /proc file of raw sockets, where ss does not look at the protocol. */
function isProcRaw({ procfs, origin }: InetSocket): boolean {
  return procfs !== undefined && origin.protocol === IPPROTO_RAW;
}

/**
 * Whether a row is an association of the SCTP endpoint in the row before it; they share an inode. Without its
 * endpoint, as when a filter has dropped that, the first association is shown as if it were one.
 */
function followsEndpoint(table: Table, { inode }: InetSocket): boolean {
  const follows = inode !== 0 && inode === table.endpointInode;
  table.endpointInode = inode;
  return follows;
}

/** Writes the row of an inet socket. */
export function writeInetRow(table: Table, socket: InetSocket, style: Style, names: Names): void {
  const { text, shows } = table;
  const { protocol } = socket;
  startRow(table, socket, style);
  const association = protocol === IPPROTO_SCTP && followsEndpoint(table, socket);
  if (shows.netid) {
    if (!association) text.stamp(netidOf(isProcRaw(socket) ? 0 : protocol));
    table.close();
  }
  if (shows.state) {
    if (association) writeAssociationState(text, socket.stateNumber);
    else writeState(text, socket.stateNumber);
    table.close();
  }
  if (shows.recvQueue) {
    writeQueue(text, socket.rqueue);
    table.close();
  }
  if (shows.sendQueue) {
    writeQueue(text, socket.wqueue);
    table.close();
  }
  writeAddress(text, socket, socket.sourceOffset, style, names);
  if (socket.interfaceIndex !== 0) {
    text.byte(PERCENT);
    putForeign(text, names.interface(socket.interfaceIndex, socket.origin.netns), style);
  }
  text.byte(COLON);
  table.close();
  writePort(text, socket.sport, style, names);
  table.close();
  writeAddress(text, socket, socket.destinationOffset, style, names);
  text.byte(COLON);
  table.close();
  writePort(text, socket.dport, style, names);
  table.close();
  writeProcessCells(table, socket, style, names);
  const { procfs } = socket;
  if (procfs === undefined) writeDetails(text, socket, protocol, style, names);
  else if (procfs.tcp !== undefined) {
    if (style.timers) writeTimerDetail(text, socket, protocol);
    writeProcTcpDetails(text, socket, procfs.pointer, procfs.tcp, style);
  }
  table.close();
}
