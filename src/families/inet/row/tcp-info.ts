/** Writing the words of `-i` for views. */

import { copiedStruct } from "../../../bytes/room.ts";
import type { ByteWriter } from "../../../bytes/writer.ts";
import type { Style } from "../../../table/style.ts";
import { inetAttributes } from "../layouts/inet-diag.ts";
import type { TcpInfo } from "../layouts/tcp-info.ts";
import type { InetSocket } from "../socket.ts";
import { TCP_INFO_ROOM } from "./room.ts";
import { putTcpInfo, TCP_INFO_SIZE } from "./tcp-info-generated.ts";
import { BBR_SIZE, type ConnectionFacts, DCTCP_SIZE, VEGAS_SIZE } from "./tcp-info-specials.ts";

/** Bytes of the name of a congestion control, TCP_CA_NAME_MAX. */
const CONGESTION_SIZE = 16;

const facts: ConnectionFacts = {
  stateNumber: 0,
  congestion: 0,
  congestionLength: 0,
  escapesNames: false,
  vegas: 0,
  dctcp: 0,
  bbr: 0,
};

/** Copies the struct of an attribute to where it can be read whole. @returns 0 if it was not sent */
function copied(socket: InetSocket, type: number, size: number, slot: number): number {
  const payload = socket.attribute(type);
  return payload === 0 ? 0 : copiedStruct(socket.data, payload, socket.attributeLength(payload), size, slot);
}

/** Writes the items of `-i` for a socket that has a struct tcp_info. */
export function writeTcpInfo(text: ByteWriter, info: TcpInfo, socket: InetSocket, style: Style): void {
  const { congestion, vegasInfo, dctcpInfo, bbrInfo } = inetAttributes;
  facts.stateNumber = socket.stateNumber;
  facts.congestion = copied(socket, congestion.id, CONGESTION_SIZE, 1) << 2;
  facts.congestionLength = facts.congestion === 0 ? 0 : CONGESTION_SIZE;
  facts.escapesNames = style.escape;
  facts.vegas = copied(socket, vegasInfo.id, VEGAS_SIZE, 2);
  facts.dctcp = copied(socket, dctcpInfo.id, DCTCP_SIZE, 3);
  facts.bbr = copied(socket, bbrInfo.id, BBR_SIZE, 4);
  text.reserve(TCP_INFO_ROOM);
  const struct = copiedStruct(info.data, info.offset, info.length, TCP_INFO_SIZE, 0);
  text.length = putTcpInfo(text.data, text.length, struct, facts, style.timers, style.numeric);
}
