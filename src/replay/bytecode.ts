/**
 * Checks and runs inet_diag filter bytecode as the kernel does. linux/inet_diag.h.
 *
 * A program accepts a socket if it reaches exactly its end. A jump beyond the end rejects.
 */
import { layoutSize, readField } from "../bytes/layout.ts";
import {
  bytecodeOperation,
  cgroupOperand,
  deviceOperand,
  hostOperand,
  INET_DIAG_BC,
  markOperand,
  portOperand,
} from "../families/inet/layouts/inet-bytecode.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { NLA_HDRLEN } from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";

const AF_UNSPEC = 0;

const OPERATION_BYTES = layoutSize(bytecodeOperation);
const HOST_BYTES = layoutSize(hostOperand);
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [AF_UNSPEC]: 0, [AF_INET]: 4, [AF_INET6]: 16 };
/** The offset of the IPv4 address in a v4-mapped one, and the words before it. */
const MAPPED_OFFSET = 12;
const MAPPED_WORDS = [0, 0, 0xffff] as const;

/** Minimum size of an operation with its operands, in bytes; undefined for an unknown operation. */
function operationSize(program: DataView, at: number, code: number): number | undefined {
  switch (code) {
    case INET_DIAG_BC.NOP:
    case INET_DIAG_BC.JMP:
    case INET_DIAG_BC.AUTO:
      return OPERATION_BYTES;
    case INET_DIAG_BC.S_GE:
    case INET_DIAG_BC.S_LE:
    case INET_DIAG_BC.D_GE:
    case INET_DIAG_BC.D_LE:
    case INET_DIAG_BC.S_EQ:
    case INET_DIAG_BC.D_EQ:
    case INET_DIAG_BC.DEV_COND:
      return OPERATION_BYTES + 4;
    case INET_DIAG_BC.MARK_COND:
    case INET_DIAG_BC.CGROUP_COND:
      return OPERATION_BYTES + 8;
    case INET_DIAG_BC.S_COND:
    case INET_DIAG_BC.D_COND: {
      const condition = at + OPERATION_BYTES;
      if (condition + HOST_BYTES > program.byteLength) return undefined;
      const addressBytes = ADDRESS_BYTES[Number(readField(hostOperand.family, program, condition))];
      if (addressBytes === undefined) return undefined;
      if (Number(readField(hostOperand.prefixLength, program, condition)) > addressBytes * 8)
        return undefined;
      return OPERATION_BYTES + HOST_BYTES + addressBytes;
    }
    default:
      return undefined;
  }
}

/**
 * Checks a program as the kernel does: known operations, complete operands, and forward jumps to the beginning of an
 * operation, to the end, or four bytes beyond.
 *
 * @returns false if the kernel would refuse the request with EINVAL
 */
export function checkBytecode(program: DataView): boolean {
  const end = program.byteLength;
  const starts = new Set([end, end + OPERATION_BYTES]);
  const targets: number[] = [];
  let at = 0;
  while (at < end) {
    if (at + OPERATION_BYTES > end) return false;
    starts.add(at);
    const code = Number(readField(bytecodeOperation.code, program, at));
    const yes = Number(readField(bytecodeOperation.yes, program, at));
    const no = Number(readField(bytecodeOperation.no, program, at));
    const size = operationSize(program, at, code);
    if (size === undefined || at + size > end) return false;
    if (yes < size || yes % 4 !== 0) return false;
    if (code !== INET_DIAG_BC.NOP) {
      if (no < size || no % 4 !== 0) return false;
      targets.push(at + no);
    }
    at += yes;
  }
  return at === end && targets.every((target) => starts.has(target));
}

/** Whether a checked program uses AUTO (who chose the port), which a recording does not contain. */
export function needsPortLock(program: DataView): boolean {
  for (let at = 0; at < program.byteLength; at += Number(readField(bytecodeOperation.yes, program, at)))
    if (readField(bytecodeOperation.code, program, at) === INET_DIAG_BC.AUTO) return true;
  return false;
}

/** Whether the first bits of an address are those of a pattern. */
function matchesPrefix(
  data: DataView,
  at: number,
  program: DataView,
  pattern: number,
  bits: number,
): boolean {
  const bytes = bits >> 3;
  for (let index = 0; index < bytes; index++)
    if (data.getUint8(at + index) !== program.getUint8(pattern + index)) return false;
  const rest = bits & 7;
  return rest === 0 || (data.getUint8(at + bytes) ^ program.getUint8(pattern + bytes)) >> (8 - rest) === 0;
}

/** S_COND and D_COND: port, family and leading bits of one end. A v4 pattern matches v4-mapped addresses. */
function matchesHost(program: DataView, at: number, data: DataView, message: number, side: Side): boolean {
  const wantedPort = Number(readField(hostOperand.port, program, at));
  if (wantedPort !== -1 && wantedPort !== readField(side.port, data, message)) return false;
  const wantedFamily = Number(readField(hostOperand.family, program, at));
  const bits = Number(readField(hostOperand.prefixLength, program, at));
  const family = Number(readField(inetDiagMessage.familyNumber, data, message));
  const pattern = at + HOST_BYTES;
  const address = message + side.address.offset;
  if (wantedFamily === AF_UNSPEC || wantedFamily === family)
    return matchesPrefix(data, address, program, pattern, bits);
  return (
    wantedFamily === AF_INET &&
    family === AF_INET6 &&
    MAPPED_WORDS.every((word, index) => data.getUint32(address + index * 4, false) === word) &&
    matchesPrefix(data, address + MAPPED_OFFSET, program, pattern, bits)
  );
}

/** One end of a socket in struct inet_diag_msg. */
interface Side {
  readonly port: (typeof inetDiagMessage)["sport" | "dport"];
  readonly address: (typeof inetDiagMessage)["source" | "destination"];
}

const local: Side = { port: inetDiagMessage.sport, address: inetDiagMessage.source };
const peer: Side = { port: inetDiagMessage.dport, address: inetDiagMessage.destination };

/** The payload of an attribute of at least `size` bytes, or -1. */
function attributePayload(data: DataView, message: number, end: number, type: number, size: number): number {
  const at = findAttribute(data, message + INET_DIAG_MESSAGE_SIZE, end, type);
  return at < 0 || data.getUint16(at, true) < NLA_HDRLEN + size ? -1 : at + NLA_HDRLEN;
}

/** The socket's mark; 0 if it was not recorded. */
function markOf(data: DataView, message: number, end: number): number {
  const payload = attributePayload(data, message, end, inetAttributes.mark.id, 4);
  return payload < 0 ? 0 : data.getUint32(payload, true);
}

/** The socket's cgroup; 0 if it was not recorded. */
function cgroupOf(data: DataView, message: number, end: number): bigint {
  const payload = attributePayload(data, message, end, inetAttributes.cgroupId.id, 8);
  return payload < 0 ? 0n : data.getBigUint64(payload, true);
}

/** Whether an operation other than AUTO holds for a socket; JMP never does. */
function holds(code: number, program: DataView, at: number, data: DataView, message: number, end: number) {
  const operand = at + OPERATION_BYTES;
  switch (code) {
    case INET_DIAG_BC.JMP:
      return false;
    case INET_DIAG_BC.S_EQ:
      return Number(readField(local.port, data, message)) === portAt(program, operand);
    case INET_DIAG_BC.S_GE:
      return Number(readField(local.port, data, message)) >= portAt(program, operand);
    case INET_DIAG_BC.S_LE:
      return Number(readField(local.port, data, message)) <= portAt(program, operand);
    case INET_DIAG_BC.D_EQ:
      return Number(readField(peer.port, data, message)) === portAt(program, operand);
    case INET_DIAG_BC.D_GE:
      return Number(readField(peer.port, data, message)) >= portAt(program, operand);
    case INET_DIAG_BC.D_LE:
      return Number(readField(peer.port, data, message)) <= portAt(program, operand);
    case INET_DIAG_BC.S_COND:
      return matchesHost(program, operand, data, message, local);
    case INET_DIAG_BC.D_COND:
      return matchesHost(program, operand, data, message, peer);
    case INET_DIAG_BC.DEV_COND:
      return (
        readField(deviceOperand.index, program, operand) ===
        readField(inetDiagMessage.interfaceIndex, data, message)
      );
    case INET_DIAG_BC.MARK_COND: {
      const mark = Number(readField(markOperand.mark, program, operand));
      const mask = Number(readField(markOperand.mask, program, operand));
      return (markOf(data, message, end) & mask) >>> 0 === mark;
    }
    case INET_DIAG_BC.CGROUP_COND:
      return readField(cgroupOperand.id, program, operand) === cgroupOf(data, message, end);
    default:
      return true;
  }
}

/** A port is stored in the 16-bit `no` of a second word. */
function portAt(program: DataView, at: number): number {
  return Number(readField(portOperand.port, program, at));
}

/**
 * Runs a program that {@link checkBytecode} has passed.
 *
 * @param data the datagram
 * @param message offset of the socket's struct inet_diag_msg, which must be complete
 * @param end offset of the end of its attributes
 * @returns whether the socket is accepted; AUTO counts as true
 */
export function runBytecode(program: DataView, data: DataView, message: number, end: number): boolean {
  let at = 0;
  while (at < program.byteLength) {
    const code = Number(readField(bytecodeOperation.code, program, at));
    const next = holds(code, program, at, data, message, end) ? bytecodeOperation.yes : bytecodeOperation.no;
    at += Number(readField(next, program, at));
  }
  return at === program.byteLength;
}
