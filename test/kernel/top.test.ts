import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { topSchema } from "../../src/cli/commands/top/schema.ts";
import { byWords } from "../../src/cli/commands/top/settings.ts";
import { obstacle, unshare } from "./namespace.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const noSs = Bun.which("ss") === null ? "ss is not installed" : undefined;
const skipped = obstacle ?? noSs;
const title = (text: string) => (skipped === undefined ? text : `${text} (skipped: ${skipped})`);
const TIMEOUT_MS = 60_000;

/** Lines of a stream, as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}

/** The numbers that the test reads of a sample of `top --json`. */
interface SocketSample {
  readonly netid: string;
  readonly state: string;
  readonly local: { readonly port: number };
  readonly peer: { readonly port: number };
  readonly intervalMs?: number;
  readonly bytesReceived?: number;
  readonly bytesAcked?: number;
  readonly receivedBytesPerSecond?: number;
  readonly ackedBytesPerSecond?: number;
  readonly dropsPerSecond?: number;
  readonly process?: { readonly pid: number; readonly comm: string };
  readonly netns?: { readonly pid?: number };
}
interface Sample {
  readonly count: number;
  readonly opened: number;
  readonly closed: number;
  readonly intervalMs: number;
  readonly receivedBytesPerSecond?: number;
  readonly states: Readonly<Record<string, number>>;
  readonly sockets: readonly SocketSample[];
}

/** A line of `top --json`, as far as the schema test reads it. */
interface Plain {
  readonly sockets?: readonly unknown[];
  readonly groups?: readonly unknown[];
}

describe.skipIf(skipped !== undefined)(title("a transfer"), () => {
  let transfer: Bun.Subprocess<"pipe", "pipe", "inherit">;
  let said: AsyncGenerator<string>;
  let enter: readonly string[];
  const run = (...command: string[]) => Bun.spawnSync([...enter, ...command]).stdout.toString();
  /** What ss tells of each socket, by its ports. */
  const ss = (field: RegExp) => {
    const found = new Map<string, number>();
    for (const line of run("ss", "-tuanimOH").split("\n")) {
      const ports = line
        .match(/:(\d+|\*)(?=\s)/g)
        ?.slice(0, 2)
        .join("");
      const value = field.exec(line)?.[1];
      if (ports !== undefined && value !== undefined) found.set(ports, Number(value));
    }
    return found;
  };
  const told = {
    received: /bytes_received:(\d+)/,
    acked: /bytes_acked:(\d+)/,
    dropped: /skmem:\(.*,d(\d+)\)/,
  };
  const readSs = () => ({ received: ss(told.received), acked: ss(told.acked), dropped: ss(told.dropped) });

  beforeAll(async () => {
    const program = [process.execPath, join(import.meta.dirname, "transfer.ts")];
    transfer = Bun.spawn([...unshare, ...program], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
    enter = ["nsenter", "--target", `${transfer.pid}`, ...user, "--net", "--"];
    said = linesOf(transfer.stdout);
    expect((await said.next()).value).toBe("ready");
  }, TIMEOUT_MS);

  afterAll(async () => {
    transfer.stdin.end();
    await transfer.exited;
  });

  test(
    "is counted by top as by ss, to the byte and to the datagram",
    async () => {
      const before = readSs();
      const top = Bun.spawn([...enter, executable, "top", "--json", "-tua", "-d", "0.1"], { stdout: "pipe" });
      const sums = {
        received: new Map<string, number>(),
        acked: new Map<string, number>(),
        dropped: new Map<string, number>(),
      };
      const add = (to: Map<string, number>, ports: string, rate = 0, intervalMs = 0) =>
        to.set(ports, (to.get(ports) ?? 0) + (rate * intervalMs) / 1000);
      let samples = 0;
      let isDone = false;
      let quiet = 0;
      for await (const line of linesOf(top.stdout)) {
        const { sockets } = JSON.parse(line) as Sample;
        let moved = false;
        for (const { local, peer, intervalMs, ...rates } of sockets) {
          const ports = `:${local.port || "*"}:${peer.port || "*"}`;
          add(sums.received, ports, rates.receivedBytesPerSecond, intervalMs);
          add(sums.acked, ports, rates.ackedBytesPerSecond, intervalMs);
          add(sums.dropped, ports, rates.dropsPerSecond, intervalMs);
          moved ||= Boolean(
            rates.receivedBytesPerSecond || rates.ackedBytesPerSecond || rates.dropsPerSecond,
          );
        }
        if (samples++ === 0) {
          transfer.stdin.write("go\n");
          transfer.stdin.flush();
          said.next().then(() => {
            isDone = true;
          });
        }
        quiet = isDone && !moved ? quiet + 1 : 0;
        if (quiet === 2) break;
      }
      top.kill("SIGTERM");
      expect(await top.exited).toBe(143);
      const after = readSs();
      for (const name of ["received", "acked", "dropped"] as const) {
        let largest = 0;
        for (const [ports, end] of after[name]) {
          const change = end - (before[name].get(ports) ?? 0);
          expect(Math.round(sums[name].get(ports) ?? 0)).toBe(change);
          largest = Math.max(largest, change);
        }
        expect(largest).toBeGreaterThan(name === "dropped" ? 10 : 1_000_000);
      }
      expect(samples).toBeGreaterThan(4);
    },
    TIMEOUT_MS,
  );

  test(
    "has the process that does it, in frames and in groups, too",
    () => {
      const sample = JSON.parse(run(executable, "top", "--json", "-n1", "-d.1", "-ta")) as Sample;
      expect(sample).toMatchObject({ count: 3, states: { ESTAB: 2, LISTEN: 1 } });
      expect(sample.sockets.every(({ process }) => process?.pid === transfer.pid)).toBe(true);
      const listener = sample.sockets.find(({ state }) => state === "LISTEN");
      expect(listener).toMatchObject({ backlog: 0, maxBacklog: 1 } as object);
      expect(listener).not.toHaveProperty("receivedBytesPerSecond");
      const udp = JSON.parse(run(executable, "top", "--json", "-n1", "-d.1", "-ua")) as Sample;
      expect(udp.sockets).toHaveLength(2);
      for (const socket of udp.sockets) {
        expect(socket).not.toHaveProperty("receivedBytesPerSecond");
        expect(socket.dropsPerSecond).toBe(0);
      }
      const groups = JSON.parse(run(executable, "top", "--json", "-n1", "-d.1", "-tua", "--by", "state"));
      expect(groups.groups).toEqual(
        expect.arrayContaining([expect.objectContaining({ state: "LISTEN", sockets: 1 })]),
      );
      const frame = run(executable, "top", "-b", "-n1", "-d.1", "-ta", "--sort", "state").split("\n");
      expect(frame[1]).toBe("3 sockets, 0 new, 0 closed, 2 ESTAB, 1 LISTEN");
      expect(frame[3]).toMatch(
        /^Netid +State▲ +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port +Recv\/s +Acked\/s/,
      );
      expect(frame.slice(4).map((row) => row.split(/\s+/)[1])).toEqual([
        "ESTAB",
        "ESTAB",
        "LISTEN",
        undefined,
        undefined,
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    "is as the schema says, socket by socket and in every kind of group",
    () => {
      const ajv = new Ajv2020({ strict: true, strictTypes: false, formats: { "date-time": true } });
      const validate = ajv.compile(topSchema());
      const choices = [["-tua"], ["-a", "-A", "all"], ...byWords.map((word) => ["-tua", "--by", word])];
      for (const choice of choices) {
        const line = run(executable, "top", "--json", "-n1", "-d.1", ...choice);
        const sample: Plain = JSON.parse(line);
        const isValid: boolean = validate(sample);
        if (!isValid) throw new Error(JSON.stringify({ choice, errors: validate.errors }));
        expect((sample.sockets ?? sample.groups ?? []).length).toBeGreaterThan(0);
        expect(validate({ ...sample, more: 1 })).toBe(false);
      }
      const process = JSON.parse(run(executable, "top", "--json", "-n1", "-d.1", "-ta", "--by", "process"));
      expect(process.groups).toMatchObject([{ process: { pid: transfer.pid }, sockets: 3 }]);
    },
    TIMEOUT_MS,
  );

  test.skipIf(process.getuid?.() !== 0)(
    "is seen from another network namespace (by root only, who may look there)",
    () => {
      const command = [executable, "top", "--all-netns", "--json", "-n1", "-d.1", "-ta"];
      const sample = JSON.parse(Bun.spawnSync(command).stdout.toString()) as Sample;
      const within = sample.sockets.filter(({ netns }) => netns?.pid === transfer.pid);
      expect(within.map(({ state }) => state).sort()).toEqual(["ESTAB", "ESTAB", "LISTEN"]);
      expect(within.every(({ process }) => process?.pid === transfer.pid)).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    "a reader that goes away ends it as SIGPIPE would",
    () => {
      const script = `set -o pipefail; '${executable}' top -b -d 0.1 -ta | head -n 1 > /dev/null; echo $?`;
      expect(run("bash", "-c", script)).toBe("141\n");
    },
    TIMEOUT_MS,
  );

  test.skipIf(process.getuid?.() !== 0)(
    "counts connections that no sample sees (by root only, who may listen for their ends)",
    async () => {
      const top = Bun.spawn([...enter, executable, "top", "--json", "-t", "-d", "0.5"], { stdout: "pipe" });
      let short: Bun.Subprocess | undefined;
      let opened = 0;
      let closed = 0;
      let received = 0;
      for await (const line of linesOf(top.stdout)) {
        const sample = JSON.parse(line) as Sample;
        opened += sample.opened;
        closed += sample.closed;
        received += ((sample.receivedBytesPerSecond ?? 0) * sample.intervalMs) / 1000;
        if (short === undefined) {
          const script = join(import.meta.dirname, "short-connections.ts");
          short = Bun.spawn([...enter, process.execPath, script, "20", "10000"]);
        } else if (short.exitCode !== null && closed >= 40) break;
      }
      top.kill("SIGTERM");
      await top.exited;
      // Both ends of each connection are on this host.
      expect([opened, closed]).toEqual([40, 40]);
      // The kernel counts a FIN as a byte.
      expect(Math.round(received)).toBeGreaterThanOrEqual(200_000);
      expect(Math.round(received)).toBeLessThanOrEqual(200_040);
    },
    TIMEOUT_MS,
  );
});
