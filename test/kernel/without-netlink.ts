/**
 * Runs a command to which the kernel refuses one netlink protocol, as it does under RestrictAddressFamilies= of systemd.
 *
 * Usage: without-netlink.ts PROTOCOL COMMAND ARGUMENT...
 */
import { dlopen, ptr } from "bun:ffi";

const [protocol, ...command] = process.argv.slice(2);
const { symbols } = dlopen("libc.so.6", {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  execvp: { args: ["ptr", "ptr"], returns: "i32" },
});

/** linux/prctl.h, linux/seccomp.h. */
const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;
const EPROTONOSUPPORT = 93;
/** Offsets in struct seccomp_data. */
const DATA = { number: 0, firstArgument: 16, thirdArgument: 32 };
/** linux/bpf_common.h: load a word, compare, return. */
const BPF = { load: 0x20, equal: 0x15, return: 0x06 };

const AF_NETLINK = 16;
const SYS_SOCKET = process.arch === "x64" ? 41 : 198;

const program: readonly (readonly [code: number, yes: number, no: number, k: number])[] = [
  [BPF.load, 0, 0, DATA.number],
  [BPF.equal, 0, 5, SYS_SOCKET],
  [BPF.load, 0, 0, DATA.firstArgument],
  [BPF.equal, 0, 3, AF_NETLINK],
  [BPF.load, 0, 0, DATA.thirdArgument],
  [BPF.equal, 0, 1, Number(protocol)],
  [BPF.return, 0, 0, SECCOMP_RET_ERRNO | EPROTONOSUPPORT],
  [BPF.return, 0, 0, SECCOMP_RET_ALLOW],
];
const instructions = new DataView(new ArrayBuffer(Math.max(program.length * 8, 96)));
for (const [index, [code, yes, no, k]] of program.entries()) {
  instructions.setUint16(index * 8, code, true);
  instructions.setUint8(index * 8 + 2, yes);
  instructions.setUint8(index * 8 + 3, no);
  instructions.setUint32(index * 8 + 4, k, true);
}
const filter = new BigUint64Array([
  BigInt(program.length),
  BigInt(ptr(instructions.buffer)),
  ...Array(10).fill(0n),
]);
if (symbols.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) throw new Error("Cannot set no_new_privs");
if (symbols.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(filter), 0, 0) < 0)
  throw new Error("Cannot set a seccomp filter");

const words = command.map((word) => Buffer.concat([Buffer.from(word), Buffer.alloc(96)]));
const argv = new BigUint64Array([...words.map((word) => BigInt(ptr(word))), ...Array(16).fill(0n)]);
symbols.execvp(ptr(words[0]!), ptr(argv));
throw new Error(`Cannot run ${command[0]}`);
