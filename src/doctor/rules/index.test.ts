import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../../families/inet/socket.ts";
import { AF_INET, IPPROTO_TCP } from "../../model/family.ts";
import { encodeAttributes } from "../../netlink/message.ts";
import { severities } from "../rule.ts";
import { readThreshold, writeThreshold } from "../threshold.ts";
import { rules } from "./index.ts";

const docs = join(import.meta.dirname, "../../../docs/doctor");
const ids = rules.map(({ id }) => id);

test("every rule has its own id", () => {
  expect(ids.filter((id) => !/^[a-z][a-z0-9-]+$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every rule's file is in the table", () => {
  const files = readdirSync(import.meta.dirname).filter((name) => /^[a-z0-9-]+\.ts$/.test(name));
  expect(
    files
      .map((name) => name.replace(/\.ts$/, ""))
      .filter((name) => name !== "index")
      .sort(),
  ).toEqual([...ids].sort());
});

describe.each(rules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
  test("has all texts that users need", () => {
    expect(severities).toContain(rule.severity);
    expect(rule.title).toMatch(/^[A-Z].*[^.]$/);
    expect(rule.why).toMatch(/\.$/);
    expect(rule.reads.length).toBeGreaterThan(0);
    expect(rule.advice.some(({ command }) => command !== undefined)).toBe(true);
    for (const { text } of rule.advice) expect(text).toMatch(/[^.]$/);
  });

  test("has thresholds whose defaults can be set again", () => {
    for (const { value, quantity, doc } of Object.values(rule.thresholds)) {
      expect(readThreshold(writeThreshold(value, quantity), quantity)).toBe(value);
      // The quantity, and the reason for its value.
      expect(doc).toMatch(/^.+: .+[^.]$/);
    }
  });

  test("has a page that the list of pages names", () => {
    const page = readFileSync(join(docs, `${id}.md`), "utf8");
    expect(page).toContain(`# ${rule.title}`);
    for (const heading of ["## How it arises", "## Reproduce it", "## First command"])
      expect(page).toContain(`\n${heading}\n`);
    expect(page).toContain(`sockscope doctor --rule ${id}`);
    expect(readFileSync(join(docs, "README.md"), "utf8")).toContain(`](${id}.md)`);
  });
});

/** A TCP socket with empty queues and no running timer, and else with any numbers. */
function socketAtRest(state: number, header: Uint8Array, info: Uint8Array): InetSocket {
  const attributes = encodeAttributes([{ type: inetAttributes.info.id, payload: info }]);
  const bytes = new Uint8Array([...header, ...attributes]);
  const { familyNumber, stateNumber, timerNumber, rqueue, wqueue } = inetDiagMessage;
  bytes[familyNumber.offset] = AF_INET;
  bytes[stateNumber.offset] = state;
  bytes[timerNumber.offset] = 0;
  for (const { offset } of [rqueue, wqueue]) bytes.fill(0, offset, offset + 4);
  return new InetSocket(new DataView(bytes.buffer), 0, bytes.length, { protocol: IPPROTO_TCP });
}

const partial = rules.filter(({ sockets }) => sockets?.statesAtRest !== undefined);

test.each(partial.map((rule) => [rule.id, rule] as const))(
  "%s would keep no socket at rest in a state that it leaves out",
  (_, { sockets, thresholds }) => {
    const left = sockets!.states & ~sockets!.statesAtRest!;
    const states = Array.from({ length: 32 }, (_, state) => state).filter((state) => left & (1 << state));
    const defaults = Object.fromEntries(Object.entries(thresholds).map(([name, { value }]) => [name, value]));
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        bytes(INET_DIAG_MESSAGE_SIZE),
        bytes(280),
        fc.boolean(),
        (state, header, info, always) => {
          const zeros = Object.fromEntries(Object.keys(thresholds).map((name) => [name, 0]));
          const collector = sockets!.collect(always ? zeros : defaults);
          collector.see(socketAtRest(state, header, info));
          expect(collector.gathered).toEqual([]);
        },
      ),
    );
  },
);

test("every page belongs to a rule", () => {
  const pages = readdirSync(docs).filter((name) => name !== "README.md");
  expect(pages.map((name) => name.replace(/\.md$/, "")).sort()).toEqual([...ids].sort());
  expect(existsSync(join(docs, "README.md"))).toBe(true);
});
