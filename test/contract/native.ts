/** The contract of the libc binding, for every runtime: each function's result and errno. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, EAGAIN, EINTR, EMSGSIZE, type Libc } from "../../src/native/libc.ts";

/** What a runtime provides to the suite. */
export interface Harness {
  /** Registers a test. */
  test(name: string, body: () => void | Promise<void>): void;
  /** Arguments of this runtime (process.execPath) before a module's source, so that it runs with `#libc` to import. */
  readonly evaluate: readonly string[];
}

const {
  EAFNOSUPPORT,
  EBADF,
  EINVAL,
  ENOTCONN,
  ELOOP,
  ENODATA,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTSOCK,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EXDEV,
} = constants.errno;

const AF_UNIX = 1;
const AF_INET = 2;
const NI_NUMERICHOST = 1;
const EAI_FAMILY = -6;
const EAI_OVERFLOW = -12;
const ERANGE = 34;
const AF_NETLINK = 16;
const NETLINK_SOCK_DIAG = 4;
const SOCK_STREAM = 1;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_PEEK = 0x02;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const O_RDONLY = 0;
const O_RDWR = 2;
const O_DIRECTORY = 0o200000;
/** linux/openat2.h. */
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const POLLIN = 1;
const POLLNVAL = 0x20;
const TIOCGWINSZ = 0x5413;
const FIONREAD = 0x541b;
const F_GETPIPE_SZ = 1032;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWNET = 0x40000000;
const CAP_SYS_ADMIN = 21n;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

/** Commands of bpf(2), and a type of map. linux/bpf.h. */
const BPF = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_GET_FD_BY_ID: 14,
  TYPE_ARRAY: 2,
};
/** A size at which every runtime stores data outside small inline buffers. */
const VALUE_BYTES = 96;

/** No descriptor has this number. */
const NO_FD = 0x7fffffff;

/** An acknowledgement: header, error code, header of the request. */
const ACKNOWLEDGEMENT_BYTES = 36;

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Views into larger buffers, so that a call that ignored the offset would read or write the guard bytes. */
function guarded(size: number): { whole: Uint8Array; part: Uint8Array; assertIntact(): void } {
  const whole = new Uint8Array(size + 32).fill(0xa5);
  const part = whole.subarray(16, 16 + size);
  part.fill(0);
  const around = () => [...whole.subarray(0, 16), ...whole.subarray(16 + size)];
  return { whole, part, assertIntact: () => assert.deepEqual(around(), Array(32).fill(0xa5)) };
}

/** A no-op message with NLM_F_ACK, inside a larger buffer. */
function acknowledgedNoop(): Uint8Array {
  const { part } = guarded(16);
  const data = new DataView(part.buffer, part.byteOffset, part.byteLength);
  data.setUint32(0, 16, true);
  data.setUint16(4, 1, true);
  data.setUint16(6, 0x5, true);
  data.setUint32(8, 77, true);
  return part;
}

/** Whether this process has CAP_SYS_ADMIN. */
function isAdministrator(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** Registers the suite. */
export function nativeContract(libc: Libc, { test, evaluate }: Harness): void {
  /** Runs `body` with a bound netlink socket. */
  function withNetlink(body: (fd: number) => void): void {
    const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    assert.ok(fd > 2, `socket gives ${fd}`);
    const { part: address } = guarded(12);
    address[0] = AF_NETLINK;
    assert.equal(libc.bind(fd, address), 0);
    try {
      body(fd);
    } finally {
      assert.equal(libc.close(fd), 0);
    }
  }

  /** Runs `body` with an empty directory. */
  function withDirectory(body: (path: string) => void): void {
    const path = mkdtempSync(join(realpathSync(tmpdir()), "native-"));
    try {
      body(path);
    } finally {
      rmSync(path, { recursive: true });
    }
  }

  /** Runs `body` with a FIFO open at both ends. */
  function withFifo(body: (fd: number) => void): void {
    withDirectory((directory) => {
      const path = join(directory, "fifo");
      execFileSync("mkfifo", [path]);
      const fd = libc.openat(AT_FDCWD, path, O_RDWR);
      assert.ok(fd > 2, `openat gives ${fd}`);
      body(fd);
      assert.equal(libc.close(fd), 0);
    });
  }

  test("libc: the errnos are those of the host", () => {
    const { EINTR: intr, EAGAIN: again, EMSGSIZE: size } = constants.errno;
    assert.deepEqual([EINTR, EAGAIN, EMSGSIZE], [intr, again, size]);
  });

  test("socket() refuses a family that does not exist", () => {
    assert.equal(libc.socket(12345, SOCK_RAW, 0), -EAFNOSUPPORT);
  });

  test("bind() and getsockname() give the port id, within a subarray", () => {
    withNetlink((fd) => {
      const { part: address, assertIntact } = guarded(12);
      assert.equal(libc.getsockname(fd, address), 12);
      const data = new DataView(address.buffer, address.byteOffset);
      assert.equal(data.getUint16(0, true), AF_NETLINK);
      assert.notEqual(data.getUint32(4, true), 0);
      assertIntact();
      assert.equal(libc.bind(fd, new Uint8Array(2)), -EINVAL);
    });
  });

  test("getsockname() gives the whole length and writes what fits", () => {
    withNetlink((fd) => {
      const { part: address, assertIntact } = guarded(4);
      assert.equal(libc.getsockname(fd, address), 12);
      assert.equal(address[0], AF_NETLINK);
      assertIntact();
      assert.equal(libc.getsockname(NO_FD, address), -EBADF);
    });
  });

  test("getpeername() and shutdown() refuse what has no peer", () => {
    const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
    assert.ok(fd >= 0);
    try {
      const { part: address, assertIntact } = guarded(16);
      assert.equal(libc.getpeername(fd, address), -ENOTCONN);
      assert.equal(libc.shutdown(fd, 2), -ENOTCONN);
      assert.equal(libc.shutdown(fd, 7), -EINVAL);
      assertIntact();
    } finally {
      libc.close(fd);
    }
    withNetlink((netlink) => {
      const { part: address, assertIntact } = guarded(12);
      assert.equal(libc.getpeername(netlink, address), 12);
      assert.equal(address[0], AF_NETLINK);
      assertIntact();
    });
    assert.equal(libc.getpeername(NO_FD, new Uint8Array(16)), -EBADF);
    assert.equal(libc.shutdown(NO_FD, 2), -EBADF);
  });

  test("setsockopt() sets, and refuses a short or empty value", () => {
    withNetlink((fd) => {
      assert.equal(libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, Uint8Array.of(0, 0x80, 0, 0)), 0);
      assert.equal(libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, new Uint8Array(1)), -EINVAL);
      assert.equal(libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, new Uint8Array(0)), -EINVAL);
      assert.equal(libc.setsockopt(NO_FD, SOL_SOCKET, SO_RCVBUF, new Uint8Array(4)), -EBADF);
    });
  });

  test("send() and recvfrom() carry a message to the kernel and its answer back", () => {
    withNetlink((fd) => {
      const request = acknowledgedNoop();
      assert.equal(libc.send(fd, request, 0), request.length);
      assert.equal(libc.recvfrom(fd, null, MSG_PEEK | MSG_TRUNC, null), ACKNOWLEDGEMENT_BYTES);
      const { part: buffer, assertIntact } = guarded(64);
      const { part: sender, assertIntact: assertSenderIntact } = guarded(12);
      sender.fill(0xff);
      assert.equal(libc.recvfrom(fd, buffer, 0, sender), ACKNOWLEDGEMENT_BYTES);
      assertIntact();
      assertSenderIntact();
      assert.deepEqual([...sender], [AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      assert.deepEqual([...buffer.subarray(20, ACKNOWLEDGEMENT_BYTES)], [...request]);
    });
  });

  test("recvfrom() with MSG_TRUNC tells the length of a datagram that does not fit", () => {
    withNetlink((fd) => {
      libc.send(fd, acknowledgedNoop(), 0);
      const { part: buffer, assertIntact } = guarded(20);
      assert.equal(libc.recvfrom(fd, buffer, MSG_TRUNC, null), ACKNOWLEDGEMENT_BYTES);
      assertIntact();
      assert.equal(libc.recvfrom(fd, buffer, MSG_DONTWAIT, null), -EAGAIN);
    });
  });

  test("sendAsync() and recvfromAsync() do the same, while the event loop goes on", async () => {
    const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    try {
      const request = acknowledgedNoop();
      assert.equal(await libc.sendAsync(fd, request, 0), request.length);
      const { part: buffer, assertIntact } = guarded(64);
      const { part: sender, assertIntact: assertSenderIntact } = guarded(12);
      sender.fill(0xff);
      let turned = false;
      setImmediate(() => {
        turned = true;
      });
      assert.equal(await libc.recvfromAsync(fd, buffer, 0, sender), ACKNOWLEDGEMENT_BYTES);
      assert.ok(turned);
      assertIntact();
      assertSenderIntact();
      assert.deepEqual([...sender], [AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      assert.deepEqual([...buffer.subarray(20, ACKNOWLEDGEMENT_BYTES)], [...request]);
      // Several at a time, each with its own errno.
      const refused = [
        libc.sendAsync(NO_FD, request, 0),
        libc.recvfromAsync(fd, buffer, MSG_DONTWAIT, null),
        libc.recvfromAsync(NO_FD, null, 0, null),
      ];
      assert.deepEqual(await Promise.all(refused), [-EBADF, -EAGAIN, -EBADF]);
    } finally {
      assert.equal(libc.close(fd), 0);
    }
  });

  test("beginWrite() writes on another thread, several at once, each with its own errno", () => {
    withNetlink((fd) => {
      const request = acknowledgedNoop();
      const written = libc.beginWrite(fd, request);
      const refused = libc.beginWrite(NO_FD, request);
      const full = libc.openat(AT_FDCWD, "/dev/full", O_RDWR);
      const overflowing = libc.beginWrite(full, encode("x"));
      assert.equal(refused?.(), -EBADF);
      assert.equal(overflowing?.(), -ENOSPC);
      assert.equal(written?.(), request.length);
      assert.equal(libc.close(full), 0);
      const { part: buffer, assertIntact } = guarded(64);
      assert.equal(libc.recvfrom(fd, buffer, 0, null), ACKNOWLEDGEMENT_BYTES);
      assertIntact();
      assert.deepEqual([...buffer.subarray(20, ACKNOWLEDGEMENT_BYTES)], [...request]);
    });
  });

  test("beginWrite() keeps its bytes where they are while memory is collected", () => {
    withFifo((fd) => {
      const room = new Uint8Array(libc.fcntl(fd, F_GETPIPE_SZ, 0));
      assert.equal(libc.write(fd, room), room.length);
      const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
      // They wait until the pipe has room.
      const writes = Array.from({ length: 8 }, () => libc.beginWrite(fd, bytes));
      for (let round = 0; round < 20; round++) {
        Array.from({ length: 2000 }, () => new Uint8Array(556).fill(0xee));
        globalThis.gc?.();
      }
      assert.equal(libc.read(fd, room), room.length);
      for (const finish of writes) assert.equal(finish?.(), bytes.length);
      const copies = room.subarray(0, writes.length * bytes.length);
      assert.equal(libc.read(fd, copies), copies.length);
      for (let at = 0; at < copies.length; at++) assert.equal(copies[at], bytes[at % bytes.length], `byte ${at}`);
    });
  });

  test("send(), recvfrom() and write() refuse a closed descriptor, send() one that is no socket", () => {
    const closed = libc.socket(AF_UNIX, SOCK_RAW, 0);
    assert.equal(libc.close(closed), 0);
    const bytes = new Uint8Array(8);
    assert.equal(libc.send(closed, bytes, 0), -EBADF);
    assert.equal(libc.recvfrom(closed, bytes, 0, null), -EBADF);
    assert.equal(libc.recvfrom(closed, null, 0, bytes), -EBADF);
    assert.equal(libc.write(closed, bytes), -EBADF);
    assert.equal(libc.close(closed), -EBADF);
    withFifo((fd) => {
      assert.equal(libc.send(fd, bytes, 0), -ENOTSOCK);
    });
  });

  test("poll() gives the events that are ready, 0 if none, POLLNVAL for no descriptor", () => {
    withNetlink((fd) => {
      assert.equal(libc.poll(fd, POLLIN, 0), 0);
      libc.send(fd, acknowledgedNoop(), 0);
      assert.equal(libc.poll(fd, POLLIN, -1), POLLIN);
      assert.equal(libc.poll(NO_FD, POLLIN, 0), POLLNVAL);
    });
  });

  test("write() and ioctl() work on a subarray; ioctl() refuses what a pipe does not have", () => {
    withFifo((fd) => {
      assert.equal(libc.write(fd, encode("..eleven bytes..").subarray(2, 13)), 11);
      assert.equal(libc.write(fd, new Uint8Array(0)), 0);
      const { part: count, assertIntact } = guarded(4);
      assert.equal(libc.ioctl(fd, FIONREAD, count), 0);
      assert.deepEqual([...count], [11, 0, 0, 0]);
      assertIntact();
      assert.equal(libc.ioctl(fd, TIOCGWINSZ, new Uint8Array(8)), -ENOTTY);
    });
  });

  test("read() reads into a subarray, and ends at the end", () => {
    withDirectory((folder) => {
      const path = join(folder, "file");
      writeFileSync(path, "eleven bytes");
      const fd = libc.openat(AT_FDCWD, path, O_RDONLY);
      try {
        const { part, assertIntact } = guarded(6);
        assert.equal(libc.read(fd, part), 6);
        assert.equal(decode(part), "eleven");
        assertIntact();
        assert.equal(libc.read(fd, part), 6);
        assert.equal(libc.read(fd, part), 0);
      } finally {
        libc.close(fd);
      }
      assert.equal(libc.read(NO_FD, new Uint8Array(1)), -EBADF);
    });
  });

  test("clockGettime() tells the time of day and the time since the boot", () => {
    const { part } = guarded(16);
    const seconds = () => new DataView(part.buffer, part.byteOffset).getBigInt64(0, true);
    assert.equal(libc.clockGettime(CLOCK_REALTIME, part), 0);
    assert.ok(Math.abs(Number(seconds()) - Date.now() / 1000) < 2);
    assert.equal(libc.clockGettime(CLOCK_MONOTONIC, part), 0);
    const uptime = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
    assert.ok(Number(seconds()) <= uptime + 1);
    assert.equal(libc.clockGettime(-99, part), -EINVAL);
  });

  test("write() writes what a file then holds", () => {
    withDirectory((directory) => {
      const path = join(directory, "ƒile");
      writeFileSync(path, "");
      const fd = libc.openat(AT_FDCWD, path, O_RDWR);
      assert.equal(libc.write(fd, encode("<<text>>").subarray(2, 6)), 4);
      assert.equal(libc.close(fd), 0);
      assert.equal(readFileSync(path, "utf8"), "text");
    });
  });

  test("openat() opens relative to a directory, and tells why not", () => {
    withDirectory((path) => {
      mkdirSync(join(path, "inner"));
      writeFileSync(join(path, "file"), "");
      const directory = libc.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
      const inner = libc.openat(directory, "inner", O_RDONLY | O_DIRECTORY);
      assert.ok(inner > directory);
      assert.equal(libc.openat(directory, "nothing", O_RDONLY), -ENOENT);
      assert.equal(libc.openat(directory, "file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
      assert.equal(libc.openat(NO_FD, "file", O_RDONLY), -EBADF);
      for (const fd of [inner, directory]) assert.equal(libc.close(fd), 0);
    });
  });

  test("openat2() opens below a directory, and no link", () => {
    withDirectory((path) => {
      mkdirSync(join(path, "inner"));
      writeFileSync(join(path, "inner", "file"), "x");
      symlinkSync("inner", join(path, "link"));
      const directory = libc.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
      const fd = libc.openat2(directory, "inner/file", O_RDONLY, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
      assert.ok(fd > 2, `openat2 gives ${fd}`);
      assert.equal(libc.read(fd, new Uint8Array(9)), 1);
      assert.equal(libc.openat2(directory, "link/file", O_RDONLY, RESOLVE_NO_SYMLINKS), -ELOOP);
      assert.equal(libc.openat2(directory, "../x", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
      for (const each of [fd, directory]) assert.equal(libc.close(each), 0);
    });
  });

  test("fstatat() gives the size and the inode of a file, and tells why not", () => {
    withDirectory((folder) => {
      const path = join(folder, "file");
      writeFileSync(path, "12345");
      const status = new Uint8Array(256);
      assert.equal(libc.fstatat(AT_FDCWD, path, status, 0), 0);
      const view = new DataView(status.buffer);
      assert.equal(view.getBigUint64(8, true), statSync(path, { bigint: true }).ino);
      assert.equal(view.getUint32(48, true), 5);
      assert.equal(libc.fstatat(AT_FDCWD, join(folder, "missing"), status, 0), -ENOENT);
    });
  });

  test("getdents64() lists a directory in pieces, then gives 0", () => {
    withDirectory((path) => {
      const expected = Array.from({ length: 40 }, (_, index) => `entry-${index}`);
      for (const name of expected) writeFileSync(join(path, name), "");
      const fd = libc.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
      const { part: buffer, assertIntact } = guarded(256);
      const names: string[] = [];
      let pieces = 0;
      for (;;) {
        const length = libc.getdents64(fd, buffer);
        assert.ok(length >= 0, `getdents64 gives ${length}`);
        if (length === 0) break;
        pieces++;
        const data = new DataView(buffer.buffer, buffer.byteOffset, length);
        for (let at = 0; at < length; at += data.getUint16(at + 16, true)) {
          const name = buffer.subarray(at + 19, buffer.indexOf(0, at + 19));
          names.push(decode(name));
        }
      }
      assertIntact();
      assert.ok(pieces > 1);
      assert.deepEqual(names.sort(), [".", "..", ...expected].sort());
      assert.equal(libc.getdents64(fd, new Uint8Array(1)), 0, "the end is the end");
      libc.close(fd);
      assert.equal(libc.getdents64(fd, buffer), -EBADF);
    });
    withFifo((fd) => {
      assert.equal(libc.getdents64(fd, new Uint8Array(64)), -ENOTDIR);
    });
  });

  test("readlinkat() gives the target, cut to the buffer", () => {
    const path = encode("/proc/self/exe\0");
    const target = realpathSync("/proc/self/exe");
    const { part: buffer, assertIntact } = guarded(4096);
    assert.equal(decode(buffer.subarray(0, libc.readlinkat(AT_FDCWD, path, buffer))), target);
    assertIntact();
    const { part: small, assertIntact: assertSmallIntact } = guarded(4);
    assert.equal(libc.readlinkat(AT_FDCWD, path, small), 4);
    assert.equal(decode(small), target.slice(0, 4));
    assertSmallIntact();
  });

  test("readlinkat() takes the path from a subarray, relative to a directory", () => {
    const directory = libc.openat(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY);
    const path = encode("xxcwd\0").subarray(2);
    const buffer = new Uint8Array(4096);
    assert.equal(decode(buffer.subarray(0, libc.readlinkat(directory, path, buffer))), process.cwd());
    assert.equal(libc.readlinkat(directory, encode("status\0"), buffer), -EINVAL);
    assert.equal(libc.readlinkat(directory, encode("nothing\0"), buffer), -ENOENT);
    assert.equal(libc.close(directory), 0);
  });

  test("getxattr() says when there is no attribute, and when there is no file", () => {
    const value = new Uint8Array(64);
    assert.equal(libc.getxattr("/nothing/there", "user.x", value), -ENOENT);
    // /proc takes no attributes.
    assert.ok([-ENODATA, -EOPNOTSUPP].includes(libc.getxattr("/proc/self/status", "user.x", value)));
  });

  test("bpf() tells why not, and reads and fills what stands at an address", () => {
    // No map has this id; without privileges, the call is refused.
    const { part: id } = guarded(12);
    id.fill(0xff, 0, 4);
    const refused = libc.bpf(BPF.MAP_GET_FD_BY_ID, id);
    assert.ok([-ENOENT, -EPERM].includes(refused), `bpf gives ${refused}`);
    assert.ok([-EINVAL, -EPERM].includes(libc.bpf(NO_FD, id)));
    if (!isAdministrator()) return;

    const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
    const map = libc.bpf(BPF.MAP_CREATE, words(BPF.TYPE_ARRAY, 4, VALUE_BYTES, 2));
    assert.ok(map > 2, `bpf gives ${map}`);
    try {
      const { part: key } = guarded(128);
      key[0] = 1;
      const { part: value } = guarded(VALUE_BYTES);
      value.fill(7);
      /** Attributes that point at a key and at a value. */
      const element = (value: Uint8Array) => {
        const attributes = words(map, 0, 0, 0, 0, 0, 0, 0);
        const data = new DataView(attributes.buffer);
        data.setBigUint64(8, libc.address(key), true);
        data.setBigUint64(16, libc.address(value), true);
        return attributes;
      };
      assert.equal(libc.bpf(BPF.MAP_UPDATE_ELEM, element(value)), 0);
      const { part: found, assertIntact } = guarded(VALUE_BYTES);
      assert.equal(libc.bpf(BPF.MAP_LOOKUP_ELEM, element(found)), 0);
      assert.deepEqual(found, value);
      assertIntact();
      assert.equal(libc.address(found), libc.address(new Uint8Array(found.buffer)) + 16n);
      key[0] = 2;
      assert.equal(libc.bpf(BPF.MAP_LOOKUP_ELEM, element(found)), -ENOENT);
    } finally {
      assert.equal(libc.close(map), 0);
    }
  });

  test("setns() and unshare() refuse nonsense, unshare(0) does nothing", () => {
    assert.equal(libc.setns(NO_FD, CLONE_NEWNET), -EBADF);
    withFifo((fd) => {
      assert.equal(libc.setns(fd, CLONE_NEWNET), -EINVAL);
    });
    assert.equal(libc.unshare(1), -EINVAL);
    assert.equal(libc.unshare(0), 0);
  });

  test("mount() and umount() tell why not", () => {
    assert.equal(libc.mount(null, "/nothing/here", null, 0), -ENOENT);
    assert.equal(libc.umount("/nothing/here", 0), -ENOENT);
  });

  test("unshare(), setns(), mount() and umount() do their work in a process of their own", () => {
    withDirectory((path) => {
      const source = `
        import { readFileSync } from "node:fs";
        import { libc } from "#libc";
        const MS_REC_SLAVE = 0x84000;
        const MNT_DETACH = 2;
        const mounted = () => readFileSync("/proc/thread-self/mounts", "utf8").includes(${JSON.stringify(` ${path} `)});
        const results = [];
        const fd = libc.openat(${AT_FDCWD}, "/proc/thread-self/ns/mnt", 0);
        results.push(libc.unshare(${CLONE_NEWNS}));
        results.push(libc.mount(null, "/", null, MS_REC_SLAVE));
        results.push(libc.mount("native", ${JSON.stringify(path)}, "tmpfs", 0), mounted());
        results.push(libc.umount(${JSON.stringify(path)}, MNT_DETACH), mounted());
        results.push(libc.unshare(${CLONE_NEWNET}));
        const net = libc.openat(${AT_FDCWD}, "/proc/thread-self/ns/net", 0);
        results.push(libc.setns(net, ${CLONE_NEWNET}), fd > 2);
        console.log(JSON.stringify(results));
      `;
      const command = [process.execPath, ...evaluate, source];
      const [file = "", ...args] = isAdministrator()
        ? command
        : ["unshare", "--user", "--map-root-user", ...command];
      const output = execFileSync(file, args, { encoding: "utf8" });
      assert.deepEqual(JSON.parse(output), [0, 0, 0, true, 0, false, 0, 0, true]);
    });
  });

  test("prctl() and capset() give the C result, or say why not", () => {
    const [PR_GET_DUMPABLE, UNKNOWN] = [3, 0x7fff];
    assert.ok([0, 1, 2].includes(libc.prctl(PR_GET_DUMPABLE, 0)));
    assert.equal(libc.prctl(UNKNOWN, 0), -EINVAL);
    // No version of the header is 0.
    assert.equal(libc.capset(new Uint8Array(128), new Uint8Array(128)), -EINVAL);
  });

  test("execve() replaces a process, with arguments and environment, or says why not", () => {
    assert.equal(libc.execve("/nothing/here", [], []), -ENOENT);
    const folder = mkdtempSync(join(tmpdir(), "execve-"));
    // Node closes standard output on exec, so the new program writes a file.
    const source = `
      import { libc } from "#libc";
      const bytes = (text) => new TextEncoder().encode(text);
      const long = "x".repeat(5000);
      const script = 'echo "$1 $A $#" "$2" > "$B"';
      const env = ["A=b c", "B=${join(folder, "output")}"].map(bytes);
      libc.execve("/bin/sh", ["sh", "-c", script, "sh", "one two", long].map(bytes), env);
    `;
    try {
      execFileSync(process.execPath, [...evaluate, source]);
      assert.equal(readFileSync(join(folder, "output"), "utf8"), `one two b c 2 ${"x".repeat(5000)}\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("getnameinfo() gives the name of an address, or one of EAI_*", () => {
    const address = Uint8Array.of(AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    const name = new Uint8Array(1025);
    assert.equal(libc.getnameinfo(address, name, NI_NUMERICHOST), 0);
    assert.equal(new TextDecoder().decode(name.subarray(0, name.indexOf(0))), "127.0.0.1");
    assert.equal(libc.getnameinfo(address, name.subarray(0, 4), NI_NUMERICHOST), EAI_OVERFLOW);
    assert.equal(libc.getnameinfo(address.subarray(0, 4), name, NI_NUMERICHOST), EAI_FAMILY);
  });

  test("gethostbyname2() fills an entry whose pointers point into its strings", () => {
    const entry = new Uint8Array(32);
    const strings = new Uint8Array(1024);
    const pointer = (bytes: Uint8Array, at: number) =>
      Number(new DataView(bytes.buffer).getBigUint64(at, true) - libc.address(strings));
    assert.equal(libc.gethostbyname2(encode("127.0.0.9\0"), AF_INET, entry, strings), 0);
    assert.equal(new DataView(entry.buffer).getInt32(20, true), 4);
    const first = pointer(strings, pointer(entry, 24));
    assert.deepEqual([...strings.subarray(first, first + 4)], [127, 0, 0, 9]);
    assert.equal(libc.gethostbyname2(encode("127.0.0.9\0"), AF_INET, entry, strings.subarray(0, 8)), ERANGE);
  });

  test("strerror() speaks the C locale", () => {
    assert.equal(libc.strerror(ENOENT), "No such file or directory");
    assert.match(libc.strerror(98), /^Address (already )?in use$/);
    assert.match(libc.strerror(99999), /99999|No error information/);
  });

  test("libc: each call gives its own errno, whatever came between", () => {
    const buffer = new Uint8Array(8);
    for (let round = 0; round < 1000; round++) {
      assert.equal(libc.recvfrom(NO_FD, buffer, 0, null), -EBADF);
      assert.equal(libc.unshare(0), 0);
      assert.equal(libc.openat(AT_FDCWD, "/nothing/here", O_RDONLY), -ENOENT);
      assert.equal(libc.readlinkat(AT_FDCWD, encode("/proc/self/status\0"), buffer), -EINVAL);
    }
  });
}
