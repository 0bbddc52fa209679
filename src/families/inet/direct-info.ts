/** What `-m` and `-i` add to rows that are written straight from messages. */
import { keepOutOfLastTier } from "#libc";
import { roomData } from "../../bytes/room.ts";
import { lengthOf, payloads, struct } from "../../diag/room-attributes.ts";
import { putInetMemInfo, putSkMemInfo, putWholeSkMemInfo, SK_MEM_SIZE } from "../../table/memory.ts";
import type { Style } from "../../table/style.ts";
import { inetAttributes } from "./layouts/inet-diag.ts";
import { putTcpInfo, TCP_INFO_SIZE } from "./row/tcp-info-generated.ts";
import { BBR_SIZE, type ConnectionFacts, DCTCP_SIZE, VEGAS_SIZE } from "./row/tcp-info-specials.ts";

const NEWLINE = 0x0a;
const TAB = 0x09;

/** Attributes by number. */
const MEM_INFO = inetAttributes.memInfo.id;
const INFO = inetAttributes.info.id;
const VEGAS = inetAttributes.vegasInfo.id;
const CONGESTION = inetAttributes.congestion.id;
const SK_MEM_INFO = inetAttributes.skMemInfo.id;
const DCTCP = inetAttributes.dctcpInfo.id;
const BBR = inetAttributes.bbrInfo.id;

/**
 * Writes what `-m` and `-i` add, from the attributes that were walked last.
 *
 * @param state the number of the socket's state
 * @returns the position behind it; there must be room for `TCP_INFO_ROOM` bytes
 */
export type PutInfo = (target: DataView, at: number, state: number) => number;

/** Makes the function that writes what `-m` and `-i` add. */
export function infoWriter(style: Style): PutInfo {
  const { oneline, timers, numeric } = style;
  const facts: ConnectionFacts = {
    stateNumber: 0,
    congestion: 0,
    congestionLength: 0,
    escapesNames: style.escape,
    vegas: 0,
    dctcp: 0,
    bbr: 0,
  };

  function putInfo(target: DataView, at: number, state: number): number {
    let next = at;
    if (!oneline) {
      target.setUint8(next, NEWLINE);
      target.setUint8(next + 1, TAB);
      next += 2;
    }
    const skMem = payloads[SK_MEM_INFO]!;
    if (skMem !== 0) {
      const length = lengthOf(skMem);
      next =
        length >= SK_MEM_SIZE
          ? putWholeSkMemInfo(target, next, skMem >> 2)
          : putSkMemInfo(target, next, roomData, skMem, length);
    } else {
      const mem = payloads[MEM_INFO]!;
      if (mem !== 0) next = putInetMemInfo(target, next, roomData, mem, lengthOf(mem));
    }
    const tcp = struct(INFO, TCP_INFO_SIZE, 0);
    if (tcp === 0) return next;
    facts.stateNumber = state;
    facts.congestion = payloads[CONGESTION]!;
    facts.congestionLength = facts.congestion === 0 ? 0 : lengthOf(facts.congestion);
    facts.vegas = struct(VEGAS, VEGAS_SIZE, 1);
    facts.dctcp = struct(DCTCP, DCTCP_SIZE, 2);
    facts.bbr = struct(BBR, BBR_SIZE, 3);
    return putTcpInfo(target, next, tcp, facts, timers, numeric);
  }

  keepOutOfLastTier(putInfo);
  return putInfo;
}
