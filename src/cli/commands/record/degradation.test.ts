import { expect, test } from "bun:test";
import { Degradation } from "./degradation.ts";

const INTERVAL_MS = 5000;
const SLOW_MS = 600;
const QUICK_MS = 50;

function note(degradation: Degradation, tookMs: number, times: number): void {
  for (let count = 0; count < times; count++) degradation.note(tookMs, INTERVAL_MS);
}

test("leaves out more after three slow samples in a row, and goes back after many quick ones", () => {
  const degradation = new Degradation();
  note(degradation, SLOW_MS, 2);
  note(degradation, QUICK_MS, 1);
  note(degradation, SLOW_MS, 2);
  expect(degradation.level).toBe(0);
  note(degradation, SLOW_MS, 1);
  expect(degradation.leavesOut("owners")).toBe(true);
  expect(degradation.leavesOut("tcp_info")).toBe(false);
  note(degradation, SLOW_MS, 6);
  expect(degradation.leavesOut("every second sample")).toBe(true);
  note(degradation, SLOW_MS, 10);
  expect(degradation.level).toBe(3);
  // Twice the interval, or so long that samples keep to their share.
  expect(degradation.pauseMs(INTERVAL_MS)).toBe(2 * INTERVAL_MS);
  note(degradation, 3000, 2);
  expect(degradation.pauseMs(INTERVAL_MS)).toBe(30_000);
  note(degradation, QUICK_MS, 3 * 24);
  expect(degradation.level).toBe(0);
});

test("waits longer after it went back too early", () => {
  const degradation = new Degradation();
  note(degradation, SLOW_MS, 3);
  note(degradation, QUICK_MS, 24);
  expect(degradation.level).toBe(0);
  note(degradation, SLOW_MS, 3);
  note(degradation, QUICK_MS, 24);
  expect(degradation.level).toBe(1);
  note(degradation, QUICK_MS, 24);
  expect(degradation.level).toBe(0);
});

test("one slow sample changes nothing", () => {
  const degradation = new Degradation();
  note(degradation, 60_000, 1);
  expect(degradation.pauseMs(INTERVAL_MS)).toBe(INTERVAL_MS);
});
