/**
 * The sockets of all processes by one file: a BPF iterator over the open files of every task. bpf(2), kernel
 * documentation bpf/bpf_iterators.rst.
 *
 * The kernel runs a program of ours for each open file and collects what it writes. That takes a seventh of the time of
 * a readlink for each descriptor. It needs Linux 5.11 with BTF, and the rights to load such a program.
 */
import { libc } from "#libc";
import { findTypes } from "../btf/find.ts";
import { AF_UNIX } from "../model/family.ts";
import { EAGAIN, EINTR } from "../native/libc.ts";
import { processFile } from "./host.ts";
import { readFile } from "./read.ts";
import { socketLinks } from "./socket-links.ts";

/** The kernel's own types. */
const KERNEL_BTF = "/sys/kernel/btf/vmlinux";

/** enum bpf_cmd, enum bpf_prog_type, enum bpf_attach_type, and helper functions. linux/bpf.h. */
const COMMAND = { programLoad: 5, linkCreate: 28, iteratorCreate: 33 } as const;
const PROG_TYPE_TRACING = 26;
const TRACE_ITER = 28;
const HELPER = { seqWrite: 127, sockFromFile: 162 } as const;

/** Offsets in union bpf_attr for BPF_PROG_LOAD. */
const LOAD = {
  type: 0,
  count: 4,
  instructions: 8,
  license: 16,
  name: 48,
  attachType: 68,
  attachId: 108,
  size: 120,
} as const;

/** Offsets in struct bpf_iter__task_file, and in struct bpf_iter_meta. */
const CONTEXT = { meta: 0, task: 8, fd: 16, file: 24 } as const;
const META_SEQ = 0;

/** The helpers are for programs under a license that allows what the GPL does. The program is under both. */
const LICENSE = "Dual MIT/GPL";
const NAME = "sockscope";
const CAP_SYS_PTRACE = 19n;
/** Buffers of at most 64 bytes may move, see {@link Libc.address}. */
const FIXED_BYTES = 128;

/** Numbers of an entry: the process, the descriptor, the inode of the socket. */
export const found = { pid: 0, fd: 1, inode: 2, size: 3 } as const;

const ENTRY_BYTES = found.size * Uint32Array.BYTES_PER_ELEMENT;
const READ_BYTES = 1 << 18;
const LOAD_ATTEMPTS = 10;

/** Where the kernel has what the program reads. */
interface KernelTypes {
  /** The id of the type of iterators over open files. */
  readonly iterator: number;
  /** Offsets of members. */
  readonly pid: number;
  readonly tgid: number;
  readonly inode: number;
  readonly number: number;
}

function kernelTypes(): KernelTypes | undefined {
  let blob: Uint8Array;
  try {
    blob = readFile(KERNEL_BTF);
  } catch {
    return undefined;
  }
  const types = findTypes(blob, {
    functions: ["bpf_iter_task_file"],
    members: { task_struct: ["pid", "tgid"], file: ["f_inode"], inode: ["i_ino"] },
  });
  const iterator = types?.function("bpf_iter_task_file");
  const pid = types?.member("task_struct", "pid");
  const tgid = types?.member("task_struct", "tgid");
  const inode = types?.member("file", "f_inode");
  const number = types?.member("inode", "i_ino");
  if (iterator === undefined || pid === undefined || tgid === undefined) return undefined;
  return inode === undefined || number === undefined ? undefined : { iterator, pid, tgid, inode, number };
}

/** Opcodes of the BPF machine. linux/bpf.h, linux/bpf_common.h. */
const OP = {
  load32: 0x61,
  load64: 0x79,
  store32: 0x63,
  move: 0xbf,
  set: 0xb7,
  add: 0x07,
  jumpIfEqual: 0x15,
  jumpIfDifferent: 0x5d,
  call: 0x85,
  exit: 0x95,
} as const;

/** An instruction: opcode, destination, source, offset, constant. */
type Instruction = readonly [op: number, to: number, from: number, offset: number, constant: number];

/** In place of the offset of a jump: to the end of the program. */
const END = Number.NaN;

/** The program: writes an entry for a file that is a socket, if it belongs to the first task of its process. */
function program({ pid, tgid, inode, number }: KernelTypes): Uint8Array {
  // r6: the context, r7: the file, r8: the task. The entry is built on the stack, below r10.
  const entry = -16;
  const instructions: Instruction[] = [
    [OP.move, 6, 1, 0, 0],
    [OP.load64, 7, 6, CONTEXT.file, 0],
    [OP.load64, 8, 6, CONTEXT.task, 0],
    [OP.jumpIfEqual, 7, 0, END, 0],
    [OP.jumpIfEqual, 8, 0, END, 0],
    // A thread that shares its process's files does not come; one that does not is none of /proc/PID/fd.
    [OP.load32, 1, 8, pid, 0],
    [OP.load32, 2, 8, tgid, 0],
    [OP.jumpIfDifferent, 1, 2, END, 0],
    [OP.store32, 10, 1, entry + 4 * found.pid, 0],
    [OP.move, 1, 7, 0, 0],
    [OP.call, 0, 0, 0, HELPER.sockFromFile],
    [OP.jumpIfEqual, 0, 0, END, 0],
    [OP.load64, 1, 7, inode, 0],
    [OP.load64, 1, 1, number, 0],
    [OP.store32, 10, 1, entry + 4 * found.inode, 0],
    [OP.load32, 1, 6, CONTEXT.fd, 0],
    [OP.store32, 10, 1, entry + 4 * found.fd, 0],
    [OP.load64, 1, 6, CONTEXT.meta, 0],
    [OP.load64, 1, 1, META_SEQ, 0],
    [OP.move, 2, 10, 0, 0],
    [OP.add, 2, 0, 0, entry],
    [OP.set, 3, 0, 0, ENTRY_BYTES],
    [OP.call, 0, 0, 0, HELPER.seqWrite],
    [OP.set, 0, 0, 0, 0],
    [OP.exit, 0, 0, 0, 0],
  ];
  const end = instructions.length - 2;
  const code = new DataView(new ArrayBuffer(8 * instructions.length));
  for (const [index, [op, to, from, offset, constant]] of instructions.entries()) {
    const at = 8 * index;
    code.setUint8(at, op);
    code.setUint8(at + 1, to | (from << 4));
    code.setInt16(at + 2, Number.isNaN(offset) ? end - index - 1 : offset, true);
    code.setInt32(at + 4, constant, true);
  }
  return new Uint8Array(code.buffer);
}

/** Loads the program. @returns its descriptor, or -errno */
function load(types: KernelTypes): number {
  const code = program(types);
  const license = new Uint8Array(FIXED_BYTES);
  license.set(new TextEncoder().encode(LICENSE));
  const attributes = new Uint8Array(FIXED_BYTES);
  const data = new DataView(attributes.buffer);
  data.setUint32(LOAD.type, PROG_TYPE_TRACING, true);
  data.setUint32(LOAD.count, code.length / 8, true);
  data.setBigUint64(LOAD.instructions, libc.address(code), true);
  data.setBigUint64(LOAD.license, libc.address(license), true);
  attributes.set(new TextEncoder().encode(NAME), LOAD.name);
  data.setUint32(LOAD.attachType, TRACE_ITER, true);
  data.setUint32(LOAD.attachId, types.iterator, true);
  for (let attempt = 1; ; attempt++) {
    const program = libc.bpf(COMMAND.programLoad, attributes.subarray(0, LOAD.size));
    // The kernel stops checking a program when a signal arrives; the runtime's threads signal each other.
    if (program !== -EAGAIN || attempt === LOAD_ATTEMPTS) return program;
  }
}

/** Runs a command whose arguments are numbers. @returns a descriptor, or -errno */
function command(number: number, ...values: number[]): number {
  return libc.bpf(number, new Uint8Array(Uint32Array.from(values).buffer));
}

/** Makes the file of the iterator. @returns its descriptor, or -errno */
function openIterator(types: KernelTypes): number {
  const program = load(types);
  if (program < 0) return program;
  // Program, target, type, flags.
  const link = command(COMMAND.linkCreate, program, 0, TRACE_ITER, 0);
  libc.close(program);
  if (link < 0) return link;
  // Link, flags.
  const iterator = command(COMMAND.iteratorCreate, link, 0);
  libc.close(link);
  return iterator;
}

/** Reads all entries. @returns undefined if a read fails */
function readEntries(iterator: number, likely: number): Uint32Array | undefined {
  let bytes = new Uint8Array(Math.max(READ_BYTES, likely * ENTRY_BYTES));
  let length = 0;
  for (;;) {
    if (length === bytes.length) {
      const grown = new Uint8Array(2 * bytes.length);
      grown.set(bytes);
      bytes = grown;
    }
    const filled = libc.read(iterator, bytes.subarray(length));
    if (filled === 0) return new Uint32Array(bytes.buffer, 0, length >> 2);
    if (filled > 0) length += filled;
    // The kernel pauses after a million files without a socket.
    else if (filled !== -EAGAIN && filled !== -EINTR) return undefined;
  }
}

const SOCK_DGRAM_CLOEXEC = 0x80002;

/**
 * Whether entries have a socket of ours as /proc has it. The kernel counts in process ids of the whole machine, which may
 * not be those of /proc, and its structs might be others than their types say.
 */
function agrees(entries: Uint32Array, root: string, socket: number): boolean {
  let expected = -1;
  socketLinks(`${root}/${process.pid}/fd`, (fd, inode) => {
    if (fd === socket) expected = inode;
  });
  for (let at = 0; at < entries.length; at += found.size)
    if (entries[at + found.pid] === process.pid && entries[at + found.fd] === socket)
      return entries[at + found.inode] === expected;
  return false;
}

/**
 * Whether this process may read the descriptors of any other (CAP_SYS_PTRACE), and nothing restricts its system calls: a
 * seccomp filter may end a process that loads a program. proc(5), capabilities(7), seccomp(2).
 */
function isUnrestricted(root: string): boolean {
  try {
    const status = new TextDecoder().decode(readFile(`${root}/self/status`, processFile));
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    const mayReadAll = ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n;
    return mayReadAll && !/^Seccomp:\s*[12]$/m.test(status);
  } catch {
    return false;
  }
}

/**
 * Lists the sockets of all processes, by process id and then by descriptor.
 *
 * @param root where /proc is
 * @param likely how many there may be
 * @returns {@link found} numbers each; undefined if the kernel cannot do this, or not for us
 */
export function iterateSockets(root: string, likely: number): Uint32Array | undefined {
  if (!isUnrestricted(root)) return undefined;
  const types = kernelTypes();
  if (types === undefined) return undefined;
  const iterator = openIterator(types);
  if (iterator < 0) return undefined;
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  try {
    const entries = readEntries(iterator, likely);
    return entries !== undefined && agrees(entries, root, socket) ? entries : undefined;
  } finally {
    if (socket >= 0) libc.close(socket);
    libc.close(iterator);
  }
}
