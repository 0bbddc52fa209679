import { afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { obstacle } from "./namespace.ts";
import { normalise, releaseOf } from "./normalise.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const TEST_LIMIT_MS = 30_000;

const noRoot =
  process.getuid?.() === 0 ? undefined : "only root can put another rpcbind in the place of ours";
const skipped = obstacle ?? noRoot;
const ss = Bun.which("ss");
/** ss queries rpcbind only if it was built with RPC support. */
const noRpc =
  ss !== null && Bun.spawnSync(["ldd", ss]).stdout.includes("libtirpc")
    ? undefined
    : "there is no ss that asks rpcbind";
const release = ss === null ? undefined : releaseOf(Bun.spawnSync([ss, "-V"]).stdout.toString());

describe.skipIf(skipped !== undefined)(
  skipped === undefined ? "RPC services" : `RPC services (skipped: ${skipped})`,
  () => {
    const worlds: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const close of worlds.splice(0)) await close();
    });

    /** A world with a server in place of rpcbind. */
    async function makeWorld(manner: "answers" | "silent") {
      if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
      const script = [process.execPath, join(import.meta.dirname, "rpc-world.ts"), manner];
      const world = Bun.spawn(["unshare", "--net", "--mount", "--", ...script], {
        stdin: "pipe",
        stderr: "inherit",
      });
      worlds.push(() => {
        world.stdin.end();
        return world.exited;
      });
      const { value } = await world.stdout.getReader().read();
      if (value === undefined) throw new Error("No world with a server in the place of rpcbind");
      return (program: string, ...args: string[]) => {
        const enter = ["nsenter", "--target", `${world.pid}`, "--net", "--mount", "--"];
        const { stdout, stderr, exitCode } = Bun.spawnSync([...enter, program, ...args], { stderr: "pipe" });
        return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
      };
    }

    /** The ports in a listing, as shown. */
    const portsOf = ({ stdout }: { stdout: string }) =>
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/ +/)[3]!.replace(/.*:/, ""));

    test(
      "-r shows the names of programs in place of services, -n and neither do not",
      async () => {
        const run = await makeWorld("answers");
        const ports = portsOf(run(executable, "-4Htlr"));
        // A program without a name hides that port 80 is that of a service.
        for (const port of ["rpc.nfs", "rpc.mountd", "rpc.ypbind", "80", "40002"])
          expect(ports).toContain(port);
        expect(portsOf(run(executable, "-4Hular"))).toContain("rpc.nlockmgr");
        for (const options of ["-Htlrn", "-Htl"])
          expect(run(executable, options).stdout).not.toContain("rpc.");
      },
      TEST_LIMIT_MS,
    );

    test.skipIf(noRpc !== undefined)(
      noRpc === undefined ? "each listing is that of ss" : `each listing is that of ss (skipped: ${noRpc})`,
      async () => {
        const run = await makeWorld("answers");
        for (const line of [
          "-Htlr",
          "-Hular",
          "-Htulr",
          "-Htulrn",
          "-Htul",
          "-Htlr sport = :rpc.nfs",
          "-Htulr sport = :rpc.nlockmgr or sport = rpc.portmapper",
          "-Htulr src [::1]:rpc.ypserv",
          "-Htlr sport = :rpc.nlockmgr",
          "-Hular sport = :rpc.nfs",
          "-Htl sport = :rpc.nfs",
        ]) {
          const seen = (program: string, from: "ss" | "ours") => {
            const { stdout, stderr, exit } = run(program, ...line.split(" "));
            return { line, stdout: normalise(stdout, from, release!), stderr, exit };
          };
          expect(seen(executable, "ours")).toEqual(seen("ss", "ss"));
        }
      },
      TEST_LIMIT_MS,
    );

    test(
      "a server that does not answer keeps nobody waiting",
      async () => {
        const run = await makeWorld("silent");
        const { stdout, exit } = run(executable, "-4Htlr", "--resolve-timeout", "0.2");
        expect(exit).toBe(0);
        expect(stdout).not.toContain("rpc.");
        expect(stdout.trim().split("\n")).toHaveLength(7);
      },
      TEST_LIMIT_MS,
    );
  },
);
