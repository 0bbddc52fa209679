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

/** Instructions for one kind of processor. The table of prefixes follows them at once. */
interface Stub {
  /** The program, whose last instruction jumps to the real entry point. */
  readonly code: string;
  /** Encodes that last instruction. @param distance bytes from where the instruction begins to the target */
  jump(distance: number): Uint8Array;
}

/** The bit that makes a letter small. It changes `_` too, so both sides are compared with the bit set. */
const LOWER = 0x20;

/** By `e_machine` of the ELF header. elf(5). Each program is the same loop over envp and the prefixes. */
const stubs: Readonly<Record<number, Stub>> = {
  // EM_X86_64. rdx and rsp stay as they are: the C library's start code needs them.
  62: {
    code: `
      488b3c24        movq (%rsp), %rdi            # argc
      488d7cfc10      leaq 16(%rsp,%rdi,8), %rdi   # envp
      488b37          next: movq (%rdi), %rsi
      4883c708        addq $8, %rdi
      4885f6          testq %rsi, %rsi
      7434            jz done
      488d1d34000000  leaq prefixes(%rip), %rbx
      803b00          prefix: cmpb $0, (%rbx)      # end of the table
      74e8            je next
      31c9            xorl %ecx, %ecx
      8a040b          char: movb (%rbx,%rcx), %al
      84c0            testb %al, %al
      741a            jz match
      448a040e        movb (%rsi,%rcx), %r8b
      4180c820        orb $0x20, %r8b
      ffc1            incl %ecx
      4438c0          cmpb %r8b, %al
      74ea            je char
      803b00          skip: cmpb $0, (%rbx)
      488d5b01        leaq 1(%rbx), %rbx
      75f7            jne skip
      ebd8            jmp prefix
      c60600          match: movb $0, (%rsi)
      ebc0            jmp next
      31db            done: xorl %ebx, %ebx`,
    jump(distance) {
      const bytes = Uint8Array.of(0xe9, 0, 0, 0, 0);
      new DataView(bytes.buffer).setInt32(1, checkedRange(distance - bytes.length, 31), true);
      return bytes;
    },
  },
  // EM_AARCH64. x0 and sp stay as they are.
  183: {
    code: `
      df2403d5  hint #38                 // a landing pad, where branch targets are enforced
      e90340f9  ldr x9, [sp]             // argc
      e96f298b  add x9, sp, x9, lsl #3
      29410091  add x9, x9, #16          // envp
      2a8540f8  next: ldr x10, [x9], #8
      0a0200b4  cbz x10, done
      0b020010  adr x11, prefixes
      6c014039  prefix: ldrb w12, [x11]  // end of the table
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
function assembled(code: string): Uint8Array {
  return Buffer.from(Array.from(code.matchAll(/^ +([0-9a-f]+) /gm), ([, hex]) => hex).join(""), "hex");
}

/** The prefixes as the stubs read them: NUL-terminated, an empty one at the end. */
function prefixTable(): Uint8Array {
  const text = `${removedPrefixes.join("\0")}\0\0`;
  return Buffer.from(text).map((byte) => (byte === 0 ? 0 : byte | LOWER));
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
  const data = new DataView(executable.buffer, executable.byteOffset, executable.byteLength);
  if (executable.length < 64 || data.getUint32(0, false) !== 0x7f454c46 || executable[4] !== 2)
    throw new Error("not a 64-bit ELF file");
  const machine = data.getUint16(ELF.machine, true);
  const stub = stubs[machine];
  if (stub === undefined) throw new Error(`there is no entry code for ELF machine ${machine}`);
  const first = Number(data.getBigUint64(ELF.headersOffset, true));
  const size = data.getUint16(ELF.headerSize, true);
  const headers = Array.from(
    { length: data.getUint16(ELF.headerCount, true) },
    (_, index) => first + index * size,
  );
  const ofType = (type: number) => headers.filter((at) => data.getUint32(at + HEADER.type, true) === type);
  const number = (at: number, field: number) => Number(data.getBigUint64(at + field, true));
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
  const entry = Number(data.getBigUint64(ELF.entry, true));
  const jump = stub.jump(entry - (address + code.length));
  const segment = Buffer.concat([code, jump, prefixTable()]);

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
