/** `doctor --host` between two network namespaces whose connections are ill in known ways. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type PairFinding, pairRuleIds } from "../../src/fleet/pair-finding.ts";
import { doctorSchema } from "../../src/output/doctor-schema.ts";
import { obstacle } from "../kernel/namespace.ts";

setDefaultTimeout(120_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const skipped = obstacle ?? (process.getuid?.() === 0 ? undefined : "only root can make network namespaces");

describe.skipIf(skipped !== undefined)(`between two hosts${skipped ? ` (skipped: ${skipped})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-pairs-"));
  let world: Bun.Subprocess<"pipe", "pipe", "inherit">;
  let found: {
    readonly between: readonly PairFinding[];
    readonly joined: number;
    readonly ambiguous: number;
  };
  let status: number;

  /** Starts a command among the namespaces of the world. */
  function start(command: readonly string[], stderr: "inherit" | "ignore" = "inherit") {
    const enter = ["nsenter", `--mount=/proc/${world.pid}/ns/mnt`, `--net=/proc/${world.pid}/ns/net`, "--"];
    return Bun.spawn([...enter, ...command], {
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, AGENT: executable, STORES: folder },
      stdout: "pipe",
      stderr,
    });
  }

  /** Runs the program there. */
  async function run(
    ...args: readonly string[]
  ): Promise<{ readonly text: string; readonly status: number }> {
    const child = start([executable, ...args]);
    return { text: await child.stdout.text(), status: await child.exited };
  }

  beforeAll(async () => {
    copyFileSync(join(import.meta.dirname, "ssh-netns.sh"), join(folder, "ssh"));
    chmodSync(join(folder, "ssh"), 0o755);
    const script = join(import.meta.dirname, "pairs-world.py");
    world = Bun.spawn(["unshare", "--net", "--mount", "--", "python3", script], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await world.stdout.getReader().read();
    expect(new TextDecoder().decode(value).trim()).toBe("ready");
    // A store whose recorder takes a sample a minute answers for minutes, however slow this machine is.
    const recordAll = () =>
      Promise.all(
        ["front", "back"].map((host) => {
          const record = [executable, "record", "--once", "--delay", "60", "--store", join(folder, host)];
          return start(["ip", "netns", "exec", host, ...record], "ignore").exited;
        }),
      );
    expect(await recordAll()).toEqual([0, 0]);
    const finished = await run(
      "doctor",
      "--host",
      "front,back",
      "--for",
      "0s",
      "--json",
      "--fail-on",
      "critical",
    );
    status = finished.status;
    found = JSON.parse(finished.text.trim().split("\n").at(-1)!);
    expect(await recordAll()).toEqual([0, 0]);
  });
  afterAll(async () => {
    world?.stdin.end();
    await world?.exited;
    rmSync(folder, { recursive: true, force: true });
  });

  const portOf = ({ ends }: PairFinding) =>
    Math.min(...ends.flatMap(({ local, peer }) => [local.port, peer.port]).filter((port) => port > 0));

  const healthy = [7002, 7014, 7019, 7026, 7027, 7028];

  test.each([
    [7001, "reader-stuck", "python3 on back does not read"],
    [7003, "never-closes", "python3 on back does not close its connection to python3 on front"],
    [7004, "accept-queue-full", "the accept queue of python3 on back is full (2 of 1)"],
    [7005, "path-stuck", "20,000 bytes from python3 on front do not reach python3 on back: sent again"],
    [7006, "syn-lost", "back has seen none of the SYNs that python3 on front sends to its port 7006"],
    [7007, "answer-lost", "back has the SYN of python3 on front and answers"],
    [7008, "nothing-listens", "python3 on front connects to back port 7008, where nothing listens"],
    [7009, "half-open", "python3 on front holds a connection to back port 7009 that back does not have"],
    [
      7010,
      "reader-slow",
      "python3 on back reads slower than python3 on front writes: its window stopped the sender",
    ],
    [
      7011,
      "acks-lost",
      "bytes from python3 on front arrive at python3 on back, and the acknowledgements do not come back",
    ],
    [
      7012,
      "writer-held",
      "wait on python3 on front, and its own host does not send them (pacing rate 10,000 bytes/s)",
    ],
    [7013, "path-loss", "segments from python3 on front to python3 on back are lost"],
    [7015, "mss-differs", "python3 on front announces segments of 888 bytes, and python3 on back of 1448"],
    [
      7016,
      "mss-differs",
      "python3 on back sends segments of 788 bytes, though python3 on front and the path take 1448",
    ],
    [
      7017,
      "mss-differs",
      "packets of 1200 bytes pass from python3 on front to python3 on back, and of 1500 bytes back",
    ],
    [7018, "options-differ", "python3 on front and python3 on back disagree on TCP options: sack"],
    [7020, "reader-stuck", "python3 on back does not read"],
    [
      7021,
      "accept-queue-full",
      "python3 on front is connected to back port 7021 and gets no answer: the accept queue of python3 on back is full (2 of 1)",
    ],
    [7022, "options-differ", "python3 on front and python3 on back disagree on TCP options: ecn"],
    [7023, "options-differ", "TCP options: window scale (back sends "],
    [7024, "buffer-small", "a receive buffer of 8,192 bytes lets only"],
  ] as const)("port %d: %s", (port, rule, title) => {
    const findings = found.between.filter((finding) => portOf(finding) === port);
    expect(findings.map((finding) => finding.rule)).toEqual([rule]);
    expect(findings[0]!.title).toContain(title);
  });

  test("healthy connections give no finding, and every connection is joined", () => {
    expect(found.between.filter((finding) => healthy.includes(portOf(finding)))).toEqual([]);
    expect(found.joined).toBeGreaterThanOrEqual(40);
    expect(found.ambiguous).toBe(0);
  });

  test("the object is as the schema says", () => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false, formats: { "date-time": true } });
    ajv.addSchema({
      $id: "between",
      ...(doctorSchema(pairRuleIds)["$defs"] as Record<string, object>)["between"],
    });
    const validate = ajv.getSchema("between")!;
    expect(validate(found) ? [] : validate.errors).toEqual([]);
  });

  test("each finding has the evidence of both hosts", () => {
    for (const { ends, absent } of found.between) {
      const hosts = [...ends.map(({ host }) => host), ...(absent === undefined ? [] : [absent.host])];
      expect([...new Set(hosts)].sort()).toEqual(["back", "front"]);
    }
    const half = found.between.find(({ rule }) => rule === "half-open")!;
    expect(half.absent).toMatchObject({ host: "back", local: half.ends[0]!.peer, peer: half.ends[0]!.local });
  });

  test("--fail-on counts what is between the hosts", () => {
    expect(status).toBe(2);
  });

  test("--watch shows the findings of each host as they appear, behind its name", async () => {
    const { text, status } = await run(
      ...["doctor", "--host", "back", "--watch", "--for", "100ms", "--fail-on", "critical", "sport = :7004"],
    );
    expect(status).toBe(2);
    expect(text).toMatch(/^back \d\d:\d\d:\d\d appeared: critical: The accept queue of port 7004 is full/);
  });

  test("--at compares the hosts as their recorders saw them", async () => {
    const { text } = await run("doctor", "--host", "front,back", "--at", "now", "--json");
    const past: typeof found & { readonly samples: readonly unknown[] } = JSON.parse(
      text.trim().split("\n").at(-1)!,
    );
    expect(past).toMatchObject({ samples: [{ host: "front" }, { host: "back" }], leftOut: [] });
    expect(past.joined).toBeGreaterThanOrEqual(40);
    const problems = (list: readonly PairFinding[]) =>
      new Set(list.map((each) => `${portOf(each)} ${each.rule}`));
    // What depends on the moment may differ.
    const lasting = [
      7001, 7003, 7004, 7005, 7006, 7008, 7009, 7011, 7015, 7016, 7017, 7018, 7020, 7022, 7023,
    ];
    const wanted = found.between.filter((each) => lasting.includes(portOf(each)));
    expect([...problems(past.between)]).toEqual(expect.arrayContaining([...problems(wanted)]));
    expect(past.between.filter((each) => healthy.includes(portOf(each)))).toEqual([]);
  });

  test("map joins the programs of both, and names what is missing by its listener", async () => {
    const { text } = await run("map", "--host", "front,back", "--json");
    const { edges } = JSON.parse(text) as { readonly edges: readonly Record<string, unknown>[] };
    const edgeOf = (port: number) => edges.find((edge) => edge["port"] === port);
    expect(edgeOf(7002)).toMatchObject({ client: "front python3", service: "back python3", connections: 20 });
    expect(edgeOf(7006)).toMatchObject({ client: "front python3", service: "back python3" });
    expect(edgeOf(7008)).toMatchObject({ client: "front python3", service: "back port 7008" });
  });

  test("a filter restricts the findings, not the ends that are compared", async () => {
    const { text } = await run("doctor", "--host", "front,back", "--for", "0s", "--json", "dport = :7001");
    const { between } = JSON.parse(text.trim().split("\n").at(-1)!) as typeof found;
    expect(between.map(({ rule }) => rule)).toEqual(["reader-stuck"]);
  });
});
