/**
 * The one native seam: every call into libc that Sockscope makes.
 *
 * Two forms stand behind the `#libc` import, chosen by package.json conditions: `bun:ffi` on Bun, koffi on
 * Node. Each function returns what the C function returns, or, where that one returns -1, the negated errno
 * (the kernel's own convention), so that the hot path neither throws nor asks twice.
 *
 * A buffer may be a subarray: the call sees the bytes of the view, no more.
 */
export interface Libc {
  /** socket(2). @returns a file descriptor, or -errno. */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) to a sockaddr given as bytes. @returns 0 or -errno. */
  bind(fd: number, address: Uint8Array): number;
  /** getsockname(2) into `address`. @returns the length of the address in bytes, or -errno. */
  getsockname(fd: number, address: Uint8Array): number;
  /** setsockopt(2). @returns 0 or -errno. */
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** send(2). @returns bytes sent, or -errno. */
  send(fd: number, message: Uint8Array, flags: number): number;
  /**
   * recvfrom(2). A null buffer receives nothing: with MSG_PEEK | MSG_TRUNC it asks for the size.
   *
   * @param address where the sender's sockaddr is written, as far as it fits; null if nobody asks
   * @returns bytes, or -errno.
   */
  recvfrom(fd: number, buffer: Uint8Array | null, flags: number, address: Uint8Array | null): number;
  /**
   * {@link Libc.send} on another thread, so that the event loop goes on. Bun has no such calls: there it is made on
   * this thread, after a turn of the event loop. Nothing may be needed of this thread for the call to end.
   */
  sendAsync(fd: number, message: Uint8Array, flags: number): Promise<number>;
  /** {@link Libc.recvfrom}, likewise; the buffers are not to be touched meanwhile. */
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
  /** close(2). @returns 0 or -errno. */
  close(fd: number): number;
  /** ioctl(2) with a pointer argument. @returns the C result, or -errno. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** openat(2). @returns a file descriptor, or -errno. */
  openat(directory: number, path: string, flags: number): number;
  /** getdents64(2). @returns bytes filled, 0 at the end, or -errno. */
  getdents64(fd: number, buffer: Uint8Array): number;
  /** readlinkat(2); `path` is NUL-terminated bytes. @returns bytes filled, or -errno. */
  readlinkat(directory: number, path: Uint8Array, buffer: Uint8Array): number;
  /** getxattr(2), links followed. @returns bytes filled, or -errno. */
  getxattr(path: string, name: string, value: Uint8Array): number;
  /**
   * bpf(2). @param attributes union bpf_attr, as far as the command has it
   *
   * @returns what the command gives, a file descriptor for some, or -errno
   */
  bpf(command: number, attributes: Uint8Array): number;
  /**
   * Where bytes stand, for structs that point at them. They stay there as long as somebody holds them, if they are
   * more than 64: smaller buffers may be moved.
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

/** The errnos that callers tell apart. asm-generic/errno-base.h, asm-generic/errno.h. */
export const EINTR = 4;
export const EAGAIN = 11;
export const EMSGSIZE = 90;
