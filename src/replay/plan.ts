/** What a sock_diag request asks of a recorded answer: which sockets, which attributes. */
import { type Field, readField } from "../bytes/layout.ts";
import type { AttributeTable } from "../diag/attribute.ts";
import {
  INET_DIAG_LEGACY_REQUEST_SIZE,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQUEST_SIZE,
  inetAttributes,
  inetDiagLegacyRequest,
  inetDiagRequest,
} from "../families/inet/layouts/inet-diag.ts";
import {
  NETLINK_DIAG_MESSAGE_SIZE,
  NETLINK_DIAG_REQUEST_SIZE,
  netlinkAttributes,
  netlinkDiagRequest,
} from "../families/netlink/layout.ts";
import {
  PACKET_DIAG_MESSAGE_SIZE,
  PACKET_DIAG_REQUEST_SIZE,
  packetAttributes,
  packetDiagRequest,
} from "../families/packet/layout.ts";
import { TIPC_DIAG_REQUEST_SIZE, tipcDiagRequest } from "../families/tipc/layout.ts";
import {
  UNIX_DIAG_MESSAGE_SIZE,
  UNIX_DIAG_REQUEST_SIZE,
  unixAttributes,
  unixDiagRequest,
} from "../families/unix/layout.ts";
import {
  VSOCK_DIAG_MESSAGE_SIZE,
  VSOCK_DIAG_REQUEST_SIZE,
  vsockDiagRequest,
} from "../families/vsock/layout.ts";
import {
  XDP_DIAG_MESSAGE_SIZE,
  XDP_DIAG_REQUEST_SIZE,
  xdpAttributes,
  xdpDiagRequest,
} from "../families/xdp/layout.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_TIPC,
  AF_UNIX,
  AF_VSOCK,
  AF_XDP,
} from "../model/family.ts";
import {
  DCCPDIAG_GETSOCK,
  NLA_HDRLEN,
  NLMSG_HDRLEN,
  SOCK_DESTROY,
  TCPDIAG_GETSOCK,
} from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";
import { checkBytecode, needsPortLock } from "./bytecode.ts";
import { dataView, messageEnd } from "./header.ts";
import type { DiagRequest } from "./recording.ts";
import { type StateTest, stateTest } from "./states.ts";

/** What is left of a recorded answer. */
export interface Plan {
  /** Bytes of the fixed struct of every socket. */
  readonly messageSize: number;
  /** Which sockets pass by their state, and the mask for it; undefined: all. */
  readonly states: { readonly test: StateTest; readonly mask: number } | undefined;
  /** The filter; undefined: none. */
  readonly program: DataView | undefined;
  /** Attributes that were not asked for. */
  readonly unwanted: ReadonlySet<number>;
}

/** The plan that leaves everything as it was recorded. */
export const keepAll: Plan = {
  messageSize: 0,
  states: undefined,
  program: undefined,
  unwanted: new Set(),
};

/** How the requests and answers of one family are laid out. */
interface Kind {
  /** Bytes of the request's struct. */
  readonly requestSize: number;
  /** The request's mask of states. */
  readonly states?: Field;
  /** The request's mask of attributes. */
  readonly wanted?: Field;
  /** The request attribute that holds a filter. */
  readonly filter?: number;
  /** Bytes of an answer's fixed struct. */
  readonly messageSize: number;
  /** The attributes of an answer. */
  readonly attributes?: AttributeTable;
}

const inet: Kind = {
  requestSize: INET_DIAG_REQUEST_SIZE,
  states: inetDiagRequest.states,
  wanted: inetDiagRequest.ext,
  filter: INET_DIAG_REQ_BYTECODE,
  messageSize: INET_DIAG_MESSAGE_SIZE,
  attributes: inetAttributes,
};

const legacy: Kind = {
  ...inet,
  requestSize: INET_DIAG_LEGACY_REQUEST_SIZE,
  states: inetDiagLegacyRequest.states,
  wanted: inetDiagLegacyRequest.ext,
};

const kindsByFamily: Readonly<Record<number, Kind>> = {
  [AF_INET]: inet,
  [AF_INET6]: inet,
  [AF_UNIX]: {
    requestSize: UNIX_DIAG_REQUEST_SIZE,
    states: unixDiagRequest.states,
    wanted: unixDiagRequest.show,
    messageSize: UNIX_DIAG_MESSAGE_SIZE,
    attributes: unixAttributes,
  },
  [AF_PACKET]: {
    requestSize: PACKET_DIAG_REQUEST_SIZE,
    wanted: packetDiagRequest.show,
    messageSize: PACKET_DIAG_MESSAGE_SIZE,
    attributes: packetAttributes,
  },
  [AF_NETLINK]: {
    requestSize: NETLINK_DIAG_REQUEST_SIZE,
    wanted: netlinkDiagRequest.show,
    messageSize: NETLINK_DIAG_MESSAGE_SIZE,
    attributes: netlinkAttributes,
  },
  [AF_VSOCK]: {
    requestSize: VSOCK_DIAG_REQUEST_SIZE,
    states: vsockDiagRequest.states,
    messageSize: VSOCK_DIAG_MESSAGE_SIZE,
  },
  [AF_TIPC]: { requestSize: TIPC_DIAG_REQUEST_SIZE, states: tipcDiagRequest.states, messageSize: 0 },
  [AF_XDP]: {
    requestSize: XDP_DIAG_REQUEST_SIZE,
    wanted: xdpDiagRequest.show,
    messageSize: XDP_DIAG_MESSAGE_SIZE,
    attributes: xdpAttributes,
  },
};

const kindsByType: Readonly<Record<number, Kind>> = {
  [TCPDIAG_GETSOCK]: legacy,
  [DCCPDIAG_GETSOCK]: legacy,
};

/**
 * Reads what a request asks for. The answer to SOCK_DESTROY and to a family that we don't know is left as it is,
 * and so is a dump whose filter asks who chose a port: a recording does not tell.
 *
 * @returns undefined for what the kernel refuses with EINVAL: a request shorter than its struct, a bad filter
 */
export function planOf(request: Uint8Array, { type, family, protocol }: DiagRequest): Plan | undefined {
  const kind = kindsByType[type] ?? kindsByFamily[family];
  if (kind === undefined || type === SOCK_DESTROY) return keepAll;
  const data = dataView(request);
  const end = messageEnd(data, 0);
  const attributes = NLMSG_HDRLEN + kind.requestSize;
  if (end < attributes) return undefined;
  const program = kind.filter === undefined ? undefined : attributeView(data, attributes, end, kind.filter);
  if (program !== undefined && !checkBytecode(program)) return undefined;
  const test = stateTest({ type, family, protocol });
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

/** The attributes that need a bit which a request does not set. */
function unwantedAttributes(kind: Kind, request: DataView): ReadonlySet<number> {
  const wanted = kind.wanted === undefined ? 0 : Number(readField(kind.wanted, request, NLMSG_HDRLEN));
  return new Set(
    Object.values(kind.attributes ?? {})
      .filter(({ requestedBy }) => requestedBy !== undefined && (requestedBy & wanted) === 0)
      .map(({ id }) => id),
  );
}
