/** Queries twenty hosts with real sshds: network namespaces, some of them broken in known ways. See sshd-world.py. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "../kernel/namespace.ts";

setDefaultTimeout(120_000);

const dist = join(import.meta.dirname, "../../dist");
const executable = join(dist, "sockscope");
const sshd = join(dist, "sshd");

/** Why the hosts cannot be made; undefined if they can. */
function whyNot(): string | undefined {
  if (obstacle !== undefined) return obstacle;
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  if (!existsSync(join(sshd, "usr/sbin/sshd"))) return "sshd is not unpacked in dist/sshd: see .ci/run";
  return ["ssh", "ssh-keygen", "python3"]
    .filter((program) => Bun.which(program) === null)
    .map((program) => `${program} is not installed`)[0];
}
const skipped = whyNot();

/** Every host of the world but those whose packets vanish. */
const HOSTS =
  "web[1-5],slow[1-2],inner1,older1,escapes1,garbage1,absent1,strange1,changed1,denied1,refused[1-2],noroute1";

describe.skipIf(skipped !== undefined)(`over real ssh${skipped ? ` (skipped: ${skipped})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-sshd-"));
  const ownSsh = join(folder, "home/.ssh");
  let world: Bun.Subprocess<"pipe", "pipe", "inherit">;
  let target: string;

  beforeAll(async () => {
    const script = join(import.meta.dirname, "sshd-world.py");
    world = Bun.spawn(
      [
        ...["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"],
        ...["python3", script, folder, sshd, executable],
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    const { value } = await world.stdout.getReader().read();
    expect(new TextDecoder().decode(value).trim()).toBe("ready");
    target = readFileSync(`/proc/${world.pid}/task/${world.pid}/children`, "utf8").trim();
  });
  afterAll(async () => {
    world?.stdin.end();
    await world?.exited;
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the program as the user of the world, whose home has an ssh configuration. */
  async function run(...args: readonly string[]) {
    const child = Bun.spawn(
      ["nsenter", `--target=${target}`, "--net", "--mount", "--pid", "--", executable, ...args],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { stdout, stderr, status: await child.exited };
  }

  test("the hosts that can answer do, and the others are named with the reason", async () => {
    const knownBefore = readFileSync(join(ownSsh, "known_hosts"), "utf8");
    const { stdout, stderr, status } = await run("--host", HOSTS, "-Htln");
    const listeners = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ +/));
    expect(listeners.map(([host, state, , , local]) => `${host} ${state} ${local}`)).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => `web${n} LISTEN 10.8.0.${n}:22`),
      ...[1, 2].map((n) => `slow${n} LISTEN 10.8.0.${n + 5}:22`),
      "inner1 LISTEN 10.8.1.2:22",
    ]);
    expect(stderr.split("\n")).toEqual([
      "sockscope: escapes1: \\x1b[2Jcleared",
      "sockscope: 10 of 18 hosts did not answer:",
      "  older1: its sockscope 0.0.9 speaks protocol 0, and this one 1",
      "  escapes1: its answer is malformed: a row of another shape",
      "  garbage1: its answer is malformed: a line that is not JSON",
      "  absent1: sockscope is not installed there",
      "  strange1,changed1: Host key verification failed.",
      "  denied1: root@10.8.0.14: Permission denied (publickey,password,keyboard-interactive).",
      "  refused[1-2]: Connection refused",
      "  noroute1: No route to host",
      "",
    ]);
    expect(status).toBe(1);
    // The user's configuration accepts new keys and runs a local command, even for the jump host.
    expect(readFileSync(join(ownSsh, "known_hosts"), "utf8")).toBe(knownBefore);
    expect(existsSync(join(folder, "local"))).toBe(false);
  });

  test("a host that does not answer at all is named after the connect timeout", async () => {
    const { stderr, status } = await run("--host", "hole[1-2]", "--host-timeout", "3", "-Htln");
    expect(stderr).toBe("sockscope: 2 of 2 hosts did not answer:\n  hole[1-2]: Connection timed out\n");
    expect(status).toBe(1);
  });

  test("a jump host with an unknown key is refused, too", async () => {
    const config = readFileSync(join(ownSsh, "config"), "utf8");
    const through = "Host inner1\n  HostName 10.8.1.2\n  ProxyJump strange1\n";
    await Bun.write(join(ownSsh, "config"), through + config);
    try {
      const { stdout, stderr } = await run("--host", "inner1", "-Htln");
      expect(stdout).toBe("");
      expect(stderr).toContain("  inner1: Host key verification failed.\n");
      expect(readFileSync(join(ownSsh, "known_hosts"), "utf8")).not.toContain("10.8.0.12 ");
    } finally {
      await Bun.write(join(ownSsh, "config"), config);
    }
  });

  test("nothing that a host sends reaches the terminal as a control character", async () => {
    const runs = [["-Htln"], ["--json", "-tln"], ["doctor"], ["events"]].map(async (args) => {
      const { stdout, stderr } = await run(...args, "--host", "escapes1,garbage1");
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stderr).toContain("garbage1: its answer is malformed: a line that is not JSON");
    });
    await Promise.all(runs);
  });

  test("map and doctor join the ssh connections of two hosts", async () => {
    const { stdout } = await run("map", "--host", "web1,inner1", "--json");
    const { edges } = JSON.parse(stdout) as { readonly edges: readonly Record<string, unknown>[] };
    expect(edges).toContainEqual(
      expect.objectContaining({ client: "web1 sshd", service: "inner1 sshd", port: 22 }),
    );
  });
});
