/** A spool whose process is killed at any moment: SOAK_KILLS says how often. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LEAST_SPOOL_BYTES } from "../../src/fleet/spool/limits.ts";
import { Spool } from "../../src/fleet/spool/spool.ts";

const KILLS = Number(process.env["SOAK_KILLS"] ?? 12);
const writer = join(import.meta.dirname, "spool-writer.ts");

interface Sent {
  readonly first: number;
  readonly end: number;
  readonly body?: string;
}

/** Runs the writer, and kills it a random time after its first line. @returns whole lines of its output */
async function killedRun(folder: string, name: string): Promise<string[]> {
  const child = Bun.spawn(["bun", writer, folder, name], { stdout: "pipe", stderr: "inherit" });
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    timer ??= setTimeout(() => child.kill("SIGKILL"), Math.random() * 120);
  }
  clearTimeout(timer);
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  return text.slice(0, text.lastIndexOf("\n")).split("\n");
}

test(
  "a process that is killed at any moment loses no line that it kept, and delivers none under two numbers",
  async () => {
    const top = mkdtempSync(join(tmpdir(), "sockscope-spool-kill-"));
    try {
      const folder = join(top, "spool");
      const kept = new Map<string, number>();
      const sent: Sent[] = [];
      for (let run = 0; run < KILLS; run++) {
        const name = `run${run}`;
        for (const line of await killedRun(folder, name)) {
          if (line.startsWith("kept ")) kept.set(name, Number(line.slice(5)));
          else sent.push(JSON.parse(line) as Sent);
        }
      }
      using spool = new Spool({ folder, name: "events", limitBytes: LEAST_SPOOL_BYTES, boot: "boot" });
      expect(spool.replaced).toBe(false);
      for (let packet = spool.oldest(); packet !== undefined; packet = spool.oldest()) {
        const { first, end, body } = packet;
        sent.push({ first, end, body: Buffer.from(body!).toString() });
        spool.remove(packet);
      }
      let next = 1;
      const lines: string[] = [];
      for (const { first, end, body } of sent) {
        expect(first).toBeLessThanOrEqual(next);
        const texts = body!.slice(0, -1).split("\n");
        expect(texts).toHaveLength(end - first);
        for (let number = first; number < end; number++) {
          const text = texts[number - first]!;
          if (number < next) expect(lines[number - 1]).toBe(text);
          else lines.push(text);
        }
        next = Math.max(next, end);
      }
      const found = new Map<string, number>();
      for (const line of lines) {
        const [name, number] = line.split(" ") as [string, string];
        expect(Number(number)).toBe((found.get(name) ?? 0) + 1);
        found.set(name, Number(number));
      }
      for (const [name, count] of kept) expect(found.get(name)).toBeGreaterThanOrEqual(count);
      expect(lines.length).toBeGreaterThan(KILLS * 10);
    } finally {
      rmSync(top, { recursive: true, force: true });
    }
  },
  KILLS * 5000,
);
