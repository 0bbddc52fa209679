/** libc through bun:ffi. */
import { dlopen, type FFITypeOrString, type Pointer, ptr, read } from "bun:ffi";
import { type CType, type Functions, LIBRARY, libcOf, prototypes } from "./functions.ts";
import type { Libc } from "./libc.ts";

const ffiTypes: Readonly<Record<CType, FFITypeOrString>> = {
  int: "i32",
  unsigned: "u32",
  size: "u64",
  pointer: "ptr",
};

// All at once: a symbol costs about 5 µs, and groups bound on demand did not show in the start-up time.
const symbols = Object.fromEntries(
  Object.entries(prototypes).map(([name, types]: [string, readonly CType[]]) => [
    name,
    { args: types.map((type) => ffiTypes[type]), returns: "i32" as const },
  ]),
);
const library = dlopen(LIBRARY, { ...symbols, __errno_location: { args: [], returns: "ptr" } });

// Where errno is does not change in the life of a thread, and each thread loads its own modules.
const errnoLocation = (library.symbols.__errno_location as () => Pointer)();

/** The seam, on Bun. */
export const libc: Libc = libcOf(
  library.symbols as unknown as Functions,
  () => read.i32(errnoLocation, 0),
  (bytes) => BigInt(ptr(bytes)),
);
