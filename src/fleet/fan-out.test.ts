import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Connect, type FanOutLimits, fanOut } from "./fan-out.ts";
import { type Frame, PROTOCOL, type Question, readQuestion } from "./protocol.ts";

const question: Question = {
  protocol: PROTOCOL,
  args: ["--tcp"],
  words: [],
  form: "rows",
  maxRows: 10,
  budgetMs: 1000,
};
const limits: FanOutLimits = { answering: 4, connecting: 8, deadlineMs: 60_000 };
const hello = { hello: { version: "1", protocols: [PROTOCOL], host: "x", bootId: "b" } };
const end = { end: { status: 0 } };
const never = new AbortController().signal;

/** What a host does: sends lines, with pauses; it ends the connection with a reason, or hangs. */
interface Script {
  /** Before the question, then after it. */
  readonly before: readonly (Frame | string)[];
  readonly after: readonly (Frame | string)[];
  /** Why the connection ends; undefined for one that hangs until it is closed. */
  readonly ends?: string;
}

/** Counts what happens at the same time. */
interface Watch {
  open: number;
  mostOpen: number;
  answering: number;
  mostAnswering: number;
}

function scripted(script: (host: string) => Script, watch: Watch = newWatch()): Connect {
  return (host) => {
    const { before, after, ends } = script(host);
    const question = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    watch.mostOpen = Math.max(watch.mostOpen, ++watch.open);
    let answers = false;
    let open = true;
    async function* lines(): AsyncGenerator<string> {
      for (const frame of before) yield typeof frame === "string" ? frame : JSON.stringify(frame);
      if (after.length > 0) await Promise.race([question.promise, closed.promise]);
      for (const frame of after) {
        await Promise.resolve();
        yield typeof frame === "string" ? frame : JSON.stringify(frame);
      }
      if (ends === undefined) await closed.promise;
    }
    return {
      lines: lines(),
      send(line) {
        expect(readQuestion(line)).toEqual(readQuestion(line));
        answers = true;
        watch.mostAnswering = Math.max(watch.mostAnswering, ++watch.answering);
        question.resolve();
      },
      failure: async () => ends ?? "closed",
      close() {
        if (!open) return;
        open = false;
        watch.open--;
        if (answers) watch.answering--;
        answers = false;
        closed.resolve();
      },
    };
  };
}

function newWatch(): Watch {
  return { open: 0, mostOpen: 0, answering: 0, mostAnswering: 0 };
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const answering: Script = { before: [hello], after: [{ rows: [] }, end] };

describe("fanOut()", () => {
  test("asks all, so many at a time, and gives the outcomes in the order of the list", async () => {
    const watch = newWatch();
    const hosts = names("h", 500);
    const outcomes = await fanOut(
      hosts,
      scripted(() => answering, watch),
      question,
      limits,
      () => undefined,
      never,
    );
    expect(outcomes.map(({ host }) => host)).toEqual(hosts);
    expect(outcomes.every(({ failure, end }) => failure === undefined && end?.status === 0)).toBe(true);
    expect(watch.mostAnswering).toBeLessThanOrEqual(limits.answering);
    expect(watch.mostOpen).toBeLessThanOrEqual(limits.answering + limits.connecting);
    expect(watch.open).toBe(0);
  });

  test("a host that is slow to connect holds no turn of those that answer", async () => {
    const connect = scripted((host) => (host.startsWith("dead") ? { before: [], after: [] } : answering));
    // More dead hosts than may answer at a time, fewer than may connect.
    const hosts = [...names("dead", 6), ...names("h", 50)];
    const seen: string[] = [];
    const stop = new AbortController();
    const outcomes = fanOut(
      hosts,
      connect,
      question,
      limits,
      (host) => {
        seen.push(host);
        if (seen.length === 50) stop.abort();
      },
      stop.signal,
    );
    expect((await outcomes).filter(({ failure }) => failure !== undefined)).toHaveLength(6);
    expect(seen).toHaveLength(50);
  });

  test("names what a host did instead of an answer", async () => {
    const scripts: Readonly<Record<string, Script>> = {
      refused: { before: [], after: [], ends: "Connection refused" },
      shell: { before: ["Welcome", "", hello], after: [end] },
      talks: { before: ["x".repeat(70_000)], after: [] },
      old: { before: [{ hello: { ...hello.hello, version: "0.0.9", protocols: [] } }], after: [] },
      rows: { before: [{ rows: [] }], after: [] },
      twice: { before: [hello], after: [hello] },
      garbage: { before: [hello], after: ["garbage"] },
      leaves: { before: [hello], after: [{ rows: [] }], ends: "it left" },
    };
    const outcomes = await fanOut(
      Object.keys(scripts),
      scripted((host) => scripts[host]!),
      question,
      limits,
      () => undefined,
      never,
    );
    expect(Object.fromEntries(outcomes.map(({ host, failure }) => [host, failure]))).toEqual({
      refused: "Connection refused",
      shell: undefined,
      talks: "its answer is malformed: a line that is not JSON",
      old: `its sockscope 0.0.9 speaks protocol none, and this one ${PROTOCOL}`,
      rows: "its answer is malformed: an answer without a hello",
      twice: "its answer is malformed: a second hello",
      garbage: "its answer is malformed: a line that is not JSON",
      leaves: "it left",
    });
  });

  test("ends at the deadline, whatever hosts do", async () => {
    const hangs: Script = { before: [hello], after: [{ rows: [] }, { rows: [] }] };
    const scripts: Readonly<Record<string, Script>> = {
      dead: { before: [], after: [] },
      hangs,
      fine: answering,
    };
    const outcomes = await fanOut(
      Object.keys(scripts),
      scripted((host) => scripts[host]!),
      question,
      { ...limits, deadlineMs: 50 },
      () => undefined,
      never,
    );
    expect(outcomes.map(({ failure }) => failure)).toEqual([
      "not connected within 0.05 s",
      "no whole answer within 0.05 s",
      undefined,
    ]);
  });

  test("measures how far a host's clock is ahead", async () => {
    const times = [1000, 1100];
    const begin = { begin: { wallMs: 5050, bootMs: 1, addresses: ["10.0.0.1"] } };
    const [outcome] = await fanOut(
      ["h"],
      scripted(() => ({ before: [hello], after: [begin, end] })),
      question,
      limits,
      () => undefined,
      never,
      () => times.shift()!,
    );
    expect(outcome!.clock).toEqual({ wallMs: 5050, bootMs: 1, aheadMs: 4000, errorMs: 50 });
  });

  test("any lines of hosts end in an outcome for each", async () => {
    const line = fc.oneof(
      fc.constantFrom<Frame | string>(hello, end, { rows: [] }, { note: "x" }),
      fc.string(),
      fc.json(),
    );
    const script = fc.record({
      before: fc.array(line, { maxLength: 4 }),
      after: fc.array(line, { maxLength: 4 }),
      ends: fc.constantFrom("it ended"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 6 }), async (scripts) => {
        const watch = newWatch();
        const hosts = scripts.map((_, index) => String(index));
        const connect = scripted((host) => scripts[Number(host)]!, watch);
        const outcomes = await fanOut(
          hosts,
          connect,
          question,
          { ...limits, deadlineMs: 40 },
          () => undefined,
          never,
        );
        expect(outcomes.map(({ host }) => host)).toEqual(hosts);
        for (const { end, failure } of outcomes)
          expect((end === undefined) === (failure !== undefined)).toBe(true);
        expect(watch.open).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
