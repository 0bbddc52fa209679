/**
 * Filters as inet_diag bytecode, so that the kernel need not send what nobody wants. linux/inet_diag.h.
 *
 * Operations jump forward only: past the end of the program accepts, four bytes further rejects. A part of a
 * program therefore falls through to what follows it when it holds, and jumps when it does not.
 */

import { layoutSize, writeField } from "../bytes/layout.ts";
import {
  bytecodeOperation,
  cgroupOperand,
  hostOperand,
  INET_DIAG_BC,
  markOperand,
  portOperand,
} from "../families/inet/layouts/inet-bytecode.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { IPV4_BYTES, wholeAddress } from "./addresses.ts";
import type { AllOperands, Host } from "./operands.ts";
import { isFactKeyword } from "./predicates.ts";
import { type Comparison, comparisons } from "./relations.ts";
import { type AnyKeyword, type Filter, isJoin, type Predicate, predicatesOf } from "./tree.ts";
import { weaken } from "./weaken.ts";

const OPERATION_BYTES = layoutSize(bytecodeOperation);
const HOST_BYTES = layoutSize(hostOperand);
/** Beyond the end by this much is rejection. */
const REJECT = -OPERATION_BYTES;
/** What an attribute can hold besides its header. */
const LIMIT = 0xffff - OPERATION_BYTES;

/** An operation with its operand; where it jumps is filled in when it gets its place. */
function condition(code: number, operandBytes: number, fill: (operand: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(OPERATION_BYTES + operandBytes);
  const data = new DataView(bytes.buffer);
  writeField(bytecodeOperation.code, data, 0, code);
  writeField(bytecodeOperation.yes, data, 0, bytes.length);
  fill(new DataView(bytes.buffer, OPERATION_BYTES));
  return bytes;
}

/** The operations that look at one side of a socket. */
interface SideCodes {
  readonly equal: number;
  readonly atLeast: number;
  readonly atMost: number;
}

const source: SideCodes = {
  equal: INET_DIAG_BC.S_COND,
  atLeast: INET_DIAG_BC.S_GE,
  atMost: INET_DIAG_BC.S_LE,
};
const destination: SideCodes = {
  equal: INET_DIAG_BC.D_COND,
  atLeast: INET_DIAG_BC.D_GE,
  atMost: INET_DIAG_BC.D_LE,
};

function portCondition(code: number, port: number): Uint8Array {
  return condition(code, layoutSize(portOperand), (operand) =>
    // The kernel's ports have 16 bits; ss cuts what is typed down to them.
    writeField(portOperand.port, operand, 0, port),
  );
}

/** The alternatives of a comparison with a host; undefined if the kernel does not know its kind. */
function hostConditions(codes: SideCodes, host: Host, comparison: Comparison): Uint8Array[] | undefined {
  if (host.kind !== "inet" && host.kind !== "name") return undefined;
  if (comparison !== "equal") return [portCondition(codes[comparison], host.port)];
  const addresses = host.kind === "name" ? host.addresses : undefined;
  if (host.kind === "name" && addresses === undefined) return undefined;
  const prefix = host.kind === "inet" ? host.prefix : wholeAddress(addresses![0]!);
  const { address, length } = prefix ?? { address: new Uint8Array(IPV4_BYTES), length: 0 };
  const bytes = condition(codes.equal, HOST_BYTES + address.length, (operand) => {
    if (prefix !== undefined)
      writeField(hostOperand.family, operand, 0, address.length === IPV4_BYTES ? AF_INET : AF_INET6);
    writeField(hostOperand.prefixLength, operand, 0, length);
    writeField(hostOperand.port, operand, 0, host.port);
  });
  bytes.set(address, OPERATION_BYTES + HOST_BYTES);
  // Of several addresses ss says the first, as often as there are addresses.
  return Array.from({ length: addresses?.length ?? 1 }, () => bytes.slice());
}

/** The keywords that the kernel knows, and the conditions that are their alternatives. */
const conditions: {
  readonly [K in AnyKeyword]?: (operand: AllOperands[K], comparison: Comparison) => Uint8Array[] | undefined;
} = {
  src: (host, comparison) => hostConditions(source, host, comparison),
  dst: (host, comparison) => hostConditions(destination, host, comparison),
  sport: (host, comparison) => hostConditions(source, host, comparison),
  dport: (host, comparison) => hostConditions(destination, host, comparison),
  fwmark: ({ mark, mask }) => [
    condition(INET_DIAG_BC.MARK_COND, layoutSize(markOperand), (operand) => {
      writeField(markOperand.mark, operand, 0, mark);
      writeField(markOperand.mask, operand, 0, mask);
    }),
  ],
  cgroup: ({ id }) => [cgroupCondition(id)],
  autobound: () => [condition(INET_DIAG_BC.AUTO, 0, () => {})],
};

function cgroupCondition(id: bigint): Uint8Array {
  return condition(INET_DIAG_BC.CGROUP_COND, layoutSize(cgroupOperand), (operand) =>
    writeField(cgroupOperand.id, operand, 0, id),
  );
}

function conditionsOf<K extends AnyKeyword>({
  kind,
  relation,
  operand,
}: Predicate<K>): Uint8Array[] | undefined {
  return conditions[kind as K]?.(operand, comparisons[relation].comparison);
}

/** A program being written from its end to its beginning; places are counted in bytes before the end. */
class Program {
  readonly #parts: Uint8Array[] = [];
  /** Bytes so far: the place that what is written next falls through to. */
  start = 0;

  /** Puts an operation before the others; it jumps to `target` if it does not hold. */
  prepend(bytes: Uint8Array, target: number): void {
    this.start += bytes.length;
    writeField(bytecodeOperation.no, new DataView(bytes.buffer), 0, this.start - target);
    this.#parts.push(bytes);
  }

  /** Puts a jump to `target` before the others. */
  prependJump(target: number): void {
    this.prepend(
      condition(INET_DIAG_BC.JMP, 0, () => {}),
      target,
    );
  }

  /** The program. */
  bytes(): Uint8Array {
    const whole = new Uint8Array(this.start);
    let at = 0;
    for (const part of this.#parts.toReversed()) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** What is still to be written: a filter and where it goes if it does not hold, or the left side of an `or`. */
type Task =
  | { readonly filter: Filter; readonly reject: number }
  | { readonly either: Filter; readonly end: number };

/** Writes one predicate. @returns whether the kernel knows it */
function prependPredicate(program: Program, predicate: Predicate, reject: number): boolean {
  const alternatives = conditionsOf(predicate);
  if (alternatives === undefined) return false;
  let target = reject;
  if (comparisons[predicate.relation].negated) {
    target = program.start;
    program.prependJump(reject);
  }
  const end = program.start;
  for (const [index, alternative] of alternatives.toReversed().entries()) {
    if (index > 0) {
      target = program.start;
      program.prependJump(end);
    }
    program.prepend(alternative, target);
  }
  return true;
}

/**
 * Compiles a filter to the payload of INET_DIAG_REQ_BYTECODE.
 *
 * @returns undefined if the kernel does not know all of it (`dev`, hosts of other families, names without
 *   addresses), or if it is too long for an attribute; then the whole filter is left to who evaluates it
 */
export function compileBytecode(filter: Filter): Uint8Array | undefined {
  const program = new Program();
  const todo: Task[] = [{ filter, reject: REJECT }];
  for (let task = todo.pop(); task !== undefined; task = todo.pop()) {
    if (program.start > LIMIT) return undefined;
    if ("either" in task) {
      const reject = program.start;
      program.prependJump(task.end);
      todo.push({ filter: task.either, reject });
      continue;
    }
    const { filter: node, reject } = task;
    if (isJoin(node)) {
      const left: Task =
        node.kind === "or" ? { either: node.left, end: program.start } : { filter: node.left, reject };
      todo.push(left, { filter: node.right, reject });
    } else if (node.kind === "not") {
      const end = program.start;
      program.prependJump(reject);
      todo.push({ filter: node.filter, reject: end });
    } else if (!prependPredicate(program, node, reject)) {
      return undefined;
    }
  }
  return program.start > LIMIT ? undefined : program.bytes();
}

/** Whether a filter has predicates that ss does not know. */
export function isBeyondSs(filter: Filter): boolean {
  for (const { kind } of predicatesOf(filter)) if (isFactKeyword(kind)) return true;
  return false;
}

/**
 * The bytecode with which the kernel is asked for the sockets that may pass a filter: where the filter has predicates
 * of our own, what the others say; where it has none, all of it or nothing, as ss does.
 *
 * @returns undefined if the kernel must send every socket
 */
export function compilePrefilter(filter: Filter): Uint8Array | undefined {
  if (!isBeyondSs(filter)) return compileBytecode(filter);
  const known = weaken(filter, (predicate) => conditionsOf(predicate) !== undefined);
  return known && compileBytecode(known);
}

/** A program that only a kernel which can filter by control group accepts; ss asks with it before it does. */
export function cgroupProbe(): Uint8Array {
  const probe = cgroupCondition(0n);
  writeField(bytecodeOperation.no, new DataView(probe.buffer), 0, probe.length - REJECT);
  return probe;
}
