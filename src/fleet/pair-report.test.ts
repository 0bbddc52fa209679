import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type End, endColumns, readEnd } from "./ends.ts";
import type { PairFinding } from "./pair-finding.ts";
import { pairFindingObject, pairReportText } from "./pair-report.ts";

function end(host: string, process: string, facts: Readonly<Record<string, unknown>> = {}): End {
  const row: Readonly<Record<string, unknown>> = {
    state: "ESTAB",
    "local.address": "10.0.0.1",
    "local.port": 40000,
    "peer.address": "fe80::2%eth0",
    "peer.port": 80,
    process,
    "tcpInfo.retransmits": 3,
    "tcpInfo.rttUs": 1500,
    "tcpInfo.sack": true,
    "memory.rcvbufBytes": 131072,
    ...facts,
  };
  return readEnd(
    host,
    endColumns.map((name) => (row[name] ?? null) as never),
  )!;
}

const finding = (process: string): PairFinding => ({
  rule: "half-open",
  severity: "warning",
  title: `${process} on a holds a connection to b port 80 that b does not have`,
  ends: [end("a", process)],
  absent: { host: "b", local: { address: "fe80::2", port: 80 }, peer: { address: "10.0.0.1", port: 40000 } },
  connections: 1,
  values: { sendQueueBytes: 0 },
});

describe("pairReportText()", () => {
  test("shows both ends, and why it matters once for findings of one rule", () => {
    expect(pairReportText([finding("curl"), finding("wget")], 72)).toBe(
      `warning: curl on a holds a connection to b port 80 that b does not have
    [half-open]
  a: ESTAB 10.0.0.1:40000 → [fe80::2]:80 curl retransmits 3 rtt 1.5 ms
  b: no socket [fe80::2]:80 → 10.0.0.1:40000

warning: wget on a holds a connection to b port 80 that b does not have
    [half-open]
  a: ESTAB 10.0.0.1:40000 → [fe80::2]:80 wget retransmits 3 rtt 1.5 ms
  b: no socket [fe80::2]:80 → 10.0.0.1:40000
  Why: This end holds a connection that the other host does not have. It
    notices with its next data, or never.
  - Set SO_KEEPALIVE, or a time limit, in the program that still holds
    it.
`,
    );
  });

  test("no name breaks a line or a terminal, however narrow", () => {
    const lines = (text: string) => text.split("\n").filter((line) => /^\S/.test(line)).length;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom("\u001b[2J", "x\ncritical: y", "x critical: y", "\u202e", "$(reboot)"),
        ),
        fc.integer({ min: 20, max: 120 }),
        (name, columns) => {
          const text = pairReportText([finding(name)], columns);
          expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
          expect(lines(text)).toBe(1);
        },
      ),
    );
  });
});

test("pairFindingObject() has the keys of sockscope --json for each end, and the missing one", () => {
  expect(pairFindingObject(finding("curl"))).toMatchObject({
    rule: "half-open",
    ends: [
      {
        host: "a",
        local: { address: "10.0.0.1", port: 40000 },
        tcpInfo: { retransmits: 3, rttUs: 1500, sack: true },
        memory: { rcvbufBytes: 131072 },
      },
    ],
    absent: { host: "b", local: { address: "fe80::2", port: 80 } },
    why: expect.any(String),
    advice: expect.any(String),
  });
});
