/** Scans comments, docs, messages and test titles for phrases that make prose hard to read. CONTRIBUTING.md */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dirname, "..");

/** Phrases that we do not write, each with what to write instead. Letter case does not matter. */
const phrases: readonly (readonly [phrase: string, instead: string])[] = [
  // Reversed subject and object.
  ["of which", "two sentences, or 'whose'"],
  ["those that are", "the noun again"],
  ["what is asked", "'the request'"],
  ["what is told", "'the report'"],
  ["what was told", "'the report'"],
  // Verbs that stand for too many things.
  ["tells of", "describes, reports, lists"],
  ["tell of", "describe, report, list"],
  ["told of", "reported, described"],
  ["tells nothing", "does not report"],
  ["does not tell", "does not report, does not send"],
  ["kernel tells", "the kernel reports, sends"],
  ["is told", "is reported"],
  ["are told", "are reported"],
  ["is asked for", "is requested"],
  ["are asked for", "are requested"],
  ["was asked for", "was requested"],
  ["were asked for", "were requested"],
  ["looked on at", "watched"],
  ["is looked at", "is read, checked, listed"],
  ["are looked at", "are read, checked, listed"],
  ["be looked at", "be read, checked, listed"],
  ["looked through", "scanned"],
  ["passed over", "skipped"],
  ["passes over", "skips"],
  ["goes by", "is known as, matches"],
  ["hands on", "passes, writes"],
  ["handed on", "passed, written"],
  ["come about", "happen"],
  ["taken apart", "parsed"],
  ["is had", "exists"],
  ["can be had", "is available"],
  ["cannot be had", "is not available"],
  ["to be had", "available"],
  ["may not be there", "may be missing"],
  ["need not be there", "may be missing"],
  ["is not there", "is missing, does not exist"],
  ["are not there", "are missing, do not exist"],
  // Idioms of another language.
  ["the usual is", "the default is"],
  ["go together", "can be combined"],
  ["does not go with", "cannot be combined with"],
  ["is no more than", "is only"],
  ["an object a", "one object per"],
  ["a line each", "one line each"],
  ["other way round", "in reverse, swapped"],
  ["in vain", "name the failure"],
  ['" is no', "'\"x\" is not a …', 'unknown …'"],
  ["keys are told", "press ? to list the keys"],
  ["what it is told", "its input"],
  ["be it a", "whether"],
  ["be it an", "whether"],
  ["no right is", "needs no privileges"],
  ["beside what", "in addition to"],
  ["one a line", "one per line"],
  ["bytes a second", "bytes per second"],
  ["object a sample", "object per sample"],
  ["object a line", "object per line"],
  ["no more of", "at most"],
];

/** Files that are not checked yet, by the beginnings of their paths. Remove an entry when its files are clean. */
const notCleanYet: readonly string[] = [
  "bench/",
  "docs/architecture.md",
  "docs/compatibility.md",
  "docs/doctor/time-wait.md",
  "docs/live.md",
  "docs/performance.md",
  "src/btf/",
  "src/bytes/",
  "src/catalogue/",
  "src/cli/commands/doctor",
  "src/cli/commands/top",
  "src/doctor/",
  "src/enrich/",
  "src/events/",
  "src/fields/",
  "src/filter/",
  "src/host/",
  "src/live/",
  "src/output/doctor.ts",
  "src/output/explain.ts",
  "src/query/ipv6-buffer.ts",
  "src/query/netlink.ts",
  "src/replay/",
  "src/table/table.ts",
  "test/kernel/doctor",
  "test/kernel/events",
  "test/kernel/limits",
  "test/kernel/top",
];

const globs = ["*.md", "{src,test,scripts,bench,docs,examples}/**/*.{ts,tsx,mjs,sh,md}"];

/** The rules themselves, and files that quote other programs. */
const exempt = ["test/prose.test.ts", "test/fixtures/", "docs/api/node_modules/"];

/** A pattern for a phrase, whose words may be on two lines of a comment. */
function pattern(phrase: string): RegExp {
  const gap = String.raw`\s+(?:(?:\*|//|#|>)\s+)?`;
  return new RegExp(String.raw`(?<![\w-])${phrase.split(" ").join(gap)}(?![\w-])`, "gi");
}

const patterns = phrases.map(([phrase, instead]) => ({ phrase, instead, regex: pattern(phrase) }));

/** The findings in a text: `LINE: "phrase": write …`. */
function findings(text: string): string[] {
  return patterns.flatMap(({ phrase, instead, regex }) =>
    Array.from(text.matchAll(regex), ({ index }) => {
      const line = text.slice(0, index).split("\n").length;
      return `${line}: "${phrase}": write ${instead}`;
    }),
  );
}

const paths = globs
  .flatMap((glob) => [...new Glob(glob).scanSync(root)])
  .filter((path) => !exempt.some((prefix) => path.startsWith(prefix)))
  .sort();

const isPending = (path: string) => notCleanYet.some((prefix) => path.startsWith(prefix));
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("findings()", () => {
  test("sees a phrase on one line and across two lines of a comment", () => {
    expect(findings("/** It\n * tells of sockets. */")).toEqual([
      '2: "tells of": write describes, reports, lists',
    ]);
    expect(findings("// A table of\n// which\n")).toHaveLength(1);
  });

  test("sees no phrase inside other words", () => {
    expect(findings("hotels of Rome; that office")).toEqual([]);
  });
});

test("prose has none of the phrases", () => {
  expect(paths.length).toBeGreaterThan(400);
  const found = paths
    .filter((path) => !isPending(path))
    .flatMap((path) => findings(read(path)).map((finding) => `${path}:${finding}`));
  expect(found).toEqual([]);
});
