/** The installed libbpf, which ss uses to print values. Tests compare our output with its output. */
import { CString, dlopen, type FFIFunction, JSCallback, type Pointer, ptr } from "bun:ffi";

const LIBRARY = "libbpf.so.1";

/** struct btf_dump_type_data_opts, bpf/btf.h. */
const OPTS = {
  size: 0,
  indentString: 8,
  indentLevel: 16,
  compact: 20,
  skipNames: 21,
  emitZeroes: 22,
  bytes: 24,
};

const TEXT_BYTES = 1 << 16;

function load() {
  const pointer = { args: ["ptr"], returns: "void" } as const satisfies FFIFunction;
  const { symbols } = dlopen(LIBRARY, {
    btf__new: { args: ["ptr", "u32"], returns: "ptr" },
    btf__free: pointer,
    btf_dump__new: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "ptr" },
    btf_dump__free: pointer,
    btf_dump__dump_type_data: { args: ["ptr", "u32", "ptr", "u64", "ptr"], returns: "i32" },
    libbpf_set_print: { args: ["ptr"], returns: "ptr" },
  });
  const { vsnprintf } = dlopen("libc.so.6", {
    vsnprintf: { args: ["ptr", "u64", "ptr", "ptr"], returns: "i32" },
  }).symbols;
  symbols.libbpf_set_print(null);
  return { ...symbols, vsnprintf };
}

const library = (() => {
  try {
    return load();
  } catch {
    return undefined;
  }
})();

/** Why libbpf is not available; undefined if it is. */
export const noLibbpf: string | undefined = library === undefined ? `there is no ${LIBRARY}` : undefined;

/** Print options of a value. */
export interface DumpOptions {
  readonly compact: boolean;
  readonly indent: number;
}

/**
 * The text that libbpf prints for a value, with zeroes.
 *
 * @returns undefined if libbpf rejects the value or is not installed
 */
export function libbpfText(
  blob: Uint8Array,
  type: number,
  value: Uint8Array,
  { compact, indent }: DumpOptions,
): string | undefined {
  if (library === undefined) return undefined;
  const btf = library.btf__new(ptr(blob), blob.length);
  if (btf === null) return undefined;
  let text = "";
  const buffer = new Uint8Array(TEXT_BYTES);
  // A va_list is an array that decays to a pointer, or a struct that is passed by reference.
  const print = new JSCallback(
    (_context: Pointer, format: Pointer, values: Pointer) => {
      library.vsnprintf(ptr(buffer), buffer.length, format, values);
      text += new CString(ptr(buffer)).toString();
    },
    { args: ["ptr", "ptr", "ptr"], returns: "void" },
  );
  const dump = library.btf_dump__new(btf, print.ptr, null, null);
  try {
    if (dump === null) return undefined;
    const opts = new DataView(new ArrayBuffer(OPTS.bytes));
    opts.setBigUint64(OPTS.size, BigInt(OPTS.bytes), true);
    opts.setInt32(OPTS.indentLevel, indent, true);
    opts.setUint8(OPTS.compact, compact ? 1 : 0);
    opts.setUint8(OPTS.emitZeroes, 1);
    // An empty value has no address of its own.
    const room = value.length === 0 ? new Uint8Array(1) : value;
    const result = library.btf_dump__dump_type_data(
      dump,
      type,
      ptr(room),
      value.length,
      ptr(new Uint8Array(opts.buffer)),
    );
    return result < 0 ? undefined : text;
  } finally {
    if (dump !== null) library.btf_dump__free(dump);
    library.btf__free(btf);
    print.close();
  }
}
