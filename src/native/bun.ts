/** The C library through bun:ffi, and what else only Bun has. */
import { dlopen, type FFITypeOrString, type Pointer, ptr, read } from "bun:ffi";
import { type AioFunctions, aioPrototypes, writesAside } from "./aio.ts";
import type { Builtins } from "./builtins.ts";
import { type CType, type Functions, LIBRARY, libcOf, prototypes } from "./functions.ts";
import type { Libc } from "./libc.ts";

const ffiTypes: Readonly<Record<CType, FFITypeOrString>> = {
  int: "i32",
  unsigned: "u32",
  size: "u64",
  pointer: "ptr",
};

/** What bun:ffi needs to know of a C function. */
interface Signature {
  readonly args: FFITypeOrString[];
  readonly returns: FFITypeOrString;
}

/** Adds what bun:ffi needs to know of functions that return an int. A symbol costs about 5 µs. */
function addSignatures(
  all: Record<string, Signature>,
  table: Readonly<Record<string, readonly CType[]>>,
): Record<string, Signature> {
  for (const name in table) {
    const args: FFITypeOrString[] = [];
    for (const type of table[name]!) args.push(ffiTypes[type]);
    all[name] = { args, returns: "i32" };
  }
  return all;
}

const addressOf = (bytes: Uint8Array): bigint => BigInt(ptr(bytes));

/** The functions of aio(7), which few runs need. */
function bindAio(): AioFunctions | undefined {
  try {
    return dlopen(LIBRARY, addSignatures({}, aioPrototypes)).symbols as unknown as AioFunctions;
  } catch {
    return undefined;
  }
}

/** Binds the C library. @throws an Error that says why it cannot be bound */
function bind(): Libc {
  let library: ReturnType<typeof dlopen<Record<string, Signature>>>;
  try {
    // Binding groups of them on demand did not make the start faster.
    const errno: Record<string, Signature> = { __errno_location: { args: [], returns: "ptr" } };
    library = dlopen(LIBRARY, addSignatures(errno, prototypes));
  } catch (cause) {
    const why = /JIT/.test((cause as Error).message)
      ? "this process may not make memory executable (MemoryDenyWriteExecute, SELinux execmem or a memory limit)"
      : (cause as Error).message.replace(/\s+/g, " ");
    throw new Error(`cannot call the C library: ${why}`, { cause });
  }
  // Where errno is does not change in the life of a thread, and each thread loads its own modules.
  const errnoLocation = (library.symbols["__errno_location"] as unknown as () => Pointer)();
  return libcOf(
    library.symbols as unknown as Functions,
    () => read.i32(errnoLocation, 0),
    addressOf,
    writesAside(bindAio, addressOf),
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

/** A module of Node, loaded at the first call: loading node:fs takes a fifth of a short run. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return process.getBuiltinModule(name);
}

type AnyFunction = (...values: never[]) => unknown;

/** The functions that are to be kept out of the last tier; undefined once {@link expectLongRun} has been called. */
let kept: AnyFunction[] | undefined = [];

/**
 * Keeps functions out of the last tier of the just-in-time compiler. A listing is over before that tier pays off: on
 * two cores its compiler threads take more time than the compiled code saves.
 */
export function keepOutOfLastTier(...functions: readonly AnyFunction[]): void {
  if (kept === undefined) keepOut(functions);
  else for (const each of functions) kept.push(each);
}

function keepOut(functions: readonly AnyFunction[]): void {
  const { noFTL } = require("bun:jsc") as typeof import("bun:jsc");
  for (const each of functions) noFTL(each as (...values: unknown[]) => unknown);
}

/**
 * Lets the just-in-time compiler work at its usual thresholds. The executable starts with much higher ones, because
 * compiling costs a short run more than it saves.
 */
export function expectLongRun(): void {
  if (kept === undefined) return;
  keepOut(kept);
  kept = undefined;
  // Bun has this function only since 1.4.
  (Bun.unsafe as { setJITPolicy?(scale: number): void }).setJITPolicy?.(1);
}
