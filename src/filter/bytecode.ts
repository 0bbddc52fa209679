/**
 * Compiles filters to inet_diag bytecode, so that the kernel sends only matching sockets. linux/inet_diag.h.
 *
 * Operations jump forward only: to the end of the program to accept a socket, four bytes further to reject it. So each
 * part of a program falls through to the next part if it holds, and jumps if it does not.
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
import { IPV4_BYTES, type Prefix, wholeAddress } from "./addresses.ts";
import type { HostOperand } from "./operands.ts";
import { isFactKeyword } from "./predicates.ts";
import { type Comparison, comparisons } from "./relations.ts";
import { relax } from "./relax.ts";
import {
  type Filter,
  type FilterKeyword,
  type FilterOperands,
  type FilterPredicate,
  isJoin,
  predicatesOf,
} from "./tree.ts";

const OPERATION_BYTES = layoutSize(bytecodeOperation);
const HOST_BYTES = layoutSize(hostOperand);
/** Target of a jump that rejects the socket, in bytes before the end. */
const REJECT = -OPERATION_BYTES;
/** The longest payload of an attribute. */
const LIMIT = 0xffff - OPERATION_BYTES;

/** An operation with its operand. `Program` fills in the jump. */
function condition(code: number, operandBytes: number, fill: (operand: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(OPERATION_BYTES + operandBytes);
  const data = new DataView(bytes.buffer);
  writeField(bytecodeOperation.code, data, 0, code);
  writeField(bytecodeOperation.yes, data, 0, bytes.length);
  fill(new DataView(bytes.buffer, OPERATION_BYTES));
  return bytes;
}

/** The operations on one side of a socket. */
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
    // The field has 16 bits. ss truncates larger ports, too.
    writeField(portOperand.port, operand, 0, port),
  );
}

/** The condition that an address and port match. @param prefix undefined for any address */
function hostCondition(code: number, prefix: Prefix | undefined, port: number): Uint8Array {
  const { address, length } = prefix ?? { address: new Uint8Array(IPV4_BYTES), length: 0 };
  const bytes = condition(code, HOST_BYTES + address.length, (operand) => {
    if (prefix !== undefined)
      writeField(hostOperand.family, operand, 0, address.length === IPV4_BYTES ? AF_INET : AF_INET6);
    writeField(hostOperand.prefixLength, operand, 0, length);
    writeField(hostOperand.port, operand, 0, port);
  });
  bytes.set(address, OPERATION_BYTES + HOST_BYTES);
  return bytes;
}

/** The conditions of a comparison with a host; one of them must hold. Undefined for hosts that are not inet. */
function hostConditions(
  codes: SideCodes,
  host: HostOperand,
  comparison: Comparison,
): Uint8Array[] | undefined {
  if (host.kind !== "inet" && host.kind !== "name") return undefined;
  if (comparison !== "equal") return [portCondition(codes[comparison], host.port)];
  if (host.kind === "inet") return [hostCondition(codes.equal, host.prefix, host.port)];
  return host.addresses?.map((address) => hostCondition(codes.equal, wholeAddress(address), host.port));
}

/** The conditions of each keyword that the kernel supports. One of them must hold. */
const conditions: {
  readonly [K in FilterKeyword]?: (
    operand: FilterOperands[K],
    comparison: Comparison,
  ) => Uint8Array[] | undefined;
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

function conditionsOf<K extends FilterKeyword>({
  kind,
  relation,
  operand,
}: FilterPredicate<K>): Uint8Array[] | undefined {
  return conditions[kind as K]?.(operand, comparisons[relation].comparison);
}

/** A program, written from its end to its beginning. Targets count bytes before the end. */
class Program {
  readonly #parts: Uint8Array[] = [];
  /** Bytes so far, which is also the target of a fall-through from the next operation. */
  start = 0;

  /** Adds an operation at the beginning. It jumps to `target` if it does not hold. */
  prepend(bytes: Uint8Array, target: number): void {
    this.start += bytes.length;
    writeField(bytecodeOperation.no, new DataView(bytes.buffer), 0, this.start - target);
    this.#parts.push(bytes);
  }

  /** Adds a jump at the beginning. */
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

/** The next part to write: a filter with the target of its failure, or the left side of an `or`. */
type Task =
  | { readonly filter: Filter; readonly reject: number }
  | { readonly either: Filter; readonly end: number };

/** Writes one predicate. @returns whether the kernel supports it */
function prependPredicate(program: Program, predicate: FilterPredicate, reject: number): boolean {
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
 * @returns undefined if the kernel does not support all of it (`dev`, hosts of other families, names without
 *   addresses), or if the program is too long for an attribute. Then `compileFilter` must do all of the work.
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

/** Whether a filter has predicates of Sockscope's own. */
export function isBeyondSs(filter: Filter): boolean {
  for (const { kind } of predicatesOf(filter)) if (isFactKeyword(kind)) return true;
  return false;
}

/**
 * The bytecode that makes the kernel send only sockets that may match. A filter with predicates of Sockscope's own is
 * relaxed to what the kernel supports. Any other filter is compiled as a whole or not at all, as in ss.
 *
 * @returns undefined if the kernel must send every socket
 */
export function compilePrefilter(filter: Filter): Uint8Array | undefined {
  if (!isBeyondSs(filter)) return compileBytecode(filter);
  const relaxed = relax(filter, (predicate) => conditionsOf(predicate) !== undefined);
  return relaxed && compileBytecode(relaxed);
}

/** The highest port of the kernel's conditions. */
const HIGHEST_PORT = 0xffff;

/**
 * Whether the kernel's answer to the bytecode of a filter needs no second look. It is so for comparisons of ports, which
 * are the same 16 bits for the kernel and in its messages. Of everything else (marks without CAP_NET_ADMIN, addresses
 * within others, sockets without a file) the kernel may know more or less than it reports.
 */
export function isExact(filter: Filter): boolean {
  for (const predicate of predicatesOf(filter)) {
    if (predicate.kind !== "sport" && predicate.kind !== "dport") return false;
    const operand = predicate.operand as HostOperand;
    if (operand.kind !== "inet" || operand.prefix !== undefined) return false;
    if (operand.port < 0 || operand.port > HIGHEST_PORT) return false;
  }
  return true;
}

/** A program that only kernels with support for control groups accept. ss probes the kernel with it, too. */
export function cgroupProbe(): Uint8Array {
  const probe = cgroupCondition(0n);
  writeField(bytecodeOperation.no, new DataView(probe.buffer), 0, probe.length - REJECT);
  return probe;
}
