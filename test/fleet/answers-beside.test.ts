/** An agent makes several answers at a time: each must be what it is alone. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { answer, ownLimits } from "../../src/cli/fleet/answer.ts";
import { type Frame, PROTOCOL } from "../../src/fleet/protocol.ts";
import { liveHost } from "../../src/host/live.ts";
import { replayHost } from "../../src/replay/host.ts";
import { playedHost, serverSockets, worldOf } from "./nats-agents.ts";

const recordings = ["mixed-500", "owners", "unix", "real-linux-6.18"].map((name) =>
  replayHost(join(import.meta.dirname, "../fixtures", name), liveHost().files),
);
const hosts = [...recordings, playedHost(serverSockets(3000)), playedHost(serverSockets(1234))];

const questions: readonly (readonly string[])[] = [
  ["--tcp", "--all", "--numeric"],
  ["--tcp", "--all", "--numeric", "--by=state,peer.port"],
  ["--tcp", "--all", "--numeric", "--sort=-recvq,peer", "--top=20"],
  ["--all", "--info", "--extended", "--memory", "--json"],
  ["--all", "--processes", "--columns=local,process,pid,user"],
  ["--unix", "--all", "--peer", "--json"],
  ["--summary"],
];

/** An answer as its frames. @param pause is called after each batch */
async function answered(
  host: (typeof hosts)[number],
  args: readonly string[],
  pause: () => Promise<void> | undefined,
): Promise<string> {
  const frames: Frame[] = [];
  await answer(
    worldOf(host),
    {
      protocol: PROTOCOL,
      args,
      words: [],
      form: args[0] === "--summary" ? "output" : "rows",
      maxRows: 1e6,
      budgetMs: 60_000,
    },
    (frame) => frames.push(frame),
    { ...ownLimits(() => performance.now()), pause },
  );
  return JSON.stringify(frames);
}

test("answers that are made beside each other are what they are alone", async () => {
  const cases = hosts.flatMap((host) => questions.map((args) => [host, args] as const));
  const alone: string[] = [];
  for (const [host, args] of cases) alone.push(await answered(host, args, () => undefined));
  const beside = await Promise.all(
    cases.map(([host, args]) => answered(host, args, () => new Promise((resolve) => setImmediate(resolve)))),
  );
  for (const [index, text] of beside.entries()) expect(text).toBe(alone[index]!);
  expect(alone.filter((text) => text.length > 1000).length).toBeGreaterThan(15);
});
