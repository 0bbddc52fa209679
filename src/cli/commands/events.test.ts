import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventKinds } from "../../events/event.ts";
import { eventSources } from "../../events/registry.ts";
import type { EventsSettings } from "./events/settings.ts";
import { events } from "./events.ts";

function apply(option: string, value: string) {
  const row = events.options.find(({ longs }) => longs.includes(option))!;
  return row.apply(events.settings, value, "sockscope");
}

describe("options", () => {
  test.each([
    ["timeout", "1.5", { timeoutMs: 1500 }],
    ["timeout", "0", { timeoutMs: 0 }],
    ["delay", ".05", { intervalMs: 50 }],
    ["count", "3", { count: 3 }],
    ["until", "dport = :80", { until: "dport = :80" }],
    ["trace-buffer", "64", { traceBufferKb: 64 }],
    ["only", "open,close", { only: new Set(["open", "close"]) }],
    ["sources", "destroy,fib", { sources: new Set(["destroy", "fib"]) }],
    ["sources", "help", { listSources: true }],
    ["json", "", { form: "ndjson" }],
  ] as const)("--%s %s", (option, value, expected) => {
    expect(apply(option, value)).toEqual({ ...events.settings, ...expected } as EventsSettings);
  });

  test.each([
    ["timeout", "soon", "a number of seconds"],
    ["timeout", "-1", "a number of seconds"],
    ["timeout", "1e99", "a number of seconds"],
    ["delay", "0", "0.01 or more"],
    ["count", "0", "a number of events"],
    ["count", "1.5", "a number of events"],
    ["only", "open,shut", '"shut" is not one of open, state, failed'],
    ["sources", "", '"" is not one of destroy'],
    ["trace-buffer", "x", "a number of kilobytes"],
  ])("--%s %s is refused in one line", (option, value, expected) => {
    const stop = apply(option, value) as { kind: string; message: string; status: number };
    expect(stop).toMatchObject({ kind: "error", status: 255 });
    expect(stop.message).toContain(expected);
    expect(stop.message).not.toContain("\n");
  });
});

test("the documentation has every kind, source and option", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/events.md"), "utf8");
  for (const [kind, doc] of Object.entries(eventKinds)) expect(text).toContain(`| \`${kind}\` | ${doc} |`);
  for (const { name } of eventSources) expect(text).toContain(`| \`${name}\` | `);
  for (const option of ["only", "existing", "sources", "until", "count", "timeout", "trace-buffer"])
    expect(text).toContain(`--${option}`);
});
