import { expect, test } from "bun:test";
import { Pauses } from "./pause.ts";

test("a signal ends a pause, and reaches its handler before the next one", async () => {
  let signals = 0;
  const count = () => signals++;
  process.on("SIGUSR2", count);
  try {
    const pauses = new Pauses(() => false);
    // The first pause enters the event loop.
    await pauses.wait(1);
    const killer = Bun.spawn(["sh", "-c", `sleep 0.3; kill -USR2 ${process.pid}`]);
    const begun = performance.now();
    await pauses.wait(60_000);
    expect(performance.now() - begun).toBeLessThan(50_000);
    expect(signals).toBe(1);
    await killer.exited;
  } finally {
    process.off("SIGUSR2", count);
  }
});

test("the event loop goes on while something waits for it", async () => {
  const pauses = new Pauses(() => true);
  await pauses.wait(1);
  let isDone = false;
  setTimeout(() => {
    isDone = true;
  }, 5);
  await pauses.wait(50);
  expect(isDone).toBe(true);
});
