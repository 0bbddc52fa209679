/** Runs the programs in examples/ on Node and on Bun. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

// Finding the owner of a port takes longer the more descriptors the host has.
setDefaultTimeout(60_000);

const root = join(import.meta.dirname, "../..");
const example = (name: string) => join(root, "examples", name);

const runtimes = [
  ["Bun", process.execPath],
  ["Node", "node"],
] as const;

const running: Bun.Subprocess[] = [];
afterEach(() => {
  for (const program of running.splice(0)) program.kill();
});

/** Starts a program, and reads its output line by line. */
function start(command: readonly string[]) {
  const program = Bun.spawn([...command], { stdin: "ignore", stderr: "pipe" });
  running.push(program);
  return { program, lines: linesOf(program.stdout) };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

async function nextLine(lines: AsyncGenerator<string>): Promise<string> {
  const { value } = await lines.next();
  if (value === undefined) throw new Error("It ends without a line");
  return value;
}

/** Listens on a free port. */
function listen() {
  return Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
}

for (const [runtime, command] of runtimes) {
  describe.skipIf(Bun.which(command) === null)(`on ${runtime}`, () => {
    test("prometheus.mjs serves metrics that count its own listener", async () => {
      const { lines } = start([command, example("prometheus.mjs"), "0"]);
      const url = await nextLine(lines);
      const response = await fetch(url);
      expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
      const text = await response.text();
      expect(text).toMatch(/^tcp_sockets\{state="LISTEN",family="inet6?"\} [1-9]\d*$/m);
      // Both ends of the request's own connection are counted.
      expect(text).toMatch(/^tcp_sockets\{state="ESTAB",family="inet"\} ([2-9]|\d{2,})$/m);
      expect(text).toMatch(/^tcp_queue_bytes\{queue="receive"\} \d+$/m);
      for (const line of text.trimEnd().split("\n"))
        expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+\{(\w+="[^"\\]*",?)+\} \d+)$/);
    });

    test("alert.mjs reports who opens a port, and when it closes", async () => {
      const { lines } = start([command, example("alert.mjs"), "20"]);
      expect(await nextLine(lines)).toMatch(/^watching \d+ listening ports$/);
      const listener = listen();
      const { port } = listener;
      const mine = async (what: string) => {
        for (;;) {
          const line = await nextLine(lines);
          if (line.includes(` ${what} 127.0.0.1:${port}`)) return line;
        }
      };
      expect(await mine("opened")).toEndWith(`(${process.pid})`);
      listener.stop(true);
      expect(await mine("closed")).toMatch(/^\d{4}-\d{2}-\d{2}T\S+Z closed /);
    });

    test("wait-for-port.mjs waits, and gives up in time", async () => {
      const listener = listen();
      const { port } = listener;
      const early = start([command, example("wait-for-port.mjs"), `${port}`, "30"]);
      expect(await nextLine(early.lines)).toBe(`port ${port} listens`);
      expect(await early.program.exited).toBe(0);
      listener.stop(true);
      const late = start([command, example("wait-for-port.mjs"), `${port}`, "0.1"]);
      expect(await late.program.exited).toBe(1);
      expect(await new Response(late.program.stderr).text()).toBe(
        `Nothing listens on port ${port} after 0.1 s\n`,
      );
      const patient = start([command, example("wait-for-port.mjs"), `${port}`, "30"]);
      await Bun.sleep(150);
      const again = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
      expect(await patient.program.exited).toBe(0);
      again.stop(true);
    });
  });
}

test.skipIf(Bun.which("jq") === null)("jq.sh counts peers and orders round trips", () => {
  const replay = join(root, "test/fixtures/tcp-info-values");
  const { stdout, stderr, exitCode } = Bun.spawnSync([example("jq.sh"), "--replay", replay], {
    env: { ...process.env, SOCKSCOPE: join(root, "dist/sockscope") },
    stderr: "pipe",
  });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  const [peers = "", trips = ""] = stdout.toString().split("# round trips, slowest first, in ms\n");
  expect(peers).toMatch(/^# connections by peer\n\d+\t[0-9a-f.:]+\n/);
  const times = trips
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split("\t")[0]));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(times).toHaveLength(5);
});
