/** The C functions behind the seam: a table of their prototypes, and the {@link Libc} that is built from them. */
import type { Libc } from "./libc.ts";

/** The name of the C library. musl's loader takes glibc's name for its own. */
export const LIBRARY = "libc.so.6";

/** A C type of an argument. */
export type CType = "int" | "unsigned" | "size" | "pointer";

/**
 * Name and arguments of each function. All return an int: also where C says ssize_t, as the kernel moves less than
 * 2 GiB at a time and an int needs no bigint.
 *
 * Variadic functions (fcntl, ioctl, openat, prctl, syscall) are called as if they were not: the ABIs of x86-64 and arm64
 * Linux pass the arguments the same way.
 */
export const prototypes = {
  socket: ["int", "int", "int"],
  bind: ["int", "pointer", "unsigned"],
  getsockname: ["int", "pointer", "pointer"],
  getpeername: ["int", "pointer", "pointer"],
  setsockopt: ["int", "int", "int", "pointer", "unsigned"],
  shutdown: ["int", "int"],
  send: ["int", "pointer", "size", "int"],
  recvfrom: ["int", "pointer", "size", "int", "pointer", "pointer"],
  poll: ["pointer", "size", "int"],
  read: ["int", "pointer", "size"],
  write: ["int", "pointer", "size"],
  close: ["int"],
  fcntl: ["int", "int", "size"],
  ioctl: ["int", "size", "pointer"],
  openat: ["int", "pointer", "int"],
  syscall: ["size", "int", "pointer", "size", "size"],
  readlinkat: ["int", "pointer", "pointer", "size"],
  getxattr: ["pointer", "pointer", "pointer", "size"],
  setns: ["int", "int"],
  unshare: ["int"],
  clock_gettime: ["int", "pointer"],
  mount: ["pointer", "pointer", "pointer", "size", "pointer"],
  umount2: ["pointer", "int"],
  prctl: ["int", "size", "size", "size", "size"],
  capset: ["pointer", "pointer"],
  execve: ["pointer", "pointer", "pointer"],
  __xpg_strerror_r: ["int", "pointer", "size"],
  getnameinfo: ["pointer", "unsigned", "pointer", "unsigned", "pointer", "unsigned", "int"],
  gethostbyname2_r: ["pointer", "int", "pointer", "pointer", "size", "pointer", "pointer"],
} as const satisfies Readonly<Record<string, readonly CType[]>>;

/** The JavaScript type of an argument of each C type. */
export interface Values {
  int: number;
  unsigned: number;
  size: number;
  pointer: Uint8Array | Uint32Array | null;
}

/** The arguments of a prototype. */
type Arguments<Types extends readonly CType[]> = { -readonly [At in keyof Types]: Values[Types[At]] };

/** The C functions, bound through Bun's FFI or koffi. */
export type Functions = {
  readonly [Name in keyof typeof prototypes]: (...values: Arguments<(typeof prototypes)[Name]>) => number;
};

/** The functions that can be called on another thread. */
export const offThreadNames = ["send", "recvfrom"] as const;

/** The same functions, called on another thread. Each resolves to the C result, or -errno. */
export type OffThread = {
  readonly [Name in (typeof offThreadNames)[number]]: (
    ...values: Arguments<(typeof prototypes)[Name]>
  ) => Promise<number>;
};

/**
 * `SYS_getdents64`. Called by number, because musl removed the symbol in 1.2.4 and glibc has no `getdents`.
 * asm/unistd_64.h on x86-64, asm-generic/unistd.h on other 64-bit machines.
 */
const SYS_GETDENTS64 = process.arch === "x64" ? 217 : 61;

/** `SYS_newfstatat`. glibc before 2.33 has no symbol for it. */
const SYS_NEWFSTATAT = process.arch === "x64" ? 262 : 79;

/** `SYS_bpf`. The C library has no function for it. */
const SYS_BPF = process.arch === "x64" ? 321 : 280;

/** `SYS_openat2`, which glibc has no function for before 2.43. The same number everywhere. */
const SYS_OPENAT2 = 437;

/** Offsets in `struct open_how` (linux/openat2.h), and its size. */
const OPEN_HOW = { flags: 0, resolve: 16, size: 24 };
/** Buffers of at most 64 bytes may move, see {@link Libc.address}. */
const FIXED_BYTES = 128;
const ENOENT = 2;
const POINTER_BYTES = 8;

/** Offsets in `struct pollfd` (poll.h), and its size. */
const POLLFD = { fd: 0, events: 4, revents: 6, size: 8 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A NUL-terminated C string. */
function cString(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

/** A C string, or NULL. */
function cStringOrNull(text: string | null): Uint8Array | null {
  return text === null ? null : cString(text);
}

/**
 * Builds the seam from bound C functions.
 *
 * @param errno reads errno; called immediately after the call that failed
 * @param address the memory address of the bytes of a view
 * @param beginWrite see {@link Libc.beginWrite}
 * @param offThread calls on another thread; if left out, they run on this thread, after a turn of the event loop
 */
export function libcOf(
  c: Functions,
  errno: () => number,
  address: (bytes: Uint8Array) => bigint,
  beginWrite: Libc["beginWrite"],
  offThread?: OffThread,
): Libc {
  const pollfd = new Uint8Array(POLLFD.size);
  const pollfdView = new DataView(pollfd.buffer);
  const addressLength = new Uint32Array(1);
  const errorText = new Uint8Array(256);
  const checked = (result: number): number => (result === -1 ? -errno() : result);
  const later = (call: () => number) => new Promise<void>(setImmediate).then(() => checked(call()));
  const { send, recvfrom }: OffThread = offThread ?? {
    send: (...values) => later(() => c.send(...values)),
    recvfrom: (...values) => later(() => c.recvfrom(...values)),
  };
  return {
    socket: (domain, type, protocol) => checked(c.socket(domain, type, protocol)),
    bind: (fd, address) => checked(c.bind(fd, address, address.length)),
    getsockname(fd, address) {
      addressLength[0] = address.length;
      const result = c.getsockname(fd, address, addressLength);
      return result === -1 ? -errno() : addressLength[0];
    },
    getpeername(fd, address) {
      addressLength[0] = address.length;
      const result = c.getpeername(fd, address, addressLength);
      return result === -1 ? -errno() : addressLength[0];
    },
    setsockopt: (fd, level, name, value) => checked(c.setsockopt(fd, level, name, value, value.length)),
    shutdown: (fd, how) => checked(c.shutdown(fd, how)),
    send: (fd, message, flags) => checked(c.send(fd, message, message.length, flags)),
    recvfrom(fd, buffer, flags, address) {
      const size = buffer === null ? 0 : buffer.length;
      if (address === null) return checked(c.recvfrom(fd, buffer, size, flags, null, null));
      addressLength[0] = address.length;
      return checked(c.recvfrom(fd, buffer, size, flags, address, addressLength));
    },
    sendAsync: (fd, message, flags) => send(fd, message, message.length, flags),
    recvfromAsync(fd, buffer, flags, address) {
      const length = address === null ? null : Uint32Array.of(address.length);
      return recvfrom(fd, buffer, buffer === null ? 0 : buffer.length, flags, address, length);
    },
    poll(fd, events, timeoutMs) {
      pollfdView.setInt32(POLLFD.fd, fd, true);
      pollfdView.setInt16(POLLFD.events, events, true);
      const result = c.poll(pollfd, 1, timeoutMs);
      return result === -1 ? -errno() : pollfdView.getInt16(POLLFD.revents, true);
    },
    read: (fd, buffer) => checked(c.read(fd, buffer, buffer.length)),
    write: (fd, bytes) => checked(c.write(fd, bytes, bytes.length)),
    beginWrite,
    close: (fd) => checked(c.close(fd)),
    fcntl: (fd, command, argument) => checked(c.fcntl(fd, command, argument)),
    ioctl: (fd, request, argument) => checked(c.ioctl(fd, request, argument)),
    openat: (directory, path, flags) => checked(c.openat(directory, cString(path), flags)),
    getdents64: (fd, buffer) => checked(c.syscall(SYS_GETDENTS64, fd, buffer, buffer.length, 0)),
    fstatat(directory, path, status, flags) {
      const result = c.syscall(SYS_NEWFSTATAT, directory, cString(path), Number(address(status)), flags);
      return checked(result);
    },
    openat2(directory, path, flags, resolve) {
      const how = new Uint8Array(FIXED_BYTES);
      const view = new DataView(how.buffer);
      view.setUint32(OPEN_HOW.flags, flags, true);
      view.setUint32(OPEN_HOW.resolve, resolve, true);
      const at = Number(address(how));
      return checked(c.syscall(SYS_OPENAT2, directory, cString(path), at, OPEN_HOW.size));
    },
    readlinkat: (directory, path, buffer) => checked(c.readlinkat(directory, path, buffer, buffer.length)),
    getxattr: (path, name, value) => checked(c.getxattr(cString(path), cString(name), value, value.length)),
    bpf: (command, attributes) => checked(c.syscall(SYS_BPF, command, attributes, attributes.length, 0)),
    address,
    setns: (fd, type) => checked(c.setns(fd, type)),
    clockGettime: (clock, time) => checked(c.clock_gettime(clock, time)),
    unshare: (flags) => checked(c.unshare(flags)),
    mount: (source, target, type, flags) =>
      checked(c.mount(cStringOrNull(source), cString(target), cStringOrNull(type), flags, null)),
    umount: (target, flags) => checked(c.umount2(cString(target), flags)),
    prctl: (option, ...values) => {
      const [second = 0, third = 0] = values;
      return checked(c.prctl(option, second, third, 0, 0));
    },
    capset: (header, data) => checked(c.capset(header, data)),
    execve(path, args, env) {
      const strings: Uint8Array[] = [];
      const table = (texts: readonly Uint8Array[]) => {
        const bytes = new Uint8Array(FIXED_BYTES + texts.length * POINTER_BYTES);
        const view = new DataView(bytes.buffer);
        for (const [index, text] of texts.entries()) {
          const string = new Uint8Array(FIXED_BYTES + text.length);
          string.set(text);
          strings.push(string);
          view.setBigUint64(index * POINTER_BYTES, address(string), true);
        }
        return bytes;
      };
      const failed = checked(c.execve(cString(path), table(args), table(env)));
      // The strings are referenced until here, so they stay where they are.
      strings.length = 0;
      return failed;
    },
    getnameinfo: (address, host, flags) =>
      c.getnameinfo(address, address.length, host, host.length, null, 0, flags),
    gethostbyname2(name, family, entry, strings) {
      const pointers = new Uint8Array(16);
      const failed = c.gethostbyname2_r(
        name,
        family,
        entry,
        strings,
        strings.length,
        pointers.subarray(0, 8),
        pointers.subarray(8),
      );
      // A name without an entry is no error: the result is NULL then.
      return failed !== 0 || pointers.subarray(0, 8).some((byte) => byte !== 0) ? failed : ENOENT;
    },
    strerror(errno) {
      c.__xpg_strerror_r(errno, errorText, errorText.length);
      return decoder.decode(errorText.subarray(0, errorText.indexOf(0)));
    },
  };
}
