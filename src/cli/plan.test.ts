import { describe, expect, test } from "bun:test";
import { isStop } from "./getopt.ts";
import { missingOf } from "./options.ts";
import { parse } from "./parse.ts";
import { planListing } from "./plan.ts";
import { refusalOf, viewFor } from "./view.ts";
import type { World } from "./world.ts";

const draftOf = (...args: string[]) => parse({ program: "ss", args, env: {} }).draft;

describe("options that cannot be combined", () => {
  test.each(["--net=x", "--events", "--diag=-", "--summary", "--record=x", "--replay=x"])(
    "--all-netns with %s",
    (option) => {
      const name = /^--[a-z]+/.exec(option)![0];
      const message = `${name} works on one network namespace: not with --all-netns`;
      expect(refusalOf(draftOf("--all-netns", option), {})).toBe(message);
      expect(refusalOf(draftOf(option, "--all-netns"), {})).toBe(message);
      expect(refusalOf(draftOf(option), {})).toBeUndefined();
    },
  );

  test("--all-netns with another /proc", () => {
    const env = { PROC_ROOT: "/elsewhere" };
    expect(refusalOf(draftOf("--all-netns"), env)).toContain("PROC_ROOT");
    expect(refusalOf(draftOf("--all-netns"), {})).toBeUndefined();
    expect(refusalOf(draftOf(), env)).toBeUndefined();
  });

  test.each<[string, string]>([
    ["--events", "--by=state"],
    ["--kill", "--top=3"],
    ["--summary", "--csv"],
  ])("%s with %s", (first, second) => {
    expect(refusalOf(draftOf(first, second), {})).toBeDefined();
    for (const arg of [first, second]) expect(refusalOf(draftOf(arg), {})).toBeUndefined();
  });
});

describe("options that need another one", () => {
  test.each([
    ["--sudo", "--host=a"],
    ["--fold", "--fleet=nats://b"],
    ["--host-timeout=3", "--hosts-file=x"],
    ["--nats-ca=x", "--fleet=nats://b"],
    ["--sign-key=x", "--fleet=nats://b"],
    ["--store=x", "--at=-5s"],
  ])("%s is refused without %s", (option, other) => {
    const name = /^--[a-z-]+/.exec(option)![0];
    expect(missingOf(draftOf(option))).toStartWith(`${name} needs --`);
    expect(missingOf(draftOf(other, option))).toBeUndefined();
  });

  test("NATS has no part in --host", () => {
    expect(missingOf(draftOf("--host=a", "--nats-ca=x"))).toBe("--nats-ca needs --fleet");
  });
});

/** What a command line wants of each socket. */
async function demandsOf(...args: string[]): Promise<readonly string[]> {
  const world = { program: "ss", env: {} } as World;
  const draft = draftOf(...args);
  const view = await viewFor(world, draft);
  if (isStop(view)) throw new Error("refused");
  const planned = await planListing(world, draft, view, { args: [] });
  if (isStop(planned)) throw new Error("nothing selected");
  return [...planned.plan.demands].sort();
}

describe("the demands of a listing", () => {
  test.each<[string[], string[]]>([
    [["-tan"], []],
    [["-tani"], ["info"]],
    [["-tp"], ["owners"]],
    [
      ["-tp", "--json"],
      ["owners", "peerOwners", "uid"],
    ],
    [
      ["-tp", "--peer"],
      ["owners", "peerOwners", "peers"],
    ],
    [["-T"], ["owners", "threads"]],
    [
      ["-t", "--explain"],
      ["explanation", "info", "memory"],
    ],
    [
      ["-t", "--sort", "-rtt"],
      ["info", "uid"],
    ],
    [
      ["-x", "--json"],
      ["peerNames", "uid"],
    ],
    [
      ["-t", "--columns", "local,cgroup"],
      ["cgroup", "uid"],
    ],
    [["-t", "--columns", "netns"], ["uid"]],
    [
      ["-t", "--by", "container"],
      ["containers", "uid"],
    ],
    [
      ["-e", "-r"],
      ["cgroup", "extended", "hostNames"],
    ],
  ])("%j", async (args, demands) => {
    expect(await demandsOf(...args)).toEqual(demands);
  });
});

test.each([
  ["2", 2000],
  ["0.25", 250],
  [".5", 500],
  ["0", 0],
])("--resolve-timeout %s is %d ms", (seconds, ms) => {
  const args = ["--resolve-timeout", seconds];
  expect(parse({ program: "ss", args, env: {} }).draft.resolveTimeoutMs).toBe(ms);
});

test.each(["", "x", "-1", "1s", "1e3", "."])("--resolve-timeout %p is rejected", (seconds) => {
  const { stop } = parse({ program: "ss", args: [`--resolve-timeout=${seconds}`], env: {} });
  expect(stop).toMatchObject({ kind: "error", message: `ss: "${seconds}" is not a number of seconds` });
});
