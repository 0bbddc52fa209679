/** The recorder within the limits of its systemd unit on memory, tasks and priority, in control groups of its own. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle, unshare } from "../kernel/namespace.ts";
import { readUnit } from "./unit-sandbox.ts";

const source = join(import.meta.dirname, "../..");
const unit = readUnit(readFileSync(join(source, "contrib/systemd/sockscope-record.service"), "utf8"));
const setting = (name: string): string => unit.get(name) ?? "";
const memoryBytes = Number.parseInt(setting("MemoryMax"), 10) * 2 ** 20;
const tasksMax = Number(setting("TasksMax"));
const name = `sockscope-unit-${process.pid}`;
const CGROUPS = "/sys/fs/cgroup";

/** The control group of a controller: of its own hierarchy, or of the one of version 2. */
interface Group {
  readonly folder: string;
  /** The files of the controller with the limit, the most that was used, and how often the limit was reached. */
  readonly limit: string;
  readonly peak: string;
  readonly reached: string;
}

const isVersion2 = existsSync(`${CGROUPS}/cgroup.controllers`);

function groupOf(controller: "memory" | "pids"): Group {
  if (controller === "pids")
    return {
      folder: `${CGROUPS}${isVersion2 ? "" : "/pids"}/${name}`,
      limit: "pids.max",
      peak: "pids.peak",
      reached: "pids.events",
    };
  return isVersion2
    ? { folder: `${CGROUPS}/${name}`, limit: "memory.max", peak: "memory.peak", reached: "memory.events" }
    : {
        folder: `${CGROUPS}/memory/${name}`,
        limit: "memory.limit_in_bytes",
        peak: "memory.max_usage_in_bytes",
        reached: "memory.failcnt",
      };
}

/** Makes the control groups. @returns undefined where the machine does not let us */
function makeGroups(): readonly Group[] | undefined {
  const groups = [groupOf("memory"), groupOf("pids")];
  try {
    for (const { folder, limit } of groups) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, limit), `${limit === "pids.max" ? tasksMax : memoryBytes}`);
    }
    return groups;
  } catch {
    removeGroups();
    return undefined;
  }
}

function removeGroups(): void {
  for (const { folder } of [groupOf("memory"), groupOf("pids")])
    try {
      rmdirSync(folder);
    } catch {
      // The same group has both controllers, or there is none.
    }
}

const groups = obstacle === undefined && process.getuid?.() === 0 ? makeGroups() : undefined;
const folder = mkdtempSync(join(tmpdir(), "sockscope-limits-"));
afterAll(() => {
  removeGroups();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(groups === undefined)("the limits of the unit", () => {
  test("leave room for connections, rules and commands", async () => {
    const read = ({ folder }: Group, file: string) => readFileSync(join(folder, file), "utf8").trim();
    const store = join(folder, "store");
    const script = `for each in ${groups!.map((group) => group.folder).join(" ")}; do echo $$ > $each/cgroup.procs; done
echo ${setting("OOMScoreAdjust")} > /proc/self/oom_score_adj
ip link set lo up
ionice -c ${setting("IOSchedulingClass")} nice -n ${setting("Nice")} ${join(source, "dist/sockscope")} record -d 1 --store ${store} \\
  --on "all=sleep 1" & R=$!
${process.execPath} ${join(source, "bench/connections.ts")} 300 4 >&2
ionice -p $R
cut -d ' ' -f 19 /proc/$R/stat
cat /proc/$R/oom_score_adj
kill -INT $R
wait $R`;
    const child = Bun.spawn([...unshare, "sh", "-c", script], { stdout: "pipe", stderr: "pipe" });
    const stdout = await new Response(child.stdout).text();
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, expect.any(String)]);
    expect(stdout.trim().split("\n")).toEqual([
      setting("IOSchedulingClass"),
      setting("Nice"),
      setting("OOMScoreAdjust"),
    ]);
    const [memory, pids] = groups as [Group, Group];
    const most = Number(read(memory, memory.peak));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(memoryBytes);
    expect(read(memory, memory.reached)).toMatch(isVersion2 ? /^oom_kill 0$/m : /^0$/);
    expect(read(pids, pids.reached)).toMatch(/^max 0$/m);
    const ended = Bun.spawnSync([
      ...[join(source, "dist/sockscope"), "history", "--store", store, "-t", "--top", "1"],
      ...["--by", "netid", "--columns", "bytes_acked", "--json"],
    ]);
    expect(JSON.parse(ended.stdout.toString())[0].count).toBeGreaterThan(1000);
  }, 60_000);
});
