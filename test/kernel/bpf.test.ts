import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "./namespace.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
/** In our own user namespace, bpf(2) does not accept root's privileges. */
const skipped = obstacle ?? (process.getuid?.() === 0 ? undefined : "only root can make BPF maps");

/** The maps of the world by name, or the reason why there are none. */
type Maps = Readonly<Record<"flows" | "marks" | "other", number>> | { readonly refused: string };

describe.skipIf(skipped !== undefined)(
  skipped === undefined ? "BPF storage" : `BPF storage (skipped: ${skipped})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "bpf-"));
    let world: Bun.Subprocess<"pipe", "pipe", "inherit">;
    let maps: Exclude<Maps, { refused: string }>;
    let refused: string | undefined;

    beforeAll(async () => {
      if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
      const script = [process.execPath, join(import.meta.dirname, "bpf-world.ts")];
      world = Bun.spawn(["unshare", "--net", "--", ...script], { stdin: "pipe", stderr: "inherit" });
      const { value } = await world.stdout.getReader().read();
      const told: Maps = JSON.parse(Buffer.from(value ?? []).toString() || '{"refused":"no world"}');
      if ("refused" in told) refused = told.refused;
      else maps = told;
    });
    afterAll(async () => {
      world.stdin.end();
      await world.exited;
      rmSync(folder, { recursive: true });
    });

    function sockscope(...args: string[]) {
      const enter = ["nsenter", "--target", `${world.pid}`, "--net", "--"];
      const { stdout, stderr, exitCode } = Bun.spawnSync([...enter, executable, ...args], { stderr: "pipe" });
      return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
    }

    /** A test, unless this kernel refuses BPF maps. */
    function inWorld(name: string, body: () => void): void {
      test(name, () => {
        if (refused === undefined) body();
        else console.warn(`${name} (skipped: bpf: ${refused})`);
      });
    }

    const flow = [
      "\t\t(struct flow){",
      "\t\t\t.bytes = (u64)18446744073709551615,",
      "\t\t\t.name = (char[8])[",
      ..."curl".split("").map((character) => `\t\t\t\t'${character}',`),
      // The first zero of the text has begun a line.
      "\t\t\t\t\t\t\t],",
      "\t\t\t.hops = (int[2])[",
      "\t\t\t\t1,",
      "\t\t\t\t-2,",
      "\t\t\t],",
      "\t\t\t.color = (enum color)GREEN,",
      "\t\t}",
    ];

    const stored = (id: number, ...lines: string[]) => [`\tmap_id:${id} [`, ...lines, "\t]"];
    const port = (line: string) => /127\.0\.0\.1:(\d+)/.exec(line)?.[1];

    /** The lines below each socket by its port; the order of the maps of a socket is the kernel's. */
    function storages(...args: string[]): Record<string, string[]> {
      const { stdout, exit } = sockscope("-H", ...args);
      expect(exit).toBe(0);
      const found: Record<string, string[]> = {};
      let last: string[] = [];
      for (const line of stdout.trimEnd().split("\n")) {
        const local = port(line);
        if (local === undefined) last.push(line.trimEnd());
        else {
          last = [];
          found[local] = last;
        }
      }
      return found;
    }

    inWorld("--bpf-maps shows all values by their types", () => {
      const found = storages("-tuanl", "--bpf-maps");
      const { flows, marks } = maps;
      const [both, other] = [
        [...stored(flows, ...flow), ...stored(marks, "\t\t(enum color)GREEN")],
        [...stored(marks, "\t\t(enum color)GREEN"), ...stored(flows, ...flow)],
      ];
      expect([both, other]).toContainEqual(found["801"]!);
      expect(found["802"]).toEqual(stored(marks, "\t\t(enum color)RED"));
      expect(found["803"]).toEqual([]);
    });

    inWorld("--bpf-map-id shows the values of that map alone, -O on the socket's line", () => {
      const { flows, marks } = maps;
      expect(storages("-tuanl", `--bpf-map-id=${flows}`)).toEqual({
        "801": stored(flows, ...flow),
        "802": [],
        "803": [],
      });
      const { stdout } = sockscope("-HtlnO", `--bpf-map-id=${marks}`, "sport = 801");
      expect(stdout.trimEnd()).toEndWith(` map_id:${marks}(enum color)GREEN`);
      expect(Object.keys(storages("-tuanl", `--bpf-map-id=${flows}`, `--bpf-map-id=${flows}`))).toHaveLength(
        3,
      );
    });

    inWorld("JSON has bytes, type and value", () => {
      const { flows, marks } = maps;
      const socket = (...args: string[]) => {
        const { stdout } = sockscope("-tln", "--json", ...args, "sport = 801");
        return (JSON.parse(stdout) as { bpfStorages?: { mapId: number }[] }[])[0]!.bpfStorages;
      };
      const mark = {
        mapId: marks,
        value: "05000000",
        mapName: "marks",
        type: "enum color",
        decoded: "GREEN",
      };
      expect(socket(`--bpf-map-id=${marks}`)).toEqual([mark]);
      const value = "ffffffffffffffff6375726c0000000001000000feffffff0500000000000000";
      const decoded = { bytes: "18446744073709551615", name: "curl", hops: [1, -2], color: "GREEN" };
      const entry = { mapId: flows, value, mapName: "flows", type: "struct flow", decoded };
      expect(socket("--bpf-maps")?.sort((a, b) => a.mapId - b.mapId)).toEqual([entry, mark]);
      expect(socket()).toBeUndefined();
    });

    inWorld("the column asks for what it shows", () => {
      const { marks } = maps;
      const column = (...args: string[]) => {
        const columns = ["--columns", "local.port,bpfStorages", "sport = 802"];
        return sockscope("-tlnH", "--csv", ...args, ...columns).stdout.trim();
      };
      const mark = { mapId: marks, value: "00000000", mapName: "marks", type: "enum color", decoded: "RED" };
      const cell = `802,"${JSON.stringify([mark]).replaceAll('"', '""')}"`;
      expect(column()).toBe(cell);
      expect(column(`--bpf-map-id=${marks}`)).toBe(cell);
      expect(column(`--bpf-map-id=${maps.flows}`)).toBe("802,");
    });

    inWorld("a missing map, or a map without socket storage, is an error", () => {
      const { other } = maps;
      expect(sockscope("-t", "--bpf-map-id=4294967294")).toEqual({
        stdout: "",
        stderr: "sockscope: cannot get fd for BPF map ID 4294967294\n",
        exit: 1,
      });
      expect(sockscope("-t", `--bpf-map-id=${other}`)).toEqual({
        stdout: "",
        stderr: `sockscope: BPF map with ID ${other} has type ID 2, expecting 24 ('sk_storage')\n`,
        exit: 1,
      });
    });

    inWorld("a recording has the maps and their types", () => {
      const args = ["-tuanl", "--bpf-maps"];
      const recording = join(folder, "recording");
      const live = sockscope(...args, "--record", recording);
      expect(live.stderr).toBe("");
      expect(sockscope(...args, "--replay", recording)).toEqual(live);
      const one = [`--bpf-map-id=${maps.flows}`, "--json", "-tln"];
      expect(sockscope(...one, "--replay", recording)).toEqual(sockscope(...one));
    });
  },
);
