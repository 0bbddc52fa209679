/**
 * The C calls that make sockets, for tests and benchmarks. A socket is its descriptor, an address its sockaddr;
 * each call throws what errno says.
 */
import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { libc } from "#libc";
import { parseIpv6 } from "../../src/model/address.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM } from "../../src/model/family.ts";

/** asm-generic/socket.h. */
export const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

/** linux/net.h. */
const SOCK_CLOEXEC = 0o2000000;
const SHUT_WR = 1;

/** linux/tcp.h; its struct tcp_info begins with the state. */
const IPPROTO_TCP = 6;
const TCP_INFO = 11;

/** asm-generic/errno.h. */
const EAGAIN = 11;
const EINPROGRESS = 115;

/** linux/sockios.h, linux/if.h. */
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFNAME = 0x8923;
const IFREQ = { flags: 16, newName: 16, size: 40 };
const IFF_UP = 1;

const { symbols } = dlopen("libc.so.6", {
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
});
const errnoLocation = symbols.__errno_location() as Pointer;

function checked(call: string, result: number, ...expected: number[]): number {
  if (result >= 0 || expected.includes(-result)) return result;
  throw new Error(`${call}: ${libc.strerror(-result)}`);
}

/** The result of a C function that the seam does not have, in the seam's form. */
function withErrno(result: number): number {
  return result === -1 ? -read.i32(errnoLocation, 0) : result;
}

/** An IPv4 sockaddr. */
export function ipv4(address: string, port = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const data = new DataView(bytes.buffer);
  data.setUint16(0, AF_INET, true);
  data.setUint16(2, port);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/** An IPv6 sockaddr. */
export function ipv6(address: string, port = 0): Uint8Array {
  const bytes = new Uint8Array(28);
  const data = new DataView(bytes.buffer);
  data.setUint16(0, AF_INET6, true);
  data.setUint16(2, port);
  bytes.set(parseIpv6(address)!, 8);
  return bytes;
}

/** A Unix sockaddr: a path, or an abstract name that begins with NUL. */
export function unixName(name: string): Uint8Array {
  return Uint8Array.of(AF_UNIX, 0, ...Buffer.from(name.startsWith("\0") ? name : `${name}\0`));
}

/** The family that a sockaddr names. */
function familyOf(address: Uint8Array): number {
  return address[0]! | (address[1]! << 8);
}

/** socket(2), closed on exec. */
export function open(family: number, type: number, protocol = 0): number {
  return checked("socket", libc.socket(family, type | SOCK_CLOEXEC, protocol));
}

/** socketpair(2). */
export function openPair(family: number, type: number): readonly [number, number] {
  const pair = new Int32Array(2);
  checked("socketpair", withErrno(symbols.socketpair(family, type | SOCK_CLOEXEC, 0, ptr(pair))));
  return [pair[0]!, pair[1]!];
}

/** A new socket bound to an address. */
export function openAt(address: Uint8Array, type: number, protocol = 0): number {
  const fd = open(familyOf(address), type, protocol);
  bind(fd, address);
  return fd;
}

/** bind(2). */
export function bind(fd: number, address: Uint8Array): void {
  checked("bind", libc.bind(fd, address));
}

/** listen(2). */
export function listen(fd: number, backlog: number): void {
  checked("listen", withErrno(symbols.listen(fd, backlog)));
}

/** connect(2). A non-blocking socket may still be connecting afterwards. */
export function connect(fd: number, address: Uint8Array): void {
  checked("connect", withErrno(symbols.connect(fd, ptr(address), address.length)), EINPROGRESS, EAGAIN);
}

/** accept(2). @param flags SOCK_NONBLOCK or nothing */
export function accept(fd: number, flags = 0): number {
  return checked("accept", withErrno(symbols.accept4(fd, null, null, SOCK_CLOEXEC | flags)));
}

/** Shuts down sending; the socket stays open. */
export function shutdownSend(fd: number): void {
  checked("shutdown", withErrno(symbols.shutdown(fd, SHUT_WR)));
}

/** Sends this many zero bytes. */
export function send(fd: number, count: number): void {
  checked("send", libc.send(fd, new Uint8Array(count), 0));
}

/** Buffer for sending and receiving. */
const zeros = new Uint8Array(1 << 20);
const received = new Uint8Array(1 << 20);

/** Sends up to 1 MiB of zero bytes, as many as there is room for, of a socket that does not block. @returns how many */
export function sendSome(fd: number, count: number): number {
  const sent = libc.send(fd, zeros.subarray(0, count), 0);
  return Math.max(0, checked("send", sent, EAGAIN));
}

/** Receives what is there, up to `most` bytes and 1 MiB, of a socket that does not block. @returns how many */
export function receive(fd: number, most: number): number {
  return Math.max(0, checked("recv", libc.recvfrom(fd, received.subarray(0, most), 0, null), EAGAIN));
}

/** Sends this many zero bytes to an address. */
export function sendTo(fd: number, count: number, address: Uint8Array): void {
  const bytes = new Uint8Array(count);
  checked("sendto", withErrno(symbols.sendto(fd, ptr(bytes), count, 0, ptr(address), address.length)));
}

/** close(2). */
export function close(fd: number): void {
  checked("close", libc.close(fd));
}

/** The bound address of a socket. */
export function addressOf(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  return address.subarray(0, checked("getsockname", libc.getsockname(fd, address)));
}

/** setsockopt(2) of an int, or of text. */
export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | string | Uint8Array,
): void {
  const bytes =
    typeof value === "number"
      ? new Uint8Array(Int32Array.of(value).buffer)
      : typeof value === "string"
        ? Buffer.from(`${value}\0`)
        : value;
  checked("setsockopt", libc.setsockopt(fd, level, name, bytes));
}

/** The kernel's state number of a TCP socket. */
export function tcpStateOf(fd: number): number {
  const info = new Uint8Array(8);
  const length = Uint32Array.of(info.length);
  checked("getsockopt", withErrno(symbols.getsockopt(fd, IPPROTO_TCP, TCP_INFO, ptr(info), ptr(length))));
  return info[0]!;
}

/** Filters what a socket receives by a program of classic BPF. @param code linux/filter.h: code, jt, jf, k each */
function attachFilter(fd: number, code: readonly (readonly [number, number, number, number])[]): void {
  const program = new Uint8Array(code.length * 8);
  const data = new DataView(program.buffer);
  code.forEach(([operation, whenTrue, whenFalse, constant], index) => {
    data.setUint16(index * 8, operation, true);
    data.setUint8(index * 8 + 2, whenTrue);
    data.setUint8(index * 8 + 3, whenFalse);
    data.setUint32(index * 8 + 4, constant, true);
  });
  const header = new DataView(new ArrayBuffer(16));
  header.setUint16(0, code.length, true);
  header.setBigUint64(8, BigInt(ptr(program)), true);
  checked("setsockopt", libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(header.buffer)));
}

/** Lets a socket receive nothing any more. */
export function deafen(fd: number): void {
  // ret #0: keep no byte of the packet.
  attachFilter(fd, [[0x06, 0, 0, 0]]);
}

/** Lets a socket receive only packets of at most so many bytes, as a path with a smaller MTU would. */
export function dropLongPackets(fd: number, most: number): void {
  // ld len; jgt #most; ret #0; ret #-1.
  attachFilter(fd, [
    [0x80, 0, 0, 0],
    [0x25, 0, 1, most],
    [0x06, 0, 0, 0],
    [0x06, 0, 0, 0xffff_ffff],
  ]);
}

function interfaceIoctl(name: string, request: number, fill: (ifreq: Uint8Array) => void): void {
  const ifreq = new Uint8Array(IFREQ.size);
  ifreq.set(Buffer.from(name));
  fill(ifreq);
  const fd = open(AF_INET, SOCK_DGRAM);
  checked("ioctl", libc.ioctl(fd, request, ifreq));
  close(fd);
}

/** Brings the loopback interface of the network namespace up. @param name what it is called from now on */
export function loopbackUp(name = "lo"): void {
  if (name !== "lo")
    interfaceIoctl("lo", SIOCSIFNAME, (ifreq) => ifreq.set(Buffer.from(name), IFREQ.newName));
  interfaceIoctl(name, SIOCSIFFLAGS, (ifreq) => {
    ifreq[IFREQ.flags] = IFF_UP;
  });
}
