/**
 * Operations of the inet_diag filter bytecode, INET_DIAG_REQ_BYTECODE. linux/inet_diag.h.
 *
 * A program is a sequence of `struct inet_diag_bc_op {u8 code, u8 yes, u16 no}`, some followed by operands; a
 * condition jumps forward by `yes` or `no` bytes. The end of the program accepts, four bytes beyond it rejects.
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
