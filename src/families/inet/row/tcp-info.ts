/** Writing the words of `-i` for views. */
import type { ByteWriter } from "../../../bytes/writer.ts";
import type { Style } from "../../../table/style.ts";
import { inetAttributes } from "../layouts/inet-diag.ts";
import type { TcpInfo } from "../layouts/tcp-info.ts";
import type { InetSocket } from "../socket.ts";
import { putTcpInfo } from "./tcp-info-generated.ts";
import type { ConnectionFacts } from "./tcp-info-specials.ts";

/** Room for all words of a struct tcp_info. */
export const TCP_INFO_ROOM = 4096;

const facts: ConnectionFacts = { stateNumber: 0, congestion: 0, vegas: 0, dctcp: 0, bbr: 0 };

/** Writes the items of `-i` for a socket that has a struct tcp_info. */
export function writeTcpInfo(text: ByteWriter, info: TcpInfo, socket: InetSocket, style: Style): void {
  facts.stateNumber = socket.stateNumber;
  facts.congestion = socket.attribute(inetAttributes.congestion.id);
  facts.vegas = socket.attribute(inetAttributes.vegasInfo.id);
  facts.dctcp = socket.attribute(inetAttributes.dctcpInfo.id);
  facts.bbr = socket.attribute(inetAttributes.bbrInfo.id);
  text.reserve(TCP_INFO_ROOM);
  const { data, offset, length } = info;
  text.length = putTcpInfo(text.data, text.length, data, offset, length, facts, style.timers, style.numeric);
}
