/**
 * The one native seam: every call into libc that Sockscope makes.
 *
 * The `#libc` import has two implementations, chosen by the conditions in package.json: `bun:ffi` on Bun, koffi on
 * Node. Each function returns what the C function returns, or the negated errno where C returns -1. That is the
 * kernel's own convention, and the hot path neither throws nor makes a second call.
 *
 * A buffer may be a subarray: the call sees only the bytes of the view.
 */
export interface Libc {
  /** socket(2). @returns a file descriptor, or -errno. */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) to a sockaddr given as bytes. @returns 0 or -errno. */
  bind(fd: number, address: Uint8Array): number;
  /** getsockname(2) into `address`. @returns the length of the address in bytes, or -errno. */
  getsockname(fd: number, address: Uint8Array): number;
  /** getpeername(2) into `address`. @returns the length of the address in bytes, or -errno. */
  getpeername(fd: number, address: Uint8Array): number;
  /** setsockopt(2). @returns 0 or -errno. */
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** shutdown(2). @param how 0 ends receiving, 1 sending, 2 both. @returns 0 or -errno. */
  shutdown(fd: number, how: number): number;
  /** send(2). @returns bytes sent, or -errno. */
  send(fd: number, message: Uint8Array, flags: number): number;
  /**
   * recvfrom(2). A null buffer receives nothing: with MSG_PEEK | MSG_TRUNC the call returns the size.
   *
   * @param address receives the sender's sockaddr, as far as it fits; null if it is not needed
   * @returns bytes, or -errno.
   */
  recvfrom(fd: number, buffer: Uint8Array | null, flags: number, address: Uint8Array | null): number;
  /**
   * {@link Libc.send} on another thread, while the event loop goes on. Bun has no such calls: there it runs on this
   * thread, after a turn of the event loop, so the call must not wait for anything that this thread does.
   */
  sendAsync(fd: number, message: Uint8Array, flags: number): Promise<number>;
  /** {@link Libc.recvfrom}, likewise. Do not touch the buffers until it resolves. */
  recvfromAsync(
    fd: number,
    buffer: Uint8Array | null,
    flags: number,
    address: Uint8Array | null,
  ): Promise<number>;
  /** poll(2) on one descriptor. @returns the events that are ready (0 at the time-out), or -errno. */
  poll(fd: number, events: number, timeoutMs: number): number;
  /** read(2). @returns bytes read, 0 at the end, or -errno. */
  read(fd: number, buffer: Uint8Array): number;
  /** write(2). @returns bytes written, or -errno. */
  write(fd: number, bytes: Uint8Array): number;
  /**
   * {@link Libc.write} on a thread of the C library, while this one goes on. The bytes are copied. Neither close nor
   * reuse the descriptor before the returned function has returned.
   *
   * @returns waits for the call to end, and gives its result, or -errno; undefined if nothing has begun, because the C
   *   library cannot do this or has no thread left. Call it once.
   */
  beginWrite(fd: number, bytes: Uint8Array): (() => number) | undefined;
  /** close(2). @returns 0 or -errno. */
  close(fd: number): number;
  /** fcntl(2) of a command whose argument is a number. @returns the C result, or -errno. */
  fcntl(fd: number, command: number, argument: number): number;
  /** ioctl(2) with a pointer argument. @returns the C result, or -errno. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** openat(2). @returns a file descriptor, or -errno. */
  openat(directory: number, path: string, flags: number): number;
  /**
   * openat2(2) of a file to read.
   *
   * @param resolve RESOLVE_* of linux/openat2.h
   * @returns a file descriptor, or -errno: -ENOSYS before Linux 5.6
   */
  openat2(directory: number, path: string, flags: number, resolve: number): number;
  /**
   * fstatat(2), as the kernel's own struct stat has it.
   *
   * @param status receives the struct; at least 144 bytes
   * @returns 0 or -errno
   */
  fstatat(directory: number, path: string, status: Uint8Array, flags: number): number;
  /** getdents64(2). @returns bytes filled, 0 at the end, or -errno. */
  getdents64(fd: number, buffer: Uint8Array): number;
  /** readlinkat(2); `path` is NUL-terminated bytes. @returns bytes filled, or -errno. */
  readlinkat(directory: number, path: Uint8Array, buffer: Uint8Array): number;
  /** getxattr(2), links followed. @returns bytes filled, or -errno. */
  getxattr(path: string, name: string, value: Uint8Array): number;
  /**
   * bpf(2). @param attributes union bpf_attr, up to the last member that the command uses
   *
   * @returns the result of the command, for some a file descriptor, or -errno
   */
  bpf(command: number, attributes: Uint8Array): number;
  /**
   * The address of bytes, for structs that point at them. It stays valid while the view is referenced, if it is a view of
   * an ArrayBuffer made before. Of other views, the engines may move those of at most 64 bytes, and Bun moves those of at
   * most 1,000 when `buffer` or `subarray` first makes them a buffer.
   */
  address(bytes: Uint8Array): bigint;
  /** setns(2). @returns 0 or -errno. */
  setns(fd: number, type: number): number;
  /** clock_gettime(2) into a struct timespec: seconds and nanoseconds, 64 bits each. @returns 0 or -errno. */
  clockGettime(clock: number, time: Uint8Array): number;
  /** unshare(2). @returns 0 or -errno. */
  unshare(flags: number): number;
  /** mount(2); null stands for a NULL argument. @returns 0 or -errno. */
  mount(source: string | null, target: string, type: string | null, flags: number): number;
  /** umount2(2). @returns 0 or -errno. */
  umount(target: string, flags: number): number;
  /** prctl(2) with one or two further arguments. It is about the calling thread. @returns the C result, or -errno. */
  prctl(option: number, second: number, third?: number): number;
  /** capset(2) of the calling thread. @returns 0 or -errno. */
  capset(header: Uint8Array, data: Uint8Array): number;
  /**
   * execve(2): replaces the process, with all of its threads, by a program.
   *
   * @param args its arguments, its name first, without NULs
   * @param env `NAME=VALUE`, likewise
   * @returns -errno; not at all if it succeeds
   */
  execve(path: string, args: readonly Uint8Array[], env: readonly Uint8Array[]): number;
  /**
   * getnameinfo(3) for the name of a host, which may wait for a name server.
   *
   * @param address a struct sockaddr
   * @param host where the name goes, with a NUL behind it
   * @returns 0, or one of EAI_*
   */
  getnameinfo(address: Uint8Array, host: Uint8Array, flags: number): number;
  /**
   * gethostbyname2_r(3), which may wait for a name server.
   *
   * @param name NUL-terminated bytes
   * @param entry where the struct hostent goes; its pointers point into `strings`
   * @returns 0, or a positive errno: ENOENT if the name has no address, ERANGE if `strings` is too small
   */
  gethostbyname2(name: Uint8Array, family: number, entry: Uint8Array, strings: Uint8Array): number;
  /** strerror(3) in the C locale, for a positive errno. */
  strerror(errno: number): string;
}

/** `dirfd` that means the current directory. linux/fcntl.h. */
export const AT_FDCWD = -100;

/** The flag of open(2) for directories alone. asm-generic/fcntl.h, and asm/fcntl.h of arm64. */
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;

/** The errnos that callers distinguish. asm-generic/errno-base.h, asm-generic/errno.h. */
export const EINTR = 4;
export const EAGAIN = 11;
export const EMSGSIZE = 90;
