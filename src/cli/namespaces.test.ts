import { describe, expect, test } from "bun:test";
import { FilterError } from "../filter/errors.ts";
import type { Host } from "../host/host.ts";
import type { Place } from "../lookup/places.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Filtered } from "./filter.ts";
import { filterPlaces, refuseWithAllNetns } from "./namespaces.ts";
import { blankDraft, type Draft, parse } from "./options.ts";

const host = {} as Host;
const places: readonly Place[] = [1, 2, 3].map((inode) => ({
  host,
  netns: { inode, name: undefined, pid: undefined },
}));

describe("filterPlaces()", () => {
  const filtered = {} as Filtered;
  const wrong = new FilterError({
    lines: [],
    status: 1,
    place: { offset: 0, length: 0 },
    expected: "a device",
  });
  const in_ = (...inodes: number[]) =>
    filterPlaces(places, async ({ netns }) => {
      if (!inodes.includes(netns!.inode)) throw wrong;
      return filtered;
    });

  test("leaves out the places where the filter names what is not there", async () => {
    expect((await in_(1, 3)).map(({ netns }) => netns?.inode)).toEqual([1, 3]);
  });

  test("throws what is wrong everywhere", () => {
    expect(in_()).rejects.toBe(wrong);
  });

  test("throws other errors as they come", () => {
    const broken = new Error("broken");
    expect(filterPlaces(places, () => Promise.reject(broken))).rejects.toBe(broken);
  });
});

describe("refuseWithAllNetns()", () => {
  const refused = (changes: Partial<Draft>, env = {}) =>
    refuseWithAllNetns({ ...blankDraft, allNetns: true, ...changes }, sourcesOf(env), "sockscope");

  test.each<[Partial<Draft>, string]>([
    [{ actions: [{ kind: "netns", name: "x" }] }, "--net"],
    [{ events: true }, "--events"],
    [{ diagFile: "-" }, "--diag"],
    [{ summary: true }, "--summary"],
    [{ record: "x" }, "--record"],
    [{ replay: "x" }, "--replay"],
  ])("%o", (changes, name) => {
    expect(refused(changes)).toMatchObject({
      kind: "error",
      message: `sockscope: ${name} is about one network namespace: not with --all-netns`,
    });
    expect(refused({ ...changes, allNetns: false })).toBeUndefined();
  });

  test("a /proc of another machine", () => {
    expect(refused({}, { PROC_ROOT: "/elsewhere" })).toMatchObject({ kind: "error" });
    expect(refused({})).toBeUndefined();
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

test.each(["", "x", "-1", "1s", "1e3", "."])("--resolve-timeout %p is refused", (seconds) => {
  const { stop } = parse({ program: "ss", args: [`--resolve-timeout=${seconds}`], env: {} });
  expect(stop).toMatchObject({ kind: "error", message: `ss: "${seconds}" is no number of seconds` });
});
