/**
 * Seals a compiled executable: whoever starts it cannot turn its runtime into another program.
 *
 * Bun reads many environment variables before our first instruction. BUN_BE_BUN=1 makes the executable Bun itself,
 * BUN_OPTIONS=--preload=FILE runs a file, and others write files or change the engine. `sudo -E`, file capabilities and
 * `doas` with keepenv hand these variables to a process with more privileges than the caller has. Bun has no switch for
 * them, and the names are compared in so many ways (strings, inlined bytes, prefixes) that they cannot be blanked in the
 * file reliably. So the executable gets a new entry point: a few instructions that make each such variable an empty
 * string on the stack, and then jump to the real entry point. Everything that reads the environment runs after it.
 *
 * The same instructions deal with two situations in which Bun fails before our first line: a working directory that was
 * deleted (we go to {@link FOLDER}, where no relative path leads anywhere useful, as in a deleted one), and a /proc that
 * is not mounted (one line and status 1, instead of an abort).
 *
 * Usage: bun scripts/seal.ts FILE
 */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

/**
 * Prefixes of the variables that are removed, in whatever letter case: those of Bun, its JavaScript engine and its
 * allocators, of Node as far as Bun imitates it, and of the libraries in Bun that read or write files because of one.
 */
export const removedPrefixes = [
  "BUN_",
  "JSC_",
  "JavaScriptCore",
  "WebKit_",
  "WTF_",
  "mimalloc_",
  "bmalloc",
  "Malloc",
  "Gigacage",
  "PAS_",
  "NODE_",
  "UV_",
  "ICU_",
  "OpenSSL_",
  "SSL_CERT_",
  "SSLKEYLOGFILE",
] as const;

/** A folder that is there whenever /proc is, and where nobody can make files. */
const FOLDER = "/proc/self/task";
/** What is said on standard error without /proc. */
const MESSAGE = "sockscope: /proc is not mounted: mount -t proc proc /proc\n";

/** Instructions for one kind of processor. They are followed by a jump to the real entry point, then by {@link data}. */
interface Stub {
  /** The program: on each line the bytes, then the instruction in the assembler's language. */
  readonly code: string;
  /** Encodes the jump. @param distance bytes from where the instruction begins to the target */
  jump(distance: number): Uint8Array;
}

/** The bit that makes a letter small. It changes `_` too, so both sides are compared with the bit set. */
const LOWER = 0x20;

/** By `e_machine` of the ELF header. elf(5). Both programs do the same. */
export const stubs: Readonly<Record<number, Stub>> = {
  // EM_X86_64. rdx and rsp stay as they are: the C library's start code needs them.
  62: {
    code: `
      488dbc2400f0ffff  leaq -4096(%rsp), %rdi # getcwd(2)
      be00100000        movl $4096, %esi
      b84f000000        movl $79, %eax
      0f05              syscall
      4883f8fe          cmpq $-2, %rax # ENOENT: it was deleted
      750e              jne proc
      488d3d8f000000    leaq folder(%rip), %rdi # chdir(2)
      b850000000        movl $80, %eax
      0f05              syscall
      488d3d81000000    proc: leaq folder(%rip), %rdi # access(2)
      31f6              xorl %esi, %esi
      b815000000        movl $21, %eax
      0f05              syscall
      85c0              testl %eax, %eax
      7424              jz environment
      bf02000000        movl $2, %edi # write(2)
      488d3578000000    leaq message(%rip), %rsi
      ba3a000000        movl $58, %edx
      b801000000        movl $1, %eax
      0f05              syscall
      bf01000000        movl $1, %edi # exit_group(2)
      b8e7000000        movl $231, %eax
      0f05              syscall
      488b3c24          environment: movq (%rsp), %rdi # argc
      488d7cfc10        leaq 16(%rsp,%rdi,8), %rdi # envp
      488b37            next: movq (%rdi), %rsi
      4883c708          addq $8, %rdi
      4885f6            testq %rsi, %rsi
      7434              jz done
      488d1d7e000000    leaq prefixes(%rip), %rbx
      803b00            prefix: cmpb $0, (%rbx) # the end of the table
      74e8              je next
      31c9              xorl %ecx, %ecx
      8a040b            char: movb (%rbx,%rcx), %al
      84c0              testb %al, %al
      741a              jz match
      448a040e          movb (%rsi,%rcx), %r8b
      4180c820          orb $0x20, %r8b
      ffc1              incl %ecx
      4438c0            cmpb %r8b, %al
      74ea              je char
      803b00            skip: cmpb $0, (%rbx)
      488d5b01          leaq 1(%rbx), %rbx
      75f7              jne skip
      ebd8              jmp prefix
      c60600            match: movb $0, (%rsi)
      ebc0              jmp next
      31db              done: xorl %ebx, %ebx`,
    jump(distance) {
      const bytes = Uint8Array.of(0xe9, 0, 0, 0, 0);
      new DataView(bytes.buffer).setInt32(1, checkedRange(distance - bytes.length, 31), true);
      return bytes;
    },
  },
  // EM_AARCH64. x0 and sp stay as they are.
  183: {
    code: `
      df2403d5  hint #38 // a landing pad, where branch targets are enforced
      ef0300aa  mov x15, x0
      e00740d1  sub x0, sp, #4096 // getcwd(2)
      010082d2  mov x1, #4096
      280280d2  mov x8, #17
      010000d4  svc #0
      1f0800b1  cmn x0, #2 // ENOENT: it was deleted
      81000054  b.ne proc
      e0040010  adr x0, folder // chdir(2)
      280680d2  mov x8, #49
      010000d4  svc #0
      600c8092  proc: mov x0, #-100 // faccessat(2)
      61040010  adr x1, folder
      020080d2  mov x2, #0
      080680d2  mov x8, #48
      010000d4  svc #0
      20010034  cbz w0, environment
      400080d2  mov x0, #2 // write(2)
      21040010  adr x1, message
      420780d2  mov x2, #58
      080880d2  mov x8, #64
      010000d4  svc #0
      200080d2  mov x0, #1 // exit_group(2)
      c80b80d2  mov x8, #94
      010000d4  svc #0
      e0030faa  environment: mov x0, x15
      e90340f9  ldr x9, [sp] // argc
      e96f298b  add x9, sp, x9, lsl #3
      29410091  add x9, x9, #16 // envp
      2a8540f8  next: ldr x10, [x9], #8
      0a0200b4  cbz x10, done
      4b040050  adr x11, prefixes
      6c014039  prefix: ldrb w12, [x11] // the end of the table
      8cffff34  cbz w12, next
      ed030aaa  mov x13, x10
      6c154038  char: ldrb w12, [x11], #1
      0c010034  cbz w12, match
      ae154038  ldrb w14, [x13], #1
      ce011b32  orr w14, w14, #0x20
      9f010e6b  cmp w12, w14
      60ffff54  b.eq char
      6c154038  skip: ldrb w12, [x11], #1
      ecffff35  cbnz w12, skip
      f5ffff17  b prefix
      5f010039  match: strb wzr, [x10]
      f0ffff17  b next`,
    // `done:` is the jump itself.
    jump(distance) {
      const word = 0x1400_0000 + ((checkedRange(distance, 27) >> 2) & 0x3ff_ffff);
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, word, true);
      return bytes;
    },
  },
};

/** A signed number of `bits` bits and a sign. @throws RangeError if it does not fit */
function checkedRange(value: number, bits: number): number {
  if (Math.abs(value) >= 2 ** bits) throw new RangeError(`a jump over ${value} bytes is too far`);
  return value;
}

/** The bytes of a stub's program, which are the first word of each line. */
export function assembled(code: string): Uint8Array {
  return Buffer.from(Array.from(code.matchAll(/^ +([0-9a-f]+) /gm), ([, hex]) => hex).join(""), "hex");
}

/** What the programs read: the folder, the message, and the prefixes, NUL-terminated with an empty one at the end. */
export function data(): Uint8Array {
  const prefixes = Buffer.from(`${removedPrefixes.join("\0")}\0\0`);
  const lowered = prefixes.map((byte) => (byte === 0 ? 0 : byte | LOWER));
  return Buffer.concat([Buffer.from(`${FOLDER}\0${MESSAGE}`), lowered]);
}

/** Where struct elf64_hdr and struct elf64_phdr have what is read and written here. linux/elf.h. */
const ELF = { machine: 18, entry: 24, headersOffset: 32, headerSize: 54, headerCount: 56 } as const;
const HEADER = {
  type: 0,
  flags: 4,
  offset: 8,
  address: 16,
  physical: 24,
  fileSize: 32,
  memorySize: 40,
  align: 48,
};
const PT_LOAD = 1;
const PT_NOTE = 4;
/** Readable and executable. */
const PF_RX = 5;
/** The largest page of the processors above. */
const PAGE = 0x1_0000;

/**
 * Adds the stub to an executable, as a segment of its own in place of the notes, which nothing reads at run time.
 *
 * @throws Error if it is not an executable that this can be done with, or has been sealed before
 */
export function sealed(executable: Uint8Array): Uint8Array {
  const file = new DataView(executable.buffer, executable.byteOffset, executable.byteLength);
  if (executable.length < 64 || file.getUint32(0, false) !== 0x7f454c46 || executable[4] !== 2)
    throw new Error("not a 64-bit ELF file");
  const machine = file.getUint16(ELF.machine, true);
  const stub = stubs[machine];
  if (stub === undefined) throw new Error(`there is no entry code for ELF machine ${machine}`);
  const first = Number(file.getBigUint64(ELF.headersOffset, true));
  const size = file.getUint16(ELF.headerSize, true);
  const headers = Array.from(
    { length: file.getUint16(ELF.headerCount, true) },
    (_, index) => first + index * size,
  );
  const ofType = (type: number) => headers.filter((at) => file.getUint32(at + HEADER.type, true) === type);
  const number = (at: number, field: number) => Number(file.getBigUint64(at + field, true));
  const loads = ofType(PT_LOAD);
  // Segments must be in the order of their addresses, so the last header becomes the highest segment.
  const note = ofType(PT_NOTE).at(-1);
  if (note === undefined || loads.some((at) => at > note))
    throw new Error(
      "no program header of notes behind the segments: sealed before, or linked in another way",
    );

  const offset = Math.ceil(executable.length / 16) * 16;
  const end = Math.max(...loads.map((at) => number(at, HEADER.address) + number(at, HEADER.memorySize)));
  const address = Math.ceil(end / PAGE) * PAGE + (offset % PAGE);
  const code = assembled(stub.code);
  const entry = Number(file.getBigUint64(ELF.entry, true));
  const jump = stub.jump(entry - (address + code.length));
  const segment = Buffer.concat([code, jump, data()]);

  const result = new Uint8Array(offset + segment.length);
  result.set(executable);
  result.set(segment, offset);
  const out = new DataView(result.buffer);
  out.setUint32(note + HEADER.type, PT_LOAD, true);
  out.setUint32(note + HEADER.flags, PF_RX, true);
  out.setBigUint64(note + HEADER.offset, BigInt(offset), true);
  for (const field of [HEADER.address, HEADER.physical])
    out.setBigUint64(note + field, BigInt(address), true);
  for (const field of [HEADER.fileSize, HEADER.memorySize])
    out.setBigUint64(note + field, BigInt(segment.length), true);
  out.setBigUint64(note + HEADER.align, BigInt(PAGE), true);
  out.setBigUint64(ELF.entry, BigInt(address), true);
  return result;
}

/** Seals a file in place. Its content is replaced at once, also where the old one is being executed. */
export function seal(path: string): void {
  const temporary = `${path}.sealing`;
  writeFileSync(temporary, sealed(readFileSync(path)), { mode: statSync(path).mode });
  renameSync(temporary, path);
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error("Usage: bun scripts/seal.ts FILE");
  seal(path);
}
