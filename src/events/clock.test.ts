import { expect, test } from "bun:test";
import { type ClockTimes, TraceClock } from "./clock.ts";

/** A host whose clocks go on, are set, and stand still during a suspend. */
function hostClocks() {
  const times = { realMs: 1e12, monotonicMs: 1000, bootMs: 1000 };
  return {
    times: (): ClockTimes => ({ ...times }),
    pass(ms: number) {
      times.realMs += ms;
      times.monotonicMs += ms;
      times.bootMs += ms;
    },
    suspend(ms: number) {
      times.realMs += ms;
      times.bootMs += ms;
    },
    set(ms: number) {
      times.realMs += ms;
    },
    nowNs: () => times.monotonicMs * 1e6,
    realMs: () => times.realMs,
  };
}

test.each([3_600_000, -3_600_000])("a step of %i ms differs from time that passes", (stepMs) => {
  const host = hostClocks();
  const clock = new TraceClock(host.times);
  host.pass(5000);
  expect(clock.check()).toBe(0);
  host.set(stepMs);
  expect(clock.check()).toBe(stepMs);
  expect(clock.wallMs(host.nowNs())).toBe(host.realMs());
  host.pass(5000);
  expect(clock.check()).toBe(0);
});

test("a suspend is no step: the time of day is right afterwards, and durations include it", () => {
  const host = hostClocks();
  const clock = new TraceClock(host.times);
  const beforeMs = clock.wallMs(host.nowNs());
  host.suspend(7_200_000);
  expect(clock.check()).toBe(0);
  expect(clock.wallMs(host.nowNs()) - beforeMs).toBe(7_200_000);
});
