/** What a sock_diag request selects from a recorded answer: sockets and attributes. */
import { readField } from "../bytes/layout.ts";
import { replayedInetLegacy } from "../families/inet/replayed.ts";
import type { ReplayedFamily, StateTest } from "../families/replayed.ts";
import {
  DCCPDIAG_GETSOCK,
  NLA_HDRLEN,
  NLMSG_HDRLEN,
  SOCK_DESTROY,
  TCPDIAG_GETSOCK,
} from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";
import { checkBytecode, needsPortLock } from "./bytecode.ts";
import { replayedFamilies } from "./families.ts";
import { dataView, messageEnd } from "./header.ts";
import type { DiagRequest } from "./recording.ts";

/** The part of a recorded answer that a request selects. */
export interface Plan {
  /** Bytes of the fixed struct of every socket. */
  readonly messageSize: number;
  /** Test of socket states with its mask; undefined accepts all. */
  readonly states: { readonly test: StateTest; readonly mask: number } | undefined;
  /** The filter; undefined if there is none. */
  readonly program: DataView | undefined;
  /** Attributes that the request does not want. */
  readonly unwanted: ReadonlySet<number>;
}

/** The plan that keeps everything. */
export const keepAll: Plan = {
  messageSize: 0,
  states: undefined,
  program: undefined,
  unwanted: new Set(),
};

const legacyFamilies: Readonly<Record<number, ReplayedFamily>> = {
  [TCPDIAG_GETSOCK]: replayedInetLegacy,
  [DCCPDIAG_GETSOCK]: replayedInetLegacy,
};

/**
 * Makes the plan of a request. Answers to SOCK_DESTROY and of unknown families are kept whole, and so are dumps whose
 * filter tests who chose a port, which a recording does not contain.
 *
 * @returns undefined if the kernel would refuse the request with EINVAL: it is too short, or its filter is bad
 */
export function planOf(request: Uint8Array, { type, family, protocol }: DiagRequest): Plan | undefined {
  const kind = legacyFamilies[type] ?? replayedFamilies.get(family);
  if (kind === undefined || type === SOCK_DESTROY) return keepAll;
  const data = dataView(request);
  const end = messageEnd(data, 0);
  const attributes = NLMSG_HDRLEN + kind.requestSize;
  if (end < attributes) return undefined;
  const program = kind.filter === undefined ? undefined : attributeView(data, attributes, end, kind.filter);
  if (program !== undefined && !checkBytecode(program)) return undefined;
  const test = kind.stateTest?.(protocol);
  return {
    messageSize: kind.messageSize,
    states:
      test === undefined || kind.states === undefined
        ? undefined
        : { test, mask: Number(readField(kind.states, data, NLMSG_HDRLEN)) },
    program: program === undefined || needsPortLock(program) ? undefined : program,
    unwanted: unwantedAttributes(kind, data),
  };
}

/** The payload of a request's attribute, or undefined. */
function attributeView(data: DataView, from: number, end: number, type: number): DataView | undefined {
  const at = findAttribute(data, from, end, type);
  if (at < 0) return undefined;
  return new DataView(data.buffer, data.byteOffset + at + NLA_HDRLEN, data.getUint16(at, true) - NLA_HDRLEN);
}

/** The attributes whose request bit is not set. */
function unwantedAttributes(kind: ReplayedFamily, request: DataView): ReadonlySet<number> {
  const wanted = kind.wanted === undefined ? 0 : Number(readField(kind.wanted, request, NLMSG_HDRLEN));
  return new Set(
    Object.values(kind.attributes ?? {})
      .filter(({ requestedBy }) => requestedBy !== undefined && (requestedBy & wanted) === 0)
      .map(({ id }) => id),
  );
}
