/** What ss and Sockscope make of names, paths, bytes and standard output, in one world and in the same run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { obstacle } from "./namespace.ts";

const root = join(import.meta.dirname, "../..");
const executable = join(root, "dist/sockscope");
const withoutNetlink = join(import.meta.dirname, "without-netlink.ts");
const NETLINK_ROUTE = "0";
const NETLINK_SOCK_DIAG = "4";

const noRoot = process.getuid?.() === 0 ? undefined : "only root can replace files of /etc";
const skipped = obstacle ?? (Bun.which("ss") === null ? "ss is not installed" : undefined) ?? noRoot;

const suite = "beside the installed ss";
describe.skipIf(skipped !== undefined)(
  skipped === undefined ? suite : `${suite} (skipped: ${skipped})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "fidelity-"));
    let world: Subprocess<"pipe", "pipe", "inherit">;
    let group: string;

    beforeAll(async () => {
      if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
      const script = [process.execPath, join(import.meta.dirname, "fidelity-world.ts"), folder];
      world = Bun.spawn(["unshare", "--net", "--mount", "--", ...script], {
        stdin: "pipe",
        stderr: "inherit",
      });
      const { value } = await world.stdout.getReader().read();
      if (value === undefined) throw new Error("No world");
      group = readFileSync(join(folder, "group"), "utf8");
    });
    afterAll(async () => {
      world?.stdin.end();
      await world?.exited;
      rmSync(folder, { recursive: true });
    });

    /** Runs a shell command in the world. Arguments are positional parameters of the shell. */
    function shell(command: string, ...parameters: string[]) {
      const enter = ["nsenter", "--target", `${world.pid}`, "--net", "--mount", "--"];
      const { stdout, stderr, exitCode } = Bun.spawnSync(
        [...enter, "bash", "-c", command, "-", ...parameters],
        {
          stderr: "pipe",
        },
      );
      // One character a byte; rows without the padding that differs between releases of ss.
      const rows = stdout.toString("latin1").split("\n").filter(Boolean);
      const plain = rows.map((row) => row.replace(/ +/g, " ").trim()).sort();
      return { rows: plain, stderr: stderr.toString("latin1"), exit: exitCode };
    }

    /** The same command with both programs. */
    function both(command: string) {
      const of = (program: string) => shell(`ss() { ${program} "$@"; }\n${command}`);
      return { ss: of("command ss"), sockscope: of(executable) };
    }

    test.each([
      ["names of hosts, whatever their bytes", "ss -Htlr", 7],
      ["names of services in any base and of any bytes", "ss -Htl", 7],
      ["a host name beyond ASCII", "ss -Htln src ünï.example", 1],
      ["a host name of bytes that are not UTF-8", "ss -Htln src $'b\\xff'", 1],
      ["a service with a hexadecimal port", "ss -Htln sport = hexa", 5],
      ["a service of bytes that are not UTF-8", "ss -Htln sport = $'b\\xff'", 1],
      ["a pattern of bytes", "ss -Hxan src $'unix:@\\xff*'", 1],
      ["a range of bytes", "ss -Hxan src $'unix:@[\\x80-\\xff]*'", 1],
      ["a pattern of bytes in a file", "ss -Hxan -F <(printf 'src unix:@\\xff*')", 1],
      ["an interface with a label", "ss -Htln dev lo:7", 1],
      ["an IPv4 address among XDP sockets", "ss -H --xdp src 10.0.0.1", 0],
    ])("%s: %s", (_, command, count) => {
      const { ss, sockscope } = both(command);
      expect(sockscope).toEqual(ss);
      expect(ss.rows.length).toBe(count);
    });

    test("names of netlink protocols, shown and in filters", () => {
      const { ss, sockscope } = both("ss -Hnf netlink src gen:kernel; ss -Hf netlink src route:kernel");
      expect(sockscope).toEqual(ss);
      expect(ss.rows.length).toBe(2);
      const wrong = both("ss -Hf netlink src genl");
      expect(wrong.sockscope).toEqual(wrong.ss);
      expect(wrong.ss.exit).toBe(1);
    });

    test.each(["localhost", "dual"])("a name of two families matches the addresses of both: %s", (name) => {
      const { ss, sockscope } = both(`ss -Htln src ${name}`);
      expect(ss.rows.length).toBe(3);
      expect(sockscope.rows).toEqual(expect.arrayContaining([...ss.rows]));
      const others = sockscope.rows.filter((row) => !ss.rows.includes(row));
      expect(others.map((row) => row.split(" ")[3])).toEqual(["[::1]:8080"]);
    });

    test.each([
      ["its path", '"$G/sub"'],
      ["a path with dots", '"$G/./sub/../sub"'],
      ["a symbolic link", '"$F/link/sub"'],
      ["another root", '"/proc/self/root$G/sub"'],
    ])("a control group by %s", (_, path) => {
      const { ss, sockscope } = both(`G=${group} F=${folder}; ss -Htln cgroup ${path}`);
      expect(sockscope).toEqual(ss);
      expect(ss.rows.length).toBe(7);
    });

    test("a control group from the working directory", () => {
      for (const [directory, path] of [
        [group, "sub"],
        [join(group, "sub"), "."],
      ]) {
        const { ss, sockscope } = both(`cd ${directory} && ss -Htln cgroup ${path}`);
        expect(sockscope).toEqual(ss);
        expect(ss.rows.length).toBe(7);
      }
    });

    test("a path that exists outside of the control groups is refused, and is no control group's name", () => {
      // ss takes the number of an unrelated file, which no socket has. Below the tree, `.` would be its root.
      for (const path of [".", "..", "./", "/", "/etc"]) {
        const { ss, sockscope } = both(`cd / && ss -Htln cgroup ${path}`);
        expect(ss).toEqual({ rows: [], stderr: "", exit: 0 });
        expect(sockscope).toEqual({
          rows: [],
          stderr: `Invalid cgroup2 path\nCannot parse cgroup ${path}.\n`,
          exit: 1,
        });
      }
    });

    test("the library on Bun looks up names of hosts through the C library", () => {
      const program = `
        import { socketsAsync } from "${root}/src/index.ts";
        let count = 0;
        for await (const _ of socketsAsync({ tables: ["tcp"], filter: "src ünï.example" })) count++;
        console.log(count)`;
      const script = `
        unshare --mount bash -c '
          file=$(mktemp) && echo "hosts: $3" > $file && mount --bind $file /etc/nsswitch.conf && rm $file
          "$1" -e "$2"' - "$@"`;
      expect(shell(script, process.execPath, program, "files")).toMatchObject({ rows: ["1"], exit: 0 });
      // Other resolvers ignore what to do if a module is missing, and would read the hosts file.
      const unavailable = shell(script, process.execPath, program, "missing [UNAVAIL=return] files");
      expect(unavailable.rows).toEqual([]);
      expect(unavailable.stderr).toContain("FilterError");
    });

    test("a path that only begins like a control group is refused", () => {
      const { ss, sockscope } = both(`ss -Htln cgroup ${group}x/sub`);
      expect(sockscope).toEqual(ss);
      expect(sockscope.exit).toBe(1);
    });

    test.each([
      [">&-", 1],
      ["> /dev/full", 1],
    ])("-K closes sockets although nothing can be written: %s", (where, exit) => {
      const script = `
      exec 3<>/dev/tcp/127.0.0.2/8080
      ss -Htn dport = 8080
      ${executable} -Ktn dport = 8080 ${where}
      echo status $?
      ss -Htn dport = 8080`;
      const { rows, stderr } = shell(script);
      expect(rows.length).toBe(2);
      expect(rows[0]).toStartWith("ESTAB");
      expect(rows[1]).toBe(`status ${exit}`);
      expect(stderr).toContain("Cannot write to standard output");
    });

    test("where SIGPIPE is ignored, a reader that goes away is no failure", () => {
      const script = (trap: string) => `set -o pipefail; ${trap}; (sleep 0.3; ss -Htln) | true; echo $?`;
      const { ss, sockscope } = both(script("trap '' PIPE"));
      expect(sockscope).toEqual(ss);
      expect(sockscope.rows).toEqual(["0"]);
      const killed = both(script(":"));
      expect(killed.sockscope.rows).toEqual(killed.ss.rows);
      expect(killed.ss.rows).toEqual(["141"]);
    });

    /** Runs a program to which the kernel refuses a netlink protocol. */
    function refused(protocol: string, program: string, args: string) {
      return shell(`${process.execPath} ${withoutNetlink} ${protocol} ${program} ${args}`);
    }

    test("a kernel without sock_diag gives the messages of ss", () => {
      for (const args of ["-HKt sport = 1", `-Htln cgroup ${group}`, "-E"]) {
        const [ss, sockscope] = ["ss", executable].map((program) =>
          refused(NETLINK_SOCK_DIAG, program, args),
        );
        expect([args, sockscope]).toEqual([args, ss]);
        expect(ss!.stderr).not.toBe("");
      }
    });

    test("interfaces have their names without NETLINK_ROUTE", () => {
      const ss = refused(NETLINK_ROUTE, "ss", "-Htln src 127.0.0.4");
      expect(ss.rows[0]).toContain(" 127.0.0.4%lo:8080 ");
      for (const filter of ["src 127.0.0.4", "dev lo"])
        expect(refused(NETLINK_ROUTE, executable, `-Htln ${filter}`)).toEqual({ ...ss, stderr: "" });
    });
  },
);
