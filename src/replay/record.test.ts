import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Files, type Host, type ReadBound, readBounded } from "../host/host.ts";
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import type { Transport } from "../netlink/transport.ts";
import { RecordingError } from "./error.ts";
import { replayHost } from "./host.ts";
import { replayTransport } from "./kernel.ts";
import { decodePcap } from "./pcap.ts";
import { recordHost, recordTransport } from "./record.ts";
import { readRecording } from "./recording.ts";

const scratch = mkdtempSync(join(tmpdir(), "recording-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));

function fixtureTransport(name: string): Transport {
  return replayTransport(readRecording(decodePcap(readFileSync(`${fixture(name)}/recording.pcap`), name)));
}

function readZeros(_: string, bound?: ReadBound): Uint8Array {
  return new Uint8Array((bound?.limit ?? 1_000_000) + 1);
}

/** A machine without files. */
const nothing: Files = {
  read(path) {
    throw Object.assign(new Error(path), { code: "ENOENT" });
  },
  list(path) {
    throw Object.assign(new Error(path), { code: "ENOENT" });
  },
  link: () => undefined,
  securityContext: () => undefined,
};

/** All datagrams of the answer to each request of a fixture's cases. */
function answers(transport: Transport, name: string): Uint8Array[][] {
  const cases: { requests?: string[] }[] = JSON.parse(readFileSync(`${fixture(name)}/cases.json`, "utf8"));
  return cases
    .flatMap(({ requests }) => requests ?? [])
    .map((hex) => {
      const socket = transport.open(NETLINK_SOCK_DIAG);
      socket.send(Buffer.from(hex, "hex"));
      const datagrams: Uint8Array[] = [];
      for (;;) {
        const datagram = socket.receive((size) => new Uint8Array(size));
        if (datagram.length === 0) return datagrams;
        datagrams.push(datagram);
      }
    });
}

describe("recordTransport", () => {
  test.each(["tcp-states", "unix", "kill", "refusals", "sctp"])(
    "%s: recorded and replayed, the same",
    (name) => {
      const { transport, packets } = recordTransport(fixtureTransport(name));
      const recorded = answers(transport, name);
      expect(recorded.length).toBeGreaterThan(0);
      expect(answers(replayTransport(readRecording(packets())), name)).toEqual(recorded);
    },
  );

  test("overlapping conversations stay apart, and reused buffers are copied", () => {
    const sent: number[] = [];
    const inner: Transport = {
      open: (protocol) => {
        let answer = 0;
        return {
          portId: 1,
          send: (datagram) => void sent.push(datagram[0]!),
          receive: (allocate) => allocate(1).fill(++answer + protocol * 10),
          close() {},
        };
      },
    };
    const { transport, packets } = recordTransport(inner);
    const buffer = new Uint8Array(1);
    const first = transport.open(NETLINK_SOCK_DIAG);
    const second = transport.open(NETLINK_SOCK_DIAG);
    const route = transport.open(NETLINK_ROUTE);
    first.send(buffer.fill(100));
    first.receive(() => buffer);
    second.send(buffer.fill(101));
    route.send(buffer.fill(102));
    second.receive(() => buffer);
    first.receive(() => buffer);
    route.receive(() => buffer);
    expect(sent).toEqual([100, 101, 102]);
    expect(packets().map(({ protocol, datagram }) => [protocol, ...datagram])).toEqual([
      [4, 100],
      [4, 41],
      [4, 42],
      [4, 101],
      [4, 41],
      [0, 102],
      [0, 1],
    ]);
  });
});

describe("recordHost and replayHost", () => {
  const live: Host = {
    transport: fixtureTransport("udp"),
    files: {
      read: (path) => new TextEncoder().encode(`contents of ${path}`),
      list: (path) => (path === "/proc" ? ["100", "net", "9", "self"] : ["3"]),
      link: (path) => (path.startsWith("/proc/9/") ? `socket:[${path.length}]` : undefined),
      securityContext: () => undefined,
    },
    resolver: { addresses: async () => [], name: async () => undefined, rpcServices: async () => [] },
    bpf: async () => ({
      map: (id) => (id === 7 ? { id, type: 24, name: "flows", btfId: 3, valueType: 2, fd: 9 } : -2),
      btf: (id) => (id === 3 ? Uint8Array.of(1, 2, 3) : undefined),
    }),
    cgroups: () => [
      [1n, "/"],
      [98765432101n, "/a b"],
    ],
  };

  test("the replay has exactly what was read", () => {
    const folder = join(scratch, "run");
    const recorder = recordHost(live, folder);
    answers(recorder.host.transport, "udp");
    const { files } = recorder.host;
    files.list("/proc");
    files.list("/proc/9/fd");
    files.link("/proc/9/fd/3");
    files.link("/proc/100/fd/3");
    files.link("/proc/9/cwd");
    files.read("/proc/9/cwd/x");
    files.read("/proc//net/../net/tcp");
    files.read("/etc/services");
    recorder.host.cgroups();
    recorder.finish();

    const host = replayHost(folder, live.files);
    const text = (path: string) => new TextDecoder().decode(host.files.read(path));
    expect(host.files.list("/proc")).toEqual(["net", "9", "100"]);
    expect(host.files.list("/proc/9/fd")).toEqual(["3"]);
    expect(host.files.link("/proc/9/fd/3")).toBe("socket:[12]");
    expect(host.files.link("/proc/100/fd/3")).toBeUndefined();
    expect(text("/proc/net/tcp")).toBe("contents of /proc//net/../net/tcp");
    expect(text("/proc/9/cwd/x")).toBe("contents of /proc/9/cwd/x");
    expect(text("/etc/services")).toBe("contents of /etc/services");
    expect(() => host.files.read("/proc/uptime")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect([...host.cgroups()!]).toEqual([
      [1n, "/"],
      [98765432101n, "/a b"],
    ]);
    expect(existsSync(join(folder, "proc/etc"))).toBe(false);
    expect(lstatSync(join(folder, "proc/9/cwd")).isDirectory()).toBe(true);
    expect(readFileSync(join(folder, "descriptors.tsv"), "utf8")).toBe("9/fd/3\tsocket:[12]\n");
    expect(answers(host.transport, "udp")).toEqual(answers(fixtureTransport("udp"), "udp"));
  });

  test.each(["owners", "real-linux-6.18", "buffer-5mb"])(
    "%s: descriptors recorded as links and as a table are the same",
    (name) => {
      const folder = join(scratch, `again-${name}`);
      const original = replayHost(fixture(name), nothing);
      const recorder = recordHost(original, folder);
      const read = ({ files }: Pick<Host, "files">) => {
        const processes = files.list("/proc").filter((each) => /^\d+$/.test(each));
        return processes.map((process) => {
          try {
            const names = files.list(`/proc/${process}/fd`);
            return names.map((fd) => [process, fd, files.link(`/proc/${process}/fd/${fd}`)]);
          } catch {
            return [];
          }
        });
      };
      const found = read(recorder.host);
      expect(found.flat().length).toBeGreaterThan(0);
      recorder.finish();
      expect(read(replayHost(folder, nothing))).toEqual(found);
    },
  );

  test("a descriptor is one line, whatever its target is called and whether it could be read", () => {
    const targets = new Map([
      ["/proc/7/fd/0", "/tmp/a\tb\n9/fd/9\tsocket:[1]\\x0a"],
      ["/proc/7/fd/1", "socket:[5]"],
      ["/proc/7/task/8/fd/1", "/tmp/ü \u001b[31m"],
      ["/proc/self", "7"],
    ]);
    const folder = join(scratch, "lines");
    const recorder = recordHost(
      {
        ...live,
        files: {
          ...nothing,
          list: (path) =>
            path === "/proc/7/fd" ? ["0", "1", "2"] : path === "/proc/7/task/8/fd" ? ["1"] : ["7"],
          link: (path) => targets.get(path),
        },
      },
      folder,
    );
    const { files } = recorder.host;
    files.list("/proc");
    files.list("/proc/7/fd");
    files.list("/proc/7/task/8/fd");
    for (const path of [...targets.keys(), "/proc/7/fd/2"]) files.link(path);
    recorder.finish();
    expect(readFileSync(join(folder, "descriptors.tsv"), "utf8").split("\n")).toEqual([
      "7/fd/2",
      "7/fd/0\t/tmp/a\\x09b\\x0a9/fd/9\\x09socket:[1]\\x5cx0a",
      "7/fd/1\tsocket:[5]",
      "7/task/8/fd/1\t/tmp/ü \\x1b[31m",
      "",
    ]);
    const replayed = replayHost(folder, nothing).files;
    expect(replayed.list("/proc/7/fd")).toEqual(["0", "1", "2"]);
    for (const [path, target] of targets) expect(replayed.link(path)).toBe(target);
    expect(replayed.link("/proc/7/fd/2")).toBeUndefined();
    // As in procfs, a thread has a directory that is not listed, and /proc/self is a link.
    expect([replayed.list("/proc/8/fd"), replayed.link("/proc/8/fd/1")]).toEqual([
      ["1"],
      "/tmp/ü \u001b[31m",
    ]);
    expect([replayed.list("/proc/self/fd"), replayed.link("/proc/self/fd/1")]).toEqual([
      ["0", "1", "2"],
      "socket:[5]",
    ]);
  });

  test("lines about descriptors that no recorder writes are skipped", () => {
    const folder = join(scratch, "odd-lines");
    mkdirSync(join(folder, "proc/7/fd"), { recursive: true });
    writeFileSync(
      join(folder, "descriptors.tsv"),
      "7/fd/1\tsocket:[5]\n7/fd/x\tsocket:[6]\n\n../../fd/3\tsocket:[7]\n7/exe\t/bin/sh\n7/fd/2\tsocket:[8]\textra",
    );
    const { files } = replayHost(folder, nothing);
    expect(files.list("/proc/7/fd")).toEqual(["1", "2"]);
    expect(files.link("/proc/7/fd/2")).toBe("socket:[8]");
    expect([files.link("/proc/7/exe"), files.link("/proc/../fd/3")]).toEqual([undefined, undefined]);
    truncateSync(join(folder, "descriptors.tsv"), 2 ** 27);
    expect(() => replayHost(folder, nothing)).toThrow(RecordingError);
  });

  test("without a cgroup2 tree the replay has none either", () => {
    const folder = join(scratch, "no-cgroups");
    const recorder = recordHost({ ...live, cgroups: () => undefined }, folder);
    expect(recorder.host.cgroups()).toBeUndefined();
    recorder.finish();
    expect(replayHost(folder, nothing).cgroups()).toBeUndefined();
  });

  test("records the BPF maps that were read, with their types, and no others", async () => {
    const folder = join(scratch, "bpf");
    const recorder = recordHost(live, folder);
    const recorded = await recorder.host.bpf();
    const map = { id: 7, type: 24, name: "flows", btfId: 3, valueType: 2 };
    expect(recorded.map(7)).toEqual({ ...map, fd: 9 });
    expect(recorded.map(8)).toBe(-2);
    expect(recorded.btf(3)).toEqual(Uint8Array.of(1, 2, 3));
    recorder.finish();

    const replayed = await replayHost(folder, nothing).bpf();
    expect(replayed.map(7)).toEqual({ ...map, fd: undefined });
    expect(replayed.map(8)).toBe(-2);
    expect(new Uint8Array(replayed.btf(3)!)).toEqual(Uint8Array.of(1, 2, 3));
    expect(replayed.btf(4)).toBeUndefined();
    const without = await replayHost(join(scratch, "run"), nothing).bpf();
    expect(without.map(7)).toBe(-2);
    expect(existsSync(join(scratch, "run/bpf"))).toBe(false);
  });

  test("skips lines about BPF maps that no recorder writes", async () => {
    const folder = join(scratch, "bpf-lines");
    mkdirSync(join(folder, "proc"), { recursive: true });
    mkdirSync(join(folder, "bpf"));
    writeFileSync(
      join(folder, "bpf/maps.txt"),
      "1 24 1 1 \n2 24 1\nx\n3 24 1 1 a\u001b[31m\n4 24 0 0 b.c_1\n",
    );
    const { map } = await replayHost(folder, nothing).bpf();
    expect([1, 2, 3, 4].map((id) => typeof map(id))).toEqual(["object", "number", "number", "object"]);
  });

  test("a folder that cannot be written or is not empty causes one clear error", () => {
    const file = join(scratch, "file");
    writeFileSync(file, "");
    expect(() => recordHost(live, file)).toThrow(new RecordingError("write", file, "not a directory"));
    expect(() => recordHost(live, join(file, "below"))).toThrow(/: not a directory$/);
    expect(() => recordHost(live, join(scratch, "missing/below"))).toThrow(/: no such file or directory$/);
    const twice = join(scratch, "twice");
    recordHost(live, twice).finish();
    expect(() => recordHost(live, twice)).toThrow(/: the folder is not empty$/);
  });

  test("only the user can read a recording", () => {
    const folder = join(scratch, "private");
    const recorder = recordHost(live, folder);
    recorder.host.files.read("/proc/9/cmdline");
    recorder.host.cgroups();
    recorder.finish();
    const modes = ["", "proc", "proc/9", "recording.pcap", "cgroups.txt", "proc/9/cmdline"].map(
      (name) => statSync(join(folder, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600, 0o600, 0o600]);
  });

  test("a folder in which somebody else could place links is refused", () => {
    const victim = join(scratch, "victim");
    const prepared = join(scratch, "prepared");
    mkdirSync(prepared);
    symlinkSync(victim, join(prepared, "cgroups.txt"));
    expect(() => recordHost(live, prepared)).toThrow(/: the folder is not empty$/);
    const shared = join(scratch, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    expect(() => recordHost(live, shared)).toThrow(/: other users may write to the folder$/);
    const link = join(scratch, "link");
    mkdirSync(join(scratch, "target"), { mode: 0o700 });
    symlinkSync(join(scratch, "target"), link);
    expect(() => recordHost(live, link)).toThrow(/: not a directory$/);
    expect(existsSync(victim)).toBe(false);
  });

  test.skipIf(process.getuid?.() !== 0)("a folder of another user is refused (needs root)", () => {
    const folder = join(scratch, "strangers");
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 65534, 65534);
    expect(() => recordHost(live, folder)).toThrow(/: the folder belongs to another user$/);
  });

  test("writes into the same folder even if it is renamed during the run", () => {
    const folder = join(scratch, "renamed");
    const elsewhere = join(scratch, "elsewhere");
    mkdirSync(elsewhere);
    const recorder = recordHost(live, folder);
    renameSync(folder, join(scratch, "moved"));
    symlinkSync(elsewhere, folder);
    recorder.finish();
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(join(scratch, "moved"))).toContain("recording.pcap");
  });

  test("a bounded read is replayed with the same end", () => {
    const folder = join(scratch, "bounded");
    const long = { ...live.files, read: (path: string, bound?: ReadBound) => readZeros(path, bound) };
    const recorder = recordHost({ ...live, files: long }, folder);
    const bound = { limit: 100 };
    expect(readBounded(recorder.host.files, "/proc/9/cmdline", bound).cut).toBe(true);
    recorder.finish();
    expect(statSync(join(folder, "proc/9/cmdline")).size).toBe(101);
    const { files } = replayHost(folder, nothing);
    expect(readBounded(files, "/proc/9/cmdline", bound)).toEqual({ bytes: new Uint8Array(100), cut: true });
  });

  test("anything other than a recording causes one clear error", () => {
    const missing = join(scratch, "missing");
    expect(() => replayHost(missing, nothing)).toThrow(
      new RecordingError("read", missing, "no such file or directory"),
    );
    const empty = join(scratch, "empty");
    mkdirSync(empty);
    expect(() => replayHost(empty, nothing)).toThrow(/neither recording.pcap nor proc in it$/);
    const text = join(scratch, "text");
    writeFileSync(text, "hello");
    expect(() => replayHost(text, nothing)).toThrow(/^Cannot read recording .*: not a pcap file$/);
  });

  test("a bare pcap has no /proc and no cgroups", () => {
    const host = replayHost(join(fixture("owners"), "recording.pcap"), nothing);
    expect(() => host.files.list("/proc")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(host.cgroups()).toBeUndefined();
    expect(answers(host.transport, "owners").length).toBeGreaterThan(0);
  });

  test("processes are listed by number; threads exist without being listed", () => {
    const folder = join(scratch, "threads");
    for (const path of ["proc/7/task/7", "proc/7/task/8", "proc/10", "proc/9/task/7"])
      mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, "proc/7/task/8/comm"), "worker\n");
    symlinkSync("socket:[5]", join(folder, "proc/7/task/8/link"));
    const { files } = replayHost(folder, nothing);
    expect(files.list("/proc/")).toEqual(["7", "9", "10"]);
    expect(new TextDecoder().decode(files.read("/proc/8/comm"))).toBe("worker\n");
    expect(files.link("/proc/8/link")).toBe("socket:[5]");
    expect(() => files.read("/proc/11/comm")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  test("a link that leads out of the recording is not followed", () => {
    const folder = join(scratch, "escape");
    mkdirSync(join(folder, "proc/net"), { recursive: true });
    writeFileSync(join(scratch, "secret"), "secret");
    writeFileSync(join(folder, "proc/net/tcp"), "inside");
    symlinkSync(join(scratch, "secret"), join(folder, "proc/outside"));
    symlinkSync(scratch, join(folder, "proc/folder"));
    symlinkSync("secret", join(scratch, "outer"));
    symlinkSync("net/tcp", join(folder, "proc/inside"));
    const { files } = replayHost(folder, nothing);
    const enoent = expect.objectContaining({ code: "ENOENT" });
    expect(() => files.read("/proc/outside")).toThrow(enoent);
    expect(() => files.read("/proc/folder/secret")).toThrow(enoent);
    expect(() => files.list("/proc/folder")).toThrow(enoent);
    expect(files.link("/proc/folder/outer")).toBeUndefined();
    expect(new TextDecoder().decode(files.read("/proc/inside"))).toBe("inside");
  });

  describe("a recording of a stranger", () => {
    const fifo = (path: string) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    const recording = (name: string) => {
      const folder = join(scratch, name);
      mkdirSync(join(folder, "proc/net"), { recursive: true });
      return folder;
    };

    test("with a FIFO or a device for a file is refused and does not hang", () => {
      const folder = recording("fifo");
      fifo(join(folder, "recording.pcap"));
      expect(() => replayHost(folder, nothing)).toThrow(/: not a regular file$/);
      rmSync(join(folder, "recording.pcap"));
      symlinkSync("/dev/zero", join(folder, "recording.pcap"));
      expect(() => replayHost(folder, nothing)).toThrow(/: not a regular file$/);
      rmSync(join(folder, "recording.pcap"));
      symlinkSync("/dev/zero", join(folder, "cgroups.txt"));
      expect(() => replayHost(folder, nothing)).toThrow(/: not a regular file$/);
    });

    test("with a FIFO below proc lacks that file", () => {
      const folder = recording("proc-fifo");
      fifo(join(folder, "proc/net/tcp"));
      const { files } = replayHost(folder, nothing);
      expect(() => files.read("/proc/net/tcp")).toThrow(expect.objectContaining({ code: "EINVAL" }));
    });

    test("with a file that is too long is refused", () => {
      const folder = recording("sparse");
      writeFileSync(join(folder, "recording.pcap"), "");
      truncateSync(join(folder, "recording.pcap"), 2 ** 40);
      expect(() => replayHost(folder, nothing)).toThrow(/: file too large$/);
    });

    test("whose proc is a link does not show this machine", () => {
      const folder = recording("proc-link");
      rmSync(join(folder, "proc"), { recursive: true });
      symlinkSync("/proc", join(folder, "proc"));
      expect(() => replayHost(folder, nothing)).toThrow(/: proc in it is not a directory$/);
    });
  });

  test("the only host name is localhost", async () => {
    const { resolver } = replayHost(fixture("resolve"), nothing);
    expect(await resolver.addresses("localhost", 2)).toEqual([Uint8Array.of(127, 0, 0, 1)]);
    expect((await resolver.addresses("localhost", undefined)).length).toBe(2);
    expect(await resolver.addresses("example.org", 2)).toEqual([]);
    expect(await resolver.name(Uint8Array.of(127, 0, 0, 1))).toBe("localhost");
    expect(await resolver.name(Uint8Array.of(127, 0, 0, 2))).toBeUndefined();
  });
});
