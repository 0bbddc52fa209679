/** The filter bytecode of inet_diag: INET_DIAG_REQ_BYTECODE. linux/inet_diag.h. */
import type { Layout } from "../../../bytes/layout.ts";

/**
 * The operations. A program is a sequence of struct inet_diag_bc_op, some followed by operands. A condition jumps
 * forward by `yes` or `no` bytes. A jump to the end of the program accepts; four bytes beyond the end rejects.
 */
export const INET_DIAG_BC = {
  NOP: 0,
  JMP: 1,
  S_GE: 2,
  S_LE: 3,
  D_GE: 4,
  D_LE: 5,
  AUTO: 6,
  S_COND: 7,
  D_COND: 8,
  DEV_COND: 9,
  MARK_COND: 10,
  S_EQ: 11,
  D_EQ: 12,
  CGROUP_COND: 13,
} as const;

/** struct inet_diag_bc_op. */
export const bytecodeOperation = {
  code: { offset: 0, type: "u8", kernel: "code", doc: "INET_DIAG_BC_*" },
  yes: {
    offset: 1,
    type: "u8",
    unit: "bytes",
    kernel: "yes",
    doc: "distance to the next operation if the condition holds",
  },
  no: {
    offset: 2,
    type: "u16",
    unit: "bytes",
    kernel: "no",
    doc: "distance to the next operation if it does not hold",
  },
} as const satisfies Layout;

/** The operand of S_GE and the other port operations: a second struct inet_diag_bc_op, whose `no` is the port. */
export const portOperand = {
  port: { offset: 2, type: "u16", kernel: "no", doc: "port" },
} as const satisfies Layout;

/** struct inet_diag_hostcond; 0, 4 or 16 bytes of address follow. */
export const hostOperand = {
  family: { offset: 0, type: "u8", kernel: "family", doc: "AF_*; AF_UNSPEC matches every address" },
  prefixLength: { offset: 1, type: "u8", kernel: "prefix_len", doc: "leading bits that must agree" },
  port: { offset: 4, type: "i32", kernel: "port", doc: "-1 matches every port" },
} as const satisfies Layout;

/** struct inet_diag_markcond. */
export const markOperand = {
  mark: { offset: 0, type: "u32", kernel: "mark", doc: "mark to compare with" },
  mask: { offset: 4, type: "u32", kernel: "mask", doc: "mask of the bits to compare" },
} as const satisfies Layout;

/** The operand of DEV_COND. */
export const deviceOperand = {
  index: { offset: 0, type: "u32", doc: "interface index" },
} as const satisfies Layout;

/** The operand of CGROUP_COND. */
export const cgroupOperand = {
  id: { offset: 0, type: "id64", doc: "cgroup v2 id" },
} as const satisfies Layout;
