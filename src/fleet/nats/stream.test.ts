import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { LEAST_SPOOL_BYTES } from "../spool/limits.ts";
import { type Packet, Spool } from "../spool/spool.ts";
import {
  decodeMessage,
  encodeMessage,
  feedOfAll,
  feedSubject,
  hostOfSubject,
  MessageError,
  messageId,
} from "./stream.ts";
import { deliver } from "./stream-deliver.ts";
import { ReceivedNumbers } from "./stream-numbers.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const packet = (changes: Partial<Packet> = {}): Packet => ({
  boot: "6f1f6a4e-0000-4000-8000-000000000001",
  spool: "00ff",
  first: 7,
  end: 9,
  body: bytes('{"a":1}\n{"b":2}\n'),
  lostMs: undefined,
  ...changes,
});

describe("messages", () => {
  test("a packet is read back with its lines", () => {
    const { body: _, ...numbers } = packet();
    expect(decodeMessage(encodeMessage(packet()))).toEqual({ ...numbers, lines: ['{"a":1}', '{"b":2}'] });
    const lost = packet({ body: undefined, lostMs: 1000 });
    expect(decodeMessage(encodeMessage(lost))).toEqual({ ...numbers, lines: undefined, lostMs: 1000 });
  });

  test("the host stands in the subject, and nowhere else", () => {
    expect(feedSubject("events", "db1.example")).toBe("sockscope.v1.event.db1=2Eexample.batch");
    expect(hostOfSubject(feedSubject("findings", "db1.example"))).toBe("db1.example");
    expect(feedOfAll("findings")).toBe("sockscope.v1.finding.*.batch");
    expect(hostOfSubject("sockscope.v1.event.a%2E.batch")).toBeUndefined();
  });

  test("packets with other numbers, of other spools and of other hosts have other ids", () => {
    const ids = [
      messageId("events", "web1", packet()),
      messageId("findings", "web1", packet()),
      messageId("events", "web2", packet()),
      messageId("events", "web1", packet({ first: 6 })),
      messageId("events", "web1", packet({ end: 10 })),
      messageId("events", "web1", packet({ spool: "00fe" })),
      messageId("events", "web1", packet({ boot: "2" })),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  const head = (changes: object) =>
    `${JSON.stringify({ sockscope: 1, boot: "b", spool: "s", first: 1, end: 2, ...changes })}\n`;

  test.each([
    ["nothing", ""],
    ["no newline", '{"sockscope":1}'],
    ["no object", "[]\n"],
    ["another version", head({ sockscope: 2 })],
    ["no lines", head({})],
    ["too many lines", `${head({})}a\nb\n`],
    ["a line without an end", `${head({})}a`],
    ["no number", `${head({ first: "1" })}a\n`],
    ["a number beyond all", `${head({ first: 1e300, end: 2e300 })}a\n`],
    ["an empty range", head({ end: 1 })],
    ["a boot that is no id", `${head({ boot: "a b" })}a\n`],
    ["a time beyond all", head({ lostMs: 1e300 })],
    ["a mebibyte", `${head({})}${"x".repeat(1 << 20)}\n`],
  ])("%s is no message", (_, text) => {
    expect(() => decodeMessage(bytes(text))).toThrow(MessageError);
  });

  test("any bytes are a message or none", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map(bytes),
          fc.jsonValue().map((each) => bytes(`${JSON.stringify(each)}\n`)),
        ),
        (data) => {
          try {
            decodeMessage(data);
          } catch (error) {
            expect(error).toBeInstanceOf(MessageError);
          }
        },
      ),
    );
  });
});

describe("numbers", () => {
  const origin = { boot: "b", spool: "s" };

  test("a spool that is not known begins anywhere", () => {
    const numbers = new ReceivedNumbers();
    expect(numbers.next("web1", origin)).toBeUndefined();
    numbers.receivedUntil("web1", origin, 10);
    numbers.receivedUntil("web1", origin, 5);
    expect(numbers.next("web1", origin)).toBe(10);
    expect(numbers.next("web1", { ...origin, spool: "t" })).toBeUndefined();
    expect(numbers.next("web2", origin)).toBeUndefined();
    expect(new ReceivedNumbers(numbers.toJSON()).next("web1", origin)).toBe(10);
  });

  test("a host that makes up spools costs nothing but its own place", () => {
    const numbers = new ReceivedNumbers();
    numbers.receivedUntil("db1", origin, 3);
    for (let spool = 0; spool < 1000; spool++)
      numbers.receivedUntil("web1", { boot: "b", spool: `${spool}` }, 2);
    expect(numbers.toJSON().filter(({ host }) => host === "web1")).toHaveLength(4);
    expect(numbers.next("db1", origin)).toBe(3);
  });

  /** What can happen to a packet that is sent, and to the agent. */
  const step = fc.constantFrom("stored", "ack lost", "not stored", "late copy", "append", "restart");

  test("behind a server that stores packets twice, late and without saying so, each line is received once", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.infiniteStream(fc.nat(1000)), (steps, random) => {
        const top = mkdtempSync(join(tmpdir(), "sockscope-numbers-"));
        const open = () =>
          new Spool({ folder: join(top, "spool"), name: "events", limitBytes: LEAST_SPOOL_BYTES, boot: "b" });
        let spool = open();
        let written = 0;
        const sent: Packet[] = [];
        const stored: Packet[] = [];
        const next = () => random.next().value!;
        const append = () => {
          // Some steps fill the spool, so that lines are dropped.
          const size = next() % 10 === 0 ? 60_000 : 10;
          spool.append(Array.from({ length: 1 + (next() % 50) }, () => `${++written} ${"x".repeat(size)}`));
        };
        append();
        for (const each of [...steps, ...new Array(200).fill("stored")]) {
          if (each === "append") append();
          else if (each === "restart") {
            spool[Symbol.dispose]();
            spool = open();
          } else if (each === "late copy") {
            // A copy that was under way when its connection broke.
            if (sent.length > 0) stored.push(sent[next() % sent.length]!);
          } else {
            const oldest = spool.oldest();
            if (oldest === undefined) continue;
            sent.push(oldest);
            if (each !== "not stored") stored.push(oldest);
            if (each === "stored") spool.remove(oldest);
          }
        }
        expect(spool.isEmpty).toBe(true);
        spool[Symbol.dispose]();
        rmSync(top, { recursive: true });
        const numbers = new ReceivedNumbers([{ host: "web1", boot: "b", spool: stored[0]!.spool, next: 1 }]);
        let received = 0;
        let lost = 0;
        for (const each of stored) {
          const { first, end, lines } = decodeMessage(encodeMessage(each));
          const expected = numbers.next("web1", each)!;
          expect(first).toBeLessThanOrEqual(expected);
          for (let number = expected; number < end; number++) {
            if (lines === undefined) lost++;
            else {
              received++;
              expect(lines[number - first]!.split(" ")[0]).toBe(String(number));
            }
          }
          numbers.receivedUntil("web1", each, end);
        }
        expect(received + lost).toBe(written);
      }),
      { numRuns: 30 },
    );
  });
});

describe("deliver()", () => {
  /** A spool with as many packets as there are names of boots. */
  function filled(...boots: string[]): { readonly spool: Spool; readonly remove: () => void } {
    const top = mkdtempSync(join(tmpdir(), "sockscope-deliver-"));
    const options = { folder: join(top, "spool"), name: "events", limitBytes: LEAST_SPOOL_BYTES };
    for (const boot of boots) {
      using spool = new Spool({ ...options, boot });
      spool.append([boot]);
    }
    return { spool: new Spool({ ...options, boot: "last" }), remove: () => rmSync(top, { recursive: true }) };
  }

  test("sends a packet again until it is stored, and the next one only then", async () => {
    const { spool, remove } = filled("a", "b");
    const stop = new AbortController();
    const sent: string[] = [];
    const reported: string[] = [];
    const delivery = deliver({
      spool,
      signal: stop.signal,
      random: () => 0,
      report: (error) => reported.push((error as Error).message),
      async send({ boot }) {
        sent.push(boot);
        if (boot === "a" && sent.length < 4) throw new Error(`failure ${sent.length}`);
        if (boot === "c") stop.abort();
      },
    });
    while (!spool.isEmpty) await Bun.sleep(1);
    expect(sent).toEqual(["a", "a", "a", "a", "b"]);
    expect(reported).toEqual(["failure 1"]);
    spool.append(["c"]);
    delivery.wake();
    while (!spool.isEmpty) await Bun.sleep(1);
    stop.abort();
    await delivery.ended;
    spool[Symbol.dispose]();
    remove();
  });

  test("what was sent when the server went away is sent again when it is back, and the end does not wait for it", async () => {
    const { spool, remove } = filled("a");
    const stop = new AbortController();
    let sent = 0;
    const delivery = deliver({
      spool,
      signal: stop.signal,
      report: () => undefined,
      send() {
        sent++;
        return new Promise(() => undefined);
      },
    });
    while (sent < 1) await Bun.sleep(1);
    delivery.resend();
    while (sent < 2) await Bun.sleep(1);
    expect(spool.isEmpty).toBe(false);
    stop.abort();
    await delivery.ended;
    spool[Symbol.dispose]();
    remove();
  });
});
