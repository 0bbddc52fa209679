/** What netstat and lsof have beyond their originals: network namespaces, containers, JSON. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type HabitWorld, habitObstacle, makeHabitWorld } from "./habits-world.ts";
import { obstacle } from "./namespace.ts";
import { corpusFolder } from "./netstat-corpus.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const skipped = process.getuid?.() === 0 ? obstacle : "only root can enter other namespaces";

function run(...args: string[]): string {
  return Bun.spawnSync([executable, ...args], { stderr: "inherit" }).stdout.toString();
}

describe.skipIf(skipped !== undefined)(`--all-netns${skipped ? ` (${skipped})` : ""}`, () => {
  let owner: Bun.Subprocess<"pipe", "pipe", "inherit">;
  let holder: { readonly pid: number; readonly port: number };

  beforeAll(async () => {
    const script = join(import.meta.dirname, "netns-world.ts");
    const command = ["unshare", "--net", "--", process.execPath, script, "habits0", "1"];
    owner = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const { value } = await owner.stdout.getReader().read();
    holder = (JSON.parse(new TextDecoder().decode(value)) as [typeof holder])[0];
  }, 60_000);
  afterAll(async () => {
    owner.stdin.end();
    await owner.exited;
  });

  const own = () => new RegExp(`127\\.0\\.0\\.1:${holder.port}\\b.*`);

  test("netstat finds the listener of another namespace and its process", () => {
    const line = own().exec(run("netstat", "--all-netns", "-tlnp"))![0];
    expect(line).toContain(`${holder.pid}/cat`);
    expect(line).toContain(`pid:${owner.pid}`);
    expect(run("netstat", "-tlnp")).not.toContain(`${holder.pid}/cat`);
  });

  test("lsof does, too", () => {
    const found = run("lsof", "--all-netns", "-nP", "-a", "-iTCP", "-p", String(holder.pid));
    const line = found.split("\n").find((each) => each.includes(`127.0.0.1:${holder.port}`))!;
    expect(line.split(/\s+/).slice(0, 3)).toEqual(["cat", String(holder.pid), "root"]);
    expect(line).toContain(`pid:${owner.pid}`);
  });

  test("who does, too", () => {
    const answer = JSON.parse(run("who", "--all-netns", "--json", String(holder.port))) as {
      readonly processes: readonly { readonly pid: number; readonly netns: readonly string[] }[];
    };
    const found = answer.processes.find(({ pid }) => pid === holder.pid);
    expect(found?.netns).toEqual([`pid:${owner.pid}`]);
  });
});

test.each([
  ["netstat", "-tlnp"],
  ["lsof", "-nPiTCP"],
])("%s has a column for containers", (program, options) => {
  const { stdout } = Bun.spawnSync([executable, program, "--container", options], {
    env: { PROC_ROOT: join(corpusFolder, "odd") },
  });
  const line = stdout
    .toString()
    .split("\n")
    .find((each) => each.includes("127.0.0.1:8080"));
  expect(line).toContain("ab".repeat(32));
});

const noWorld = habitObstacle("lsof");
describe.skipIf(noWorld !== undefined)(`lsof -J and -j${noWorld ? ` (${noWorld})` : ""}`, () => {
  let world: HabitWorld;
  beforeAll(async () => {
    world = await makeHabitWorld();
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** Text that must be UTF-8. */
  function lsof(...args: string[]): string {
    const { stdout } = world.run([executable, "lsof", ...args]);
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(stdout, "latin1"));
  }

  type Values = Readonly<Record<string, unknown>>;
  const processKeys = ["pid", "pgid", "ppid", "command", "uid", "login"];

  test("the document has the keys of lsof, and the addresses", () => {
    const document = JSON.parse(lsof("-J", "-nP", "-i", "-U")) as {
      readonly lsof_version: string;
      readonly processes: readonly (Values & { readonly files: readonly Values[] })[];
    };
    expect(Object.keys(document)).toEqual(["lsof_version", "processes"]);
    expect(document.lsof_version).toBe("4.99.7");
    const kinds = new Set<unknown>();
    for (const { files, ...process } of document.processes) {
      expect(Object.keys(process)).toEqual(processKeys);
      for (const file of files) {
        kinds.add(file["type"]);
        const isUnix = file["type"] === "unix";
        const own = isUnix ? ["inode"] : ["protocol"];
        expect(Object.keys(file)).toEqual(
          expect.arrayContaining([
            "fd",
            "access",
            "type",
            "device",
            "offset",
            "flags",
            "name",
            "tcp_info",
            ...own,
          ]),
        );
        if (isUnix) expect(file["tcp_info"]).toEqual({});
        else expect(file["local"]).toEqual({ address: expect.any(String), port: expect.any(Number) });
        for (const key of ["fd", "device", "offset", "flags"]) expect(file[key]).toBeString();
      }
    }
    expect([...kinds].sort()).toEqual(["IPv4", "IPv6", "unix"]);
    const evil = document.processes.find(({ command }) => String(command).startsWith("evil"))!;
    expect(evil["command"]).toBe("evil\x1b[31m\nx y");
    expect(evil.files).toContainEqual(
      expect.objectContaining({
        name: "127.0.0.1:8080",
        local: { address: "127.0.0.1", port: 8080 },
        tcp_info: { state: "LISTEN", recv_queue: 0, send_queue: 0 },
      }),
    );
  });

  test("the lines have the keys of the process and of the file, the same as -F", () => {
    const lines = lsof("-j", "-nP", "-i").trimEnd().split("\n");
    const fields = lsof("-Fpf", "-nP", "-i").split("\n");
    let pid = "";
    const expected = fields.flatMap((field) => {
      if (field.startsWith("p")) pid = field.slice(1);
      return field.startsWith("f") ? `${pid} ${field.slice(1)}` : [];
    });
    const own = lines.map((line) => JSON.parse(line) as Values).map(({ pid, fd }) => `${pid} ${fd}`);
    expect(own).toEqual(expected);
  });

  test("-F chooses the keys", () => {
    const [first] = lsof("-j", "-Fpcn", "-nP", "-i").split("\n");
    expect(Object.keys(JSON.parse(first!) as Values)).toEqual(["pid", "command", "name", "local"]);
  });

  test("nothing found is an empty document or no line, with status 1", () => {
    const document = world.run([executable, "lsof", "-J", "-i", ":1"]);
    expect(JSON.parse(document.stdout)).toEqual({ lsof_version: "4.99.7", processes: [] });
    expect(document.exit).toBe(1);
    expect(world.run([executable, "lsof", "-j", "-i", ":1"])).toMatchObject({ stdout: "", exit: 1 });
  });

  test.each([
    ["-J", "-j"],
    ["-J", "-t"],
    ["-j", "-t"],
    ["-F", "-t"],
  ])("%s and %s are refused together", (one, other) => {
    expect(world.run([executable, "lsof", one, other, "-i"])).toMatchObject({
      stdout: "",
      stderr: `lsof: ${one} and ${other} are mutually exclusive\n`,
      exit: 1,
    });
  });

  test("-p without -a lists the sockets of the process beside those of -i, and says so", () => {
    const { stdout, stderr } = world.run([executable, "lsof", "-nP", "-Fpft", "-p", "1", "-i", ":8080"]);
    expect(stderr).toBe(
      "lsof: only sockets are listed: lsof(8) itself lists the other files of these processes\n",
    );
    const theirs = world.run(["lsof", "-nP", "-Fpft", "-p", "1", "-i", ":8080"]).stdout;
    const sockets = (text: string) => text.match(/^f.+\nt(IPv[46]|unix)$/gm);
    expect(sockets(stdout)).toEqual(sockets(theirs));
  });
});
