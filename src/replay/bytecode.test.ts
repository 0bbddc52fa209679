import { describe, expect, test } from "bun:test";
import { INET_DIAG_BC } from "../families/inet/layouts/inet-bytecode.ts";
import { checkBytecode, needsPortLock, runBytecode } from "./bytecode.ts";

const {
  NOP,
  JMP,
  S_GE,
  S_LE,
  D_GE,
  D_LE,
  AUTO,
  S_COND,
  D_COND,
  DEV_COND,
  MARK_COND,
  S_EQ,
  D_EQ,
  CGROUP_COND,
} = INET_DIAG_BC;

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

/** An operation with its operands. If its condition fails, it jumps beyond the end of a program with this operation alone. */
function op(code: number, operand: readonly number[] = [], no?: number, yes?: number): number[] {
  const length = 4 + operand.length;
  const jump = no ?? length + 4;
  return [code, yes ?? length, jump & 0xff, jump >> 8, ...operand];
}
const u16Word = (value: number): number[] => [0, 0, value & 0xff, (value >> 8) & 0xff];
const u32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];
const u64 = (value: bigint): number[] => [...new Uint8Array(BigUint64Array.of(value).buffer)];
const host = (family: number, bits: number, port: number, address: readonly number[] = []): number[] => [
  family,
  bits,
  0,
  0,
  ...u32(port),
  ...address,
];
const program = (...bytes: number[]): DataView => new DataView(Uint8Array.from(bytes).buffer);

interface Socket {
  family?: number;
  sport?: number;
  dport?: number;
  source?: readonly number[];
  destination?: readonly number[];
  interfaceIndex?: number;
  mark?: number;
  cgroup?: bigint;
}

function runs(code: DataView, socket: Socket): boolean {
  const bytes = new Uint8Array(72 + 8 + 12);
  const data = new DataView(bytes.buffer);
  data.setUint8(0, socket.family ?? AF_INET);
  data.setUint16(4, socket.sport ?? 0);
  data.setUint16(6, socket.dport ?? 0);
  bytes.set(socket.source ?? [], 8);
  bytes.set(socket.destination ?? [], 24);
  data.setUint32(40, socket.interfaceIndex ?? 0, true);
  let end = 72;
  if (socket.mark !== undefined) {
    data.setUint16(end, 8, true);
    data.setUint16(end + 2, 15, true);
    data.setUint32(end + 4, socket.mark, true);
    end += 8;
  }
  if (socket.cgroup !== undefined) {
    data.setUint16(end, 12, true);
    data.setUint16(end + 2, 21, true);
    data.setBigUint64(end + 4, socket.cgroup, true);
    end += 12;
  }
  expect(checkBytecode(code)).toBe(true);
  return runBytecode(code, data, 0, end);
}

describe("runBytecode", () => {
  test("an empty program and NOP accept", () => {
    expect(runs(program(), {})).toBe(true);
    expect(runs(program(...op(NOP)), {})).toBe(true);
  });

  test.each([
    ["S_GE", S_GE, "sport", [false, true, true]],
    ["S_LE", S_LE, "sport", [true, true, false]],
    ["S_EQ", S_EQ, "sport", [false, true, false]],
    ["D_GE", D_GE, "dport", [false, true, true]],
    ["D_LE", D_LE, "dport", [true, true, false]],
    ["D_EQ", D_EQ, "dport", [false, true, false]],
  ] as const)("%s", (_, code, side, wanted) => {
    const results = [442, 443, 444].map((port) => runs(program(...op(code, u16Word(443))), { [side]: port }));
    expect(results).toEqual([...wanted]);
  });

  test("ports have 16 bits: 70000 compares as 4464", () => {
    expect(runs(program(...op(S_GE, u16Word(70000))), { sport: 4463 })).toBe(false);
    expect(runs(program(...op(S_GE, u16Word(70000))), { sport: 4464 })).toBe(true);
  });

  test("not: a jump over the end inverts the result", () => {
    const not = program(...op(S_EQ, u16Word(22), 12), ...op(JMP, [], 8));
    expect(runs(not, { sport: 22 })).toBe(false);
    expect(runs(not, { sport: 23 })).toBe(true);
  });

  test("or: the first part jumps to the end, or on to the second", () => {
    const or = program(...op(S_EQ, u16Word(22), 12), ...op(JMP, [], 12), ...op(D_EQ, u16Word(80)));
    expect(runs(or, { sport: 22 })).toBe(true);
    expect(runs(or, { dport: 80 })).toBe(true);
    expect(runs(or, { sport: 23, dport: 81 })).toBe(false);
  });

  test("host conditions compare as many bits as the prefix has", () => {
    const net = program(...op(S_COND, host(AF_INET, 23, -1, [192, 0, 2, 0])));
    expect(runs(net, { source: [192, 0, 3, 255] })).toBe(true);
    expect(runs(net, { source: [192, 0, 4, 0] })).toBe(false);
    expect(runs(net, { destination: [192, 0, 2, 0] })).toBe(false);
    const whole = program(...op(D_COND, host(AF_INET, 32, -1, [192, 0, 2, 1])));
    expect(runs(whole, { destination: [192, 0, 2, 1] })).toBe(true);
    expect(runs(whole, { destination: [192, 0, 2, 2] })).toBe(false);
    expect(runs(program(...op(S_COND, host(AF_INET, 0, -1, [9, 9, 9, 9]))), {})).toBe(true);
  });

  test("host conditions compare the port unless it is -1", () => {
    const port = program(...op(D_COND, host(AF_UNSPEC, 0, 53)));
    expect(runs(port, { dport: 53, family: AF_INET6 })).toBe(true);
    expect(runs(port, { dport: 54 })).toBe(false);
  });

  test("families have to agree, but v4 patterns match v4-mapped addresses", () => {
    const v4 = program(...op(S_COND, host(AF_INET, 24, -1, [192, 0, 2, 0])));
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7];
    const compatible = mapped.with(10, 0).with(11, 0);
    expect(runs(v4, { family: AF_INET6, source: mapped })).toBe(true);
    expect(runs(v4, { family: AF_INET6, source: mapped.with(14, 3) })).toBe(false);
    expect(runs(v4, { family: AF_INET6, source: compatible })).toBe(false);
    const v6 = program(...op(S_COND, host(AF_INET6, 0, -1, new Array(16).fill(0))));
    expect(runs(v6, { family: AF_INET6 })).toBe(true);
    expect(runs(v6, { family: AF_INET })).toBe(false);
  });

  test("device, mark and cgroup", () => {
    expect(runs(program(...op(DEV_COND, u32(3))), { interfaceIndex: 3 })).toBe(true);
    expect(runs(program(...op(DEV_COND, u32(3))), { interfaceIndex: 2 })).toBe(false);
    const mark = program(...op(MARK_COND, [...u32(0x80000010), ...u32(0xfffffff0)]));
    expect(runs(mark, { mark: 0x80000017 })).toBe(true);
    expect(runs(mark, { mark: 0x80000020 })).toBe(false);
    expect(runs(mark, {})).toBe(false);
    expect(runs(program(...op(MARK_COND, [...u32(0), ...u32(1)])), {})).toBe(true);
    const cgroup = program(...op(CGROUP_COND, u64(98765432101n)));
    expect(runs(cgroup, { cgroup: 98765432101n })).toBe(true);
    expect(runs(cgroup, { mark: 1, cgroup: 98765432102n })).toBe(false);
    expect(runs(cgroup, {})).toBe(false);
  });
});

describe("checkBytecode", () => {
  test.each([
    ["half an operation", [NOP, 4]],
    ["an unknown operation", op(99)],
    ["a missing operand", op(S_EQ)],
    ["a condition cut short", op(S_COND, [AF_INET, 32, 0, 0])],
    ["an address cut short", op(S_COND, host(AF_INET, 32, -1))],
    ["a prefix longer than the address", op(S_COND, host(AF_INET, 33, -1, [1, 2, 3, 4]))],
    ["an unknown family", op(S_COND, host(1, 0, -1))],
    ["a jump to nowhere", op(S_EQ, u16Word(1), 16)],
    ["a jump on the spot", op(JMP, [], 0)],
    ["a jump into an operand", [...op(JMP, [], 8), ...op(S_EQ, u16Word(1))]],
    ["no way on", op(NOP, [], 0, 0)],
    ["a step beyond the end", op(NOP, [], 0, 8)],
    ["an odd step", op(JMP, [], 6)],
  ])("refuses %s", (_, bytes) => {
    expect(checkBytecode(program(...bytes))).toBe(false);
  });

  test("AUTO is found anywhere in a program", () => {
    expect(needsPortLock(program(...op(S_EQ, u16Word(1)), ...op(AUTO)))).toBe(true);
    expect(needsPortLock(program(...op(S_EQ, u16Word(AUTO))))).toBe(false);
  });
});
