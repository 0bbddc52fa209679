/** In which order an examination does what it does. */
import { expect, test } from "bun:test";
import { type Examination, examine } from "../../src/doctor/examine.ts";
import { type Rule, rule } from "../../src/doctor/rule.ts";
import type { HostFacts } from "../../src/doctor/sample.ts";
import { inodesOf, suspects } from "../../src/doctor/suspects.ts";
import type { InetSocket } from "../../src/families/inet/socket.ts";
import { AF_INET } from "../../src/model/family.ts";
import type { DumpName } from "../../src/model/selection.ts";
import { stateGroups } from "../../src/model/state.ts";
import { factsOf, owner, tcp } from "./samples.ts";

/** A rule that names the owners of all connections, and lists them again. */
const named: Rule = rule({
  id: "named",
  title: "Owners",
  severity: "info",
  reads: ["TCP"],
  thresholds: {},
  why: "",
  advice: [],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: stateGroups.connected,
    collect: () => suspects<InetSocket>(() => true),
    again: () => "all",
    inodes: inodesOf,
  },
  check: ({ first, last, owners }) => [
    {
      severity: "info",
      subject: "",
      title: [first, last]
        .map(({ gathered }) => gathered.map(({ inode }) => `${inode}:${owners(inode)[0]?.pid}`).join())
        .join(" then "),
    },
  ],
});

test("owners are found before the wait, while the sockets of the first sample are there", async () => {
  const steps: string[] = [];
  const owned = new Map<number, ReturnType<HostFacts["owners"]>>();
  // The first connection and its process are gone in the second sample.
  const samples = [[tcp({ inode: 1 })], [tcp({ inode: 2 })]];
  let alive = new Map([[1, owner(11, "first")]]);
  const examination = {
    rules: [{ rule: named, thresholds: {} }],
    places: [
      {
        host: undefined,
        predicate: undefined,
        selection: { tables: new Set(["tcp"]), families: new Set([AF_INET]), states: stateGroups.all },
        hostFacts: factsOf({ facts: { owners: (inode) => owned.get(inode) ?? [] } }),
      },
    ],
    query: {},
    *list() {
      steps.push("list");
      yield { dump: "tcp" as DumpName, sockets: samples.shift()! };
    },
    apartMs: 10,
    async wait() {
      steps.push("wait");
      alive = new Map([[2, owner(22, "second")]]);
      return true;
    },
    now: () => steps.length,
    findOwners(inodes: ReadonlySet<number>) {
      steps.push(`owners of ${[...inodes]}`);
      for (const inode of inodes) if (alive.has(inode)) owned.set(inode, [alive.get(inode)!]);
    },
    shown: 5,
    async resolve() {},
  };
  const report = await examine(examination as unknown as Examination);
  expect(steps).toEqual(["list", "owners of 1", "wait", "list", "owners of 2"]);
  expect(report!.diagnoses.map(({ title }) => title)).toEqual(["1:11 then 2:22"]);
});

test("an interrupted wait ends the examination without a report", async () => {
  const examination = { rules: [], places: [], apartMs: 10, wait: async () => false, now: () => 0 };
  const rules = [{ rule: named, thresholds: {} }];
  const report = await examine({ ...examination, rules } as unknown as Examination);
  expect(report).toBeUndefined();
});
