import { expect, test } from "bun:test";
import { cpuAllowance } from "./allowance.ts";

/** An allowance of a tenth of a core, and its clocks. */
function tenth() {
  const clock = { now: 1000, used: 500 };
  const allowance = cpuAllowance(
    0.1,
    () => clock.now,
    () => clock.used,
  );
  return { allowance, clock };
}

test("what is not an answer does not count, and six seconds may be used at once", () => {
  const { allowance, clock } = tenth();
  clock.used += 10_000;
  expect(allowance.leftMs()).toBe(6000);
  const end = allowance.begin();
  clock.used += 5999;
  expect(allowance.leftMs()).toBe(1);
  clock.used += 10;
  expect(allowance.leftMs()).toBe(-9);
  const endOther = allowance.begin();
  end();
  clock.used += 1;
  expect(allowance.leftMs()).toBe(-10);
  endOther();
  clock.used += 10_000;
  expect(allowance.leftMs()).toBe(-10);
});

test("time comes back at the rate of the share, and no more than a minute's", () => {
  const { allowance, clock } = tenth();
  const end = allowance.begin();
  clock.used += 6000;
  end();
  expect(allowance.leftMs()).toBe(0);
  clock.now += 1000;
  expect(allowance.leftMs()).toBeCloseTo(100);
  clock.now += 3_600_000;
  expect(allowance.leftMs()).toBe(6000);
});
