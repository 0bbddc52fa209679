/** The C library through bun:ffi, and what else only Bun has. */
import { dlopen, type FFITypeOrString, type Pointer, ptr, read } from "bun:ffi";
import { noFTL } from "bun:jsc";
import { type CType, type Functions, LIBRARY, libcOf, prototypes } from "./functions.ts";
import type { Libc } from "./libc.ts";

const ffiTypes: Readonly<Record<CType, FFITypeOrString>> = {
  int: "i32",
  unsigned: "u32",
  size: "u64",
  pointer: "ptr",
};

// All at once: a symbol costs about 5 µs, and binding groups on demand did not make the start faster.
const symbols = Object.fromEntries(
  Object.entries(prototypes).map(([name, types]: [string, readonly CType[]]) => [
    name,
    { args: types.map((type) => ffiTypes[type]), returns: "i32" as const },
  ]),
);
const signatures = { ...symbols, __errno_location: { args: [], returns: "ptr" } } as const;

/** Binds the C library. @throws an Error that says why it cannot be bound */
function bind(): Libc {
  let library: ReturnType<typeof dlopen<typeof signatures>>;
  try {
    library = dlopen(LIBRARY, signatures);
  } catch (cause) {
    const why = /JIT/.test((cause as Error).message)
      ? "this process may not make memory executable (MemoryDenyWriteExecute, SELinux execmem or a memory limit)"
      : (cause as Error).message.replace(/\s+/g, " ");
    throw new Error(`cannot call the C library: ${why}`, { cause });
  }
  // Where errno is does not change in the life of a thread, and each thread loads its own modules.
  const errnoLocation = (library.symbols.__errno_location as () => Pointer)();
  return libcOf(
    library.symbols as unknown as Functions,
    () => read.i32(errnoLocation, 0),
    (bytes) => BigInt(ptr(bytes)),
  );
}

/** A libc whose every call throws, so that the error is caught and reported, instead of a stack trace while loading. */
function unbound(problem: unknown): Libc {
  return new Proxy({} as Libc, {
    get() {
      throw problem;
    },
  });
}

function bindOrNot(): Libc {
  try {
    return bind();
  } catch (problem) {
    return unbound(problem);
  }
}

/** The seam, on Bun. */
export const libc: Libc = bindOrNot();

/**
 * Keeps functions out of the last tier of the just-in-time compiler. A listing is over before that tier pays off: on
 * two cores its compiler threads take more time than the compiled code saves.
 */
export function keepOutOfLastTier(...functions: readonly ((...values: never[]) => unknown)[]): void {
  for (const each of functions) noFTL(each as (...values: unknown[]) => unknown);
}
