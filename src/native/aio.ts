/** Writes on threads of the C library: POSIX asynchronous I/O. aio(7). */
import type { CType, Values } from "./functions.ts";
import type { Libc } from "./libc.ts";

/** The C functions. glibc before 2.34 has them in another library, which we do not load. */
export const aioPrototypes = {
  aio_write: ["pointer"],
  aio_error: ["pointer"],
  aio_return: ["pointer"],
  aio_suspend: ["pointer", "int", "pointer"],
} as const satisfies Readonly<Record<string, readonly CType[]>>;

/** The same functions, bound through Bun's FFI or koffi. */
export type AioFunctions = Readonly<
  Record<"aio_write" | "aio_error" | "aio_return", (block: Values["pointer"]) => number> & {
    aio_suspend(list: Values["pointer"], count: number, timeout: Values["pointer"]): number;
  }
>;

/** Offsets in `struct aiocb` (aio.h), and more bytes than glibc's or musl's has. What is not set is zero. */
const AIOCB = { fd: 0, buffer: 16, length: 24, notify: 44, size: 256 };
/** sigevent.h. */
const SIGEV_NONE = 1;
const EINPROGRESS = 115;
const POINTER_BYTES = 8;

/**
 * Makes {@link Libc.beginWrite}.
 *
 * @param bind gives the functions at the first call; undefined if the C library lacks them
 */
export function writesAside(
  bind: () => AioFunctions | undefined,
  address: (bytes: Uint8Array) => bigint,
): Libc["beginWrite"] {
  let c: AioFunctions | undefined;
  let isBound = false;
  /** Blocks of writes under way, which must not be freed. */
  const pending = new Set<Uint8Array>();
  return (fd, bytes) => {
    if (!isBound) c = bind();
    isBound = true;
    if (c === undefined) return undefined;
    const { aio_write, aio_error, aio_return, aio_suspend } = c;
    // See Libc.address.
    const memory = new ArrayBuffer(AIOCB.size + bytes.length);
    const block = new Uint8Array(memory);
    block.set(bytes, AIOCB.size);
    const at = address(block);
    const fields = new DataView(memory);
    fields.setInt32(AIOCB.fd, fd, true);
    fields.setBigUint64(AIOCB.buffer, at + BigInt(AIOCB.size), true);
    fields.setBigUint64(AIOCB.length, BigInt(bytes.length), true);
    fields.setInt32(AIOCB.notify, SIGEV_NONE, true);
    pending.add(block);
    if (aio_write(block) === -1) {
      pending.delete(block);
      return undefined;
    }
    return () => {
      const list = new Uint8Array(new ArrayBuffer(POINTER_BYTES));
      new DataView(list.buffer).setBigUint64(0, at, true);
      let error: number;
      for (;;) {
        error = aio_error(block);
        if (error !== EINPROGRESS) break;
        aio_suspend(list, 1, null);
      }
      const result = aio_return(block);
      pending.delete(block);
      return error === 0 ? result : -error;
    };
  };
}
