import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { libc } from "#libc";
import { makeWorld, obstacle, type World } from "./namespace.ts";

setDefaultTimeout(60_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const NAMES = "/var/run/netns";
const MS_BIND = 0x1000;
const MNT_DETACH = 2;

const NAMESPACES = 20;
const PROCESSES = 10;

const noRoot = process.getuid?.() === 0 ? undefined : "only root can enter other namespaces";
const skipped = obstacle ?? noRoot;
const title = (text: string) => (skipped === undefined ? text : `${text} (skipped: ${skipped})`);

/** A namespace that the test made. */
interface Made {
  readonly inode: number;
  /** Name of its loopback interface. */
  readonly link: string;
  /** The process in it that started the others. */
  readonly pid: number;
  readonly holders: readonly { readonly pid: number; readonly port: number }[];
  end(): Promise<unknown>;
}

async function makeNamespace(link: string, processes: number): Promise<Made> {
  const script = join(import.meta.dirname, "netns-world.ts");
  const command = ["unshare", "--net", "--", process.execPath, script, link, String(processes)];
  const { pid, stdin, stdout, exited } = Bun.spawn(command, { stdin: "pipe", stderr: "inherit" });
  const { value } = await stdout.getReader().read();
  if (value === undefined) throw new Error(`No namespace with ${link}`);
  const inode = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))![0]);
  const end = () => {
    stdin.end();
    return exited;
  };
  return { inode, link, pid, holders: JSON.parse(new TextDecoder().decode(value)), end };
}

function runAll(...args: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([executable, "--all-netns", ...args], {
    stderr: "pipe",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

/** A row of our JSON. */
interface Row {
  readonly netns: { readonly name?: string; readonly pid?: number; readonly inode: number };
  readonly local: { readonly port: number; readonly interface?: string };
  readonly processes: readonly { readonly pid: number }[];
}

describe.skipIf(skipped !== undefined)(title("--all-netns"), () => {
  const made: Made[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "netns-"));
  const name = `sockscope-${process.pid}`;
  const stale = `${name}-stale`;
  const elsewhere = join(scratch, "bound");
  const mounts: string[] = [];
  let madeNames = false;
  /** The named namespace, the one without a process, and the others. */
  let named: Made;
  let deserted: Made;

  function bindMount(source: string, target: string): void {
    writeFileSync(target, "");
    mounts.push(target);
    const result = libc.mount(source, target, null, MS_BIND);
    if (result < 0) throw new Error(`mount: ${libc.strerror(-result)}`);
  }

  beforeAll(async () => {
    if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
    for (let index = 0; index < NAMESPACES; index += 5) {
      const links = Array.from({ length: 5 }, (_, each) => `home${index + each}`);
      made.push(...(await Promise.all(links.map((link) => makeNamespace(link, PROCESSES)))));
    }
    madeNames = !existsSync(NAMES);
    mkdirSync(NAMES, { recursive: true });
    named = made[0]!;
    bindMount(`/proc/${named.pid}/ns/net`, join(NAMES, name));
    writeFileSync(join(NAMES, stale), "");
    deserted = await makeNamespace("home", 0);
    bindMount(`/proc/${deserted.pid}/ns/net`, elsewhere);
    await deserted.end();
  }, 60_000);

  afterAll(async () => {
    for (const { end } of made) await end();
    for (const target of mounts) {
      libc.umount(target, MNT_DETACH);
      unlinkSync(target);
    }
    rmSync(join(NAMES, stale), { force: true });
    if (madeNames) rmdirSync(NAMES);
    rmSync(scratch, { recursive: true });
  });

  test("lists every listener with its namespace, interface and owner", () => {
    const { stdout, exit } = runAll("-tlnp", "--json");
    const inodes = new Set(made.map(({ inode }) => inode));
    const found = (JSON.parse(stdout) as Row[])
      .filter(({ netns }) => inodes.has(netns.inode))
      .map(({ netns, local, processes }) =>
        [netns.inode, local.interface, local.port, ...processes.map(({ pid }) => pid)].join(" "),
      );
    const expected = made.flatMap(({ inode, link, holders }) =>
      holders.map(({ pid, port }) => [inode, link, port, pid].join(" ")),
    );
    expect(expected).toHaveLength(NAMESPACES * PROCESSES);
    expect(found.sort()).toEqual(expected.sort());
    expect(exit).toBe(0);
  });

  test("lists all of them with fewer descriptors than there are namespaces", () => {
    const limited = ["prlimit", "--nofile=16:16", executable, "--all-netns", "-tln", "--json"];
    const { stdout, exitCode } = Bun.spawnSync(limited, { stderr: "ignore" });
    const rows = JSON.parse(stdout.toString()) as Row[];
    const of = (wanted: number) => rows.filter(({ netns }) => netns.inode === wanted).length;
    expect(made.map(({ inode }) => of(inode))).toEqual(made.map(() => PROCESSES));
    expect(exitCode).toBe(0);
  });

  test("exits with 1 where no socket can be opened", () => {
    const limited = ["prlimit", "--nofile=7:7", executable, "--all-netns", "-tln"];
    const { stderr, exitCode } = Bun.spawnSync(limited, { stderr: "pipe" });
    expect(stderr.toString()).toContain("Too many open files\n");
    expect(exitCode).toBe(1);
  });

  test("labels each row with the name of its namespace, or a process in it", () => {
    const { stdout } = runAll("-tlnHp");
    const labels = (of: Made) =>
      stdout
        .split("\n")
        .filter((line) => line.includes(`%${of.link}:`))
        .map((line) => line.split(/ +/)[0]);
    expect(labels(named)).toEqual(Array(PROCESSES).fill(name));
    expect(labels(made[1]!)).toEqual(Array(PROCESSES).fill(`pid:${made[1]!.pid}`));
  });

  test("adds its column before ss's, which are unchanged", () => {
    const [header, ...rows] = runAll("-tln", "dev", named.link).stdout.trimEnd().split("\n");
    expect(header).toMatch(/^Netns +State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port/);
    expect(rows).toHaveLength(PROCESSES);
    const own = Bun.spawnSync([executable, "-tlnH", "-N", name, "dev", named.link]).stdout.toString();
    const cells = (line: string) => line.trim().split(/ +/);
    expect(rows.map((line) => cells(line).slice(1))).toEqual(own.trimEnd().split("\n").map(cells));
  });

  test("resolves a filter's interfaces in each namespace separately", () => {
    const { stdout, exit } = runAll("-tln", "--json", "dev", made[7]!.link);
    expect(exit).toBe(0);
    expect((JSON.parse(stdout) as Row[]).map(({ netns }) => netns.inode)).toEqual(
      Array(PROCESSES).fill(made[7]!.inode),
    );
    expect(runAll("-tln", "dev", "nowhere0")).toMatchObject({ stdout: "", exit: 1 });
  });

  test("lists namespaces that are only mounted", () => {
    // Every namespace has a netlink socket of the kernel.
    const { stdout } = runAll("-f", "netlink", "-aH");
    expect(stdout).toMatch(new RegExp(`^inode:${deserted.inode} `, "m"));
  });

  test("shows no service names for the ephemeral ports of a namespace", async () => {
    const services = existsSync("/etc/services") ? readFileSync("/etc/services", "latin1") : "";
    const [, service, port] = /^([a-z]\S*)\s+(\d{4,5})\/tcp/m.exec(services) ?? ["", "9999", "9999"];
    const script = `
      require("node:fs").writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", process.argv.at(-1));
      require("node:net").createServer().listen(${port}, "0.0.0.0", () => console.log("listening"));`;
    const shown: string[] = [];
    for (const range of [`${port} 65000`, "65000 65001"]) {
      await using listener = Bun.spawn(["unshare", "--net", "--", process.execPath, "-e", script, range]);
      await listener.stdout.getReader().read();
      const row = runAll("-tlH", "netns", "=", `pid:${listener.pid}`).stdout;
      shown.push(/ 0\.0\.0\.0:(\S+)/.exec(row)?.[1] ?? row);
    }
    expect(shown).toEqual([port!, service!]);
  });

  test("reports namespaces that cannot be entered, and continues", () => {
    const { stderr, exit } = runAll("-tln");
    const about = stderr.split("\n").filter((line) => line.includes(`"${stale}"`));
    expect(about).toEqual([`Cannot enter network namespace "${stale}": it is not a network namespace`]);
    expect(exit).toBe(0);
  });
});

test.skipIf(skipped !== undefined)(
  title("--all-netns lists the sockets that a run inside of each namespace lists"),
  async () => {
    await using worlds = new AsyncDisposableStack();
    const making = [
      [],
      ["tcp-bound"],
      ["udp-bound"],
      ["tcp-listen"],
      ["tcp-time-wait"],
      ["tcp-syn-recv"],
      ["tcp-established", "tcp-bound"],
    ] as const;
    const made = await Promise.all(making.map(async (names) => worlds.use(await makeWorld(names))));
    for (const args of [["-tuanH"], ["-tnH"]]) {
      const rows = runAll(...args).stdout.split("\n");
      const words = (row: string) => row.trim().replace(/ +/g, " ");
      for (const [index, { pid, run }] of made.entries()) {
        const found = rows.map(words).filter((row) => row.startsWith(`pid:${pid} `));
        const inside = run([executable, ...args])
          .stdout.split("\n")
          .map(words)
          .filter(Boolean);
        const sorted = found.map((row) => row.slice(`pid:${pid} `.length)).sort();
        expect([making[index], ...sorted]).toEqual([making[index], ...inside.sort()]);
        if (args[0] === "-tuanH") expect(inside.length > 0).toBe(index > 0);
      }
    }
  },
);

describe.skipIf(obstacle !== undefined)(
  obstacle === undefined ? "--peer" : `--peer (skipped: ${obstacle})`,
  () => {
    /** A row of our JSON with both ends. */
    interface Pair {
      readonly inode: number;
      readonly local: { readonly address: string; readonly port: number; readonly path?: string };
      readonly peer: {
        readonly inode?: number;
        readonly address: string;
        readonly port: number;
        readonly path?: string;
        readonly processes?: readonly { readonly fd: number }[];
      };
      readonly processes: readonly { readonly fd: number }[];
    }
    let world: World | undefined;
    const pairs = (...args: string[]) =>
      JSON.parse(world!.run([executable, "-np", "--json", ...args]).stdout) as Pair[];

    beforeAll(async () => {
      world = await makeWorld(["tcp-established", "tcp-v4-mapped", "unix-connected"]);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("finds the other end of TCP connections, even if one end is IPv4-mapped", () => {
      const rows = pairs("-t", "--peer");
      expect(rows).toHaveLength(6);
      const plain = ({ address, port }: Pair["peer"]) => `${address.replace("::ffff:", "")} ${port}`;
      for (const { peer } of rows) {
        const other = rows.find(({ local }) => plain(local) === plain(peer));
        expect(peer.processes).toEqual(other!.processes);
      }
    });

    test("finds the other end if only one end is listed", () => {
      const { local, peer } = pairs("-t", "--peer")[0]!;
      const [row] = pairs("-t", "--peer", "sport", "=", `:${local.port}`, "dport", "=", `:${peer.port}`);
      expect(row!.peer.processes).toEqual(peer.processes!);
    });

    test("shows both ends of UNIX sockets with their names", () => {
      const rows = pairs("-x");
      const both = rows.flatMap((row) => {
        // The other ends of the owner's standard streams are in our own namespace.
        const other = rows.find(({ inode }) => inode === row.peer.inode);
        return other === undefined ? [] : [{ row, other }];
      });
      for (const { row, other } of both) {
        expect(row.peer.processes).toEqual(other.processes);
        // An unnamed socket has no name for its own end.
        expect(row.peer.path).toBe((other.local as Pair["local"] | undefined)?.path as string);
      }
      const paths = both.map(({ row }) => row.peer.path?.replace(/.*\//, "")).sort();
      expect(paths).toEqual(["connected-1", "connected-5", undefined, undefined]);
    });

    test("adds a column after the processes", () => {
      const [header, ...rows] = world!.run([executable, "-x", "--peer"]).stdout.trimEnd().split("\n");
      expect(header).toMatch(/Process +Peer Process$/);
      for (const row of rows) expect(row.match(/users:\(\("/g)).toHaveLength(2);
    });
  },
);

/** Names the namespace `bound` and gives it two files for /etc, where only `hosts` exists. */
const BOUND = [
  "mount -t tmpfs none /run && mount -t tmpfs none /etc",
  "mkdir -p /run/netns /etc/netns/bound",
  "touch /run/netns/bound /etc/hosts /etc/netns/bound/hosts /etc/netns/bound/missing",
  "mount --bind /proc/self/ns/net /run/netns/bound",
].join(" && ");

test.skipIf(skipped !== undefined)(
  title("-N says which file of /etc/netns it cannot mount, and lists"),
  () => {
    const command = `${BOUND} && exec "$0" -N bound -tan`;
    const { stdout, stderr, exitCode } = Bun.spawnSync([
      ...["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", command],
      executable,
    ]);
    expect(stderr.toString()).toBe(
      "Bind /etc/netns/bound/missing -> /etc/missing failed: No such file or directory\n",
    );
    expect(stdout.toString()).toStartWith("State ");
    expect(exitCode).toBe(0);
  },
);
