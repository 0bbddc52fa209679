/** Writes packet sockets as rows of ss's table. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { SOCK_RAW } from "../../model/family.ts";
import { linkProtocolName } from "../../model/link-protocols.ts";
import { SS_CLOSE } from "../../model/state.ts";
import { startLine, writeIdentity } from "../../table/cells.ts";
import { label } from "../../table/labels.ts";
import { beginRow, closeAnyEnd } from "../../table/lead.ts";
import { writeSkMemInfo } from "../../table/memory.ts";
import { writeProcessCells } from "../../table/places.ts";
import { structLine } from "../../table/struct.ts";
import { type Names, putForeign, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import { packetDiagInfo, packetDiagRing } from "./layout.ts";
import type { BpfInstruction, PacketSocket } from "./socket.ts";

const BLANK = 0x20;
const STAR = 0x2a;
const COLON = 0x3a;
const COMMA = 0x2c;

const rawNetid = ascii("p_raw");
const dgramNetid = ascii("p_dgr");

function writeProtocol(text: ByteWriter, protocol: number, style: Style): void {
  const name = linkProtocolName(protocol);
  if (name === "all") text.byte(STAR);
  else text.text(name === undefined || style.numeric ? `[${protocol}]` : name);
}

const writeSettings = structLine(
  [
    ["ver:", packetDiagInfo.version, "i32"],
    [" cpy_thresh:", packetDiagInfo.copyThresh, "i32"],
  ],
  " flags( ",
);

/** ss's labels of the flags, in its order. */
const flagLabels = [
  ["running", label("running", packetDiagInfo.running)],
  ["auxdata", label(" auxdata", packetDiagInfo.auxdata)],
  ["origdev", label(" origdev", packetDiagInfo.origdev)],
  ["vnethdr", label(" vnethdr", packetDiagInfo.vnethdr)],
  ["loss", label(" loss", packetDiagInfo.loss)],
] as const satisfies readonly (readonly [keyof typeof packetDiagInfo, Uint8Array])[];

function ringLine(name: string) {
  return structLine(
    [
      [`${name}(blk_size:`, packetDiagRing.blockSize, "i32"],
      [",blk_nr:", packetDiagRing.blocks, "i32"],
      [",frm_size:", packetDiagRing.frameSize, "i32"],
      [",frm_nr:", packetDiagRing.frames, "i32"],
      [",tmo:", packetDiagRing.retireTimeout, "i32"],
      [",features:0x", packetDiagRing.features, "hex"],
    ],
    ")",
  );
}

const writeRxRing = ringLine("ring_rx");
const writeTxRing = ringLine("ring_tx");

/** ss's labels of the fanout modes. It has none for newer modes. */
const fanoutLabels = ["hash", "lb", "cpu", "roll", "random", "qm"];

function writeExtended(text: ByteWriter, socket: PacketSocket, style: Style): void {
  const { data, cookieOffset, info, fanout } = socket;
  const low = data.getUint32(cookieOffset, true);
  writeIdentity(text, socket.uid ?? 0, socket.inode, low, data.getUint32(cookieOffset + 4, true));
  if (info?.flags !== undefined) {
    writeSettings(text, info, style);
    for (const [flag, label] of flagLabels) if (info[flag]) text.put(label);
    text.text(info.flags === 0 ? "0 )" : " )");
  }
  writeRxRing(text, socket.rxRing, style);
  writeTxRing(text, socket.txRing, style);
  if (fanout?.typeNumber !== undefined) {
    startLine(text, style);
    const type = fanoutLabels[fanout.typeNumber] ?? `0x${fanout.typeNumber.toString(16)}`;
    text.text(`fanout(id:${fanout.id},type:${type})`);
  }
}

function writeFilter(text: ByteWriter, filter: readonly BpfInstruction[], style: Style): void {
  startLine(text, style);
  text.text(`bpf filter (${filter.length}): `);
  for (const { code, jt, jf, k } of filter) {
    text.text(" 0x");
    text.hex(code, 2);
    for (const operand of [jt, jf, k]) {
      text.byte(BLANK);
      text.unsigned(operand);
    }
    text.byte(COMMA);
  }
}

/** Writes the row of a packet socket. */
export function writePacketRow(table: Table, socket: PacketSocket, style: Style, names: Names): void {
  const { text } = table;
  const { type, protocol, memory, interfaceIndex } = socket;
  beginRow(table, socket, style, type === SOCK_RAW ? rawNetid : dgramNetid, SS_CLOSE, socket.rqueue ?? 0, 0);
  writeProtocol(text, protocol, style);
  text.byte(COLON);
  table.close();
  if (interfaceIndex) putForeign(text, names.interface(interfaceIndex, socket.origin.netns), style);
  else text.byte(STAR);
  table.close();
  closeAnyEnd(table);
  writeProcessCells(table, socket, style, names);
  if (style.extended) writeExtended(text, socket, style);
  if (style.bpf) {
    const { filter } = socket;
    if (filter !== undefined) writeFilter(text, filter, style);
  }
  if (style.memory && memory !== undefined) writeSkMemInfo(text, memory);
  table.close();
}
