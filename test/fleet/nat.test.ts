/** Joins the ends of connections that NAT translates, on hosts that are namespaces. See nat-world.py. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, compareHosts } from "../../src/fleet/comparison.ts";
import type { End } from "../../src/fleet/ends.ts";
import { fanOut } from "../../src/fleet/fan-out.ts";
import { findBetween } from "../../src/fleet/pair-rules.ts";
import type { AskAll } from "../../src/fleet/samples.ts";
import { openSsh } from "../../src/fleet/ssh.ts";
import { obstacle } from "../kernel/namespace.ts";

setDefaultTimeout(120_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");

function whyNot(): string | undefined {
  if (obstacle !== undefined) return obstacle;
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  return ["nft", "ip", "python3"]
    .filter((program) => Bun.which(program) === null)
    .map((program) => `${program} is not installed`)[0];
}
const skipped = whyNot();

/** A pair as text. */
const pairText = (client: string, clientCookie: string, server: string, serverCookie: string) =>
  `${client} ${BigInt(clientCookie)} - ${server} ${BigInt(serverCookie)}`;

const cookieOf = ({ cookie }: End) => `0x${cookie.replace(/^0x/, "")}`;

describe.skipIf(skipped !== undefined)(`through NAT${skipped ? ` (skipped: ${skipped})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-nat-"));
  const listed = ["web1", "web2", "db1", "gw", "inner1", "lb"];
  let world: Bun.Subprocess<"pipe", "pipe", "inherit">;
  let ssh: ReturnType<typeof openSsh>;
  /** The kinds of connections, by {@link pairText}. */
  let truth: ReadonlyMap<string, string>;
  let all: Comparison;

  function compare(hosts: readonly string[], allNetns = true): Promise<Comparison> {
    const limits = { answering: 8, connecting: 8, deadlineMs: 60_000 };
    const never = new AbortController().signal;
    const ask: AskAll = (some, question, take) => fanOut(some, ssh.connect, question, limits, take, never);
    const request = { allNetns, containers: false, words: [], budgetMs: 60_000 };
    return compareHosts(
      ask,
      hosts,
      request,
      () => Bun.sleep(100),
      () => performance.now(),
    );
  }

  /** The joined pairs of a comparison with their kinds; undefined for a wrong one. */
  function kindsOf({ now: { pairs } }: Comparison): readonly (string | undefined)[] {
    return pairs.map(({ client, server }) =>
      truth.get(pairText(client.host, cookieOf(client), server.host, cookieOf(server))),
    );
  }

  beforeAll(async () => {
    const script = join(import.meta.dirname, "nat-world.py");
    world = Bun.spawn(
      [
        ...["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"],
        ...["python3", script, folder],
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    let text = "";
    for await (const chunk of world.stdout) {
      text += new TextDecoder().decode(chunk);
      if (text.endsWith("\n")) break;
    }
    const pairs = JSON.parse(text) as [string, string, string, string, string][];
    truth = new Map(pairs.map(([kind, ...ends]) => [pairText(...ends), kind]));
    const target = readFileSync(`/proc/${world.pid}/task/${world.pid}/children`, "utf8").trim();
    // Stands in for ssh(1): a host is a process of the world.
    const enter = [
      "nsenter",
      `--target=${target}`,
      "--mount",
      "--pid",
      "--",
      "nsenter",
      "--net",
      "--mount",
      "--pid",
    ];
    await Bun.write(
      join(folder, "ssh"),
      `#!/bin/sh
while [ "$1" != "--" ]; do shift; done
exec ${enter.join(" ")} --target "$(cat ${folder}/"$2".pid)" -- ${executable} agent --stdio
`,
    );
    chmodSync(join(folder, "ssh"), 0o755);
    const options = { connectTimeoutS: 60, sudo: false, home: "/nonexistent" };
    ssh = openSsh({ program: join(folder, "ssh"), ...options });
    all = await compare(listed);
  });
  afterAll(async () => {
    ssh?.[Symbol.dispose]();
    world?.stdin.end();
    await world?.exited;
    rmSync(folder, { recursive: true, force: true });
  });

  test("no pair is wrong, although three hosts use the same addresses and ports", () => {
    const kinds = kindsOf(all);
    const wrong = all.now.pairs.filter((_, at) => kinds[at] === undefined);
    expect(wrong.map(({ client, server }) => [client, server])).toEqual([]);
    expect(kinds).not.toContain("unlisted");
  });

  test.each([
    ["direct", 120, 0.99],
    ["bridge", 40, 0.99],
    ["masquerade", 120, 0.95],
    ["dnat", 100, 0.95],
    ["hairpin", 40, 0.95],
    ["output", 40, 0.95],
    ["gateway", 60, 0.95],
    ["balancer", 50, 0.95],
    ["two", 30, 0.95],
  ] as const)("%s: of %d connections, the share %d is joined", (kind, count, share) => {
    expect([...truth.values()].filter((each) => each === kind)).toHaveLength(count);
    const joined = kindsOf(all).filter((each) => each === kind).length;
    expect(joined).toBeGreaterThanOrEqual(count * share);
  });

  /** No pair of a comparison is wrong, and it finds no problem. */
  function expectSound(comparison: Comparison): void {
    expect(kindsOf(comparison)).not.toContain(undefined);
    expect(kindsOf(comparison)).not.toContain("unlisted");
    expect(
      findBetween(comparison.before, comparison.now, comparison.seconds).map(({ title }) => title),
    ).toEqual([]);
  }

  test("healthy connections give no finding", () => {
    expect(all.before.pairs.length).toBe(all.now.pairs.length);
    expect(all.now.missing).toEqual([]);
    expectSound(all);
  });

  test("nor do they if the namespaces of containers are not listed", async () => {
    const own = await compare(listed, false);
    expect(kindsOf(own).filter((kind) => kind === "direct")).toHaveLength(120);
    expect(own.now.missing).toEqual([]);
    expectSound(own);
  });

  test("nor if the NAT between them is on no host of the list", async () => {
    const two = await compare(["inner1", "db1"]);
    expect(two.now.pairs).toEqual([]);
    expect(two.now.missing.filter(({ mayBeTranslated }) => mayBeTranslated)).toHaveLength(60);
    expectSound(two);
    const pair = await compare(["web1", "db1"]);
    expectSound(pair);
    const three = await compare(["web1", "web2", "db1"]);
    expect(three.now.missing.every(({ mayBeTranslated }) => mayBeTranslated)).toBe(true);
    expectSound(three);
  });

  test("nor if conntrack may not be read: what collides is ambiguous", async () => {
    const agent = readFileSync(join(folder, "ssh"), "utf8");
    const without = `setpriv --bounding-set=-net_admin --inh-caps=-net_admin ${executable}`;
    await Bun.write(join(folder, "ssh"), agent.replace(`-- ${executable}`, `-- ${without}`));
    const blind = await compare(listed);
    await Bun.write(join(folder, "ssh"), agent);
    expect(blind.unreadNat).toEqual(["web1", "web2", "gw", "lb"]);
    expect(kindsOf(blind).filter((kind) => kind === "direct")).toHaveLength(120);
    expect(blind.now.ambiguous.length).toBeGreaterThan(0);
    expect(blind.now.missing.every(({ mayBeTranslated }) => mayBeTranslated)).toBe(true);
    expectSound(blind);
  });
});
