/** `top --at`: back and forth through a store with a gap, on the screen, in frames and as JSON. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { topSchema } from "../../src/cli/commands/top/schema.ts";
import { cookieOf } from "../../src/families/inet/made-socket.ts";
import { AF_INET } from "../../src/model/family.ts";
import { dumpOrder } from "../../src/model/selection.ts";
import type { ClockReading } from "../../src/store/clock.ts";
import { SocketImage } from "../../src/store/image.ts";
import { Store } from "../../src/store/store.ts";
import { timeText } from "../../src/store/time.ts";
import { tcp } from "../doctor/samples.ts";

const root = mkdtempSync(join(tmpdir(), "sockscope-rewind-"));
const folder = join(root, "store");
const main = join(import.meta.dirname, "../../src/cli/main.ts");
afterAll(() => rmSync(root, { recursive: true, force: true }));

const startMs = Date.UTC(2026, 0, 5, 12);
/** When samples were taken, in seconds after the start: five, then a pause, then three of the next recorder. */
const first = [0, 5, 10, 15, 20];
const second = [80, 85, 90];
/** Bytes that the connection receives in a second; it stalls from second 85 on. */
const RATE = 1_000_000;
const bytesAt = (second: number) => RATE * Math.min(second, 85);

function record(seconds: readonly number[]): void {
  let wallMs = startMs + seconds[0]! * 1000;
  const now = (): ClockReading => ({ wallMs, bootMs: wallMs - startMs + 1e6, awakeMs: wallMs });
  using store = new Store({
    folder,
    limits: { budgetBytes: 1 << 30, keepFreeBytes: 0, days: 7 },
    run: {
      bootId: "boot",
      version: "0",
      host: "recorded\x1b[2J",
      intervalMs: 5000,
      filter: undefined,
      tables: undefined,
      sources: "test",
    },
    now: now(),
    say: () => undefined,
  });
  const place = store.place({ inode: 1, name: undefined, pid: undefined });
  const identity = { pid: 7, startTicks: 1 };
  const process =
    store.knownProcess(identity.pid, identity.startTicks, "server") ??
    store.addProcess("server", {
      ...identity,
      name: new TextEncoder().encode("server"),
      uid: 0,
      user: "root",
      exe: "/server",
      arguments: undefined,
      cgroup: "0::/\n",
    });
  const image = new SocketImage();
  for (const second of seconds) {
    wallMs = startMs + second * 1000;
    const sockets = [
      tcp({ local: "10.0.0.9:80", state: "listening", inode: 79, cookie: 79n }),
      tcp({
        local: "10.0.0.9:80",
        peer: "10.0.0.1:5555",
        inode: 80,
        cookie: 80n,
        info: { bytesReceived: bytesAt(second), bytesAcked: 5, rtt: 1234 },
      }),
    ];
    const owners = new Map(sockets.map(({ inode }) => [inode, [{ process, fd: inode }]]));
    image.begin();
    const group = image.group({ place, dump: dumpOrder.indexOf("tcp"), family: AF_INET });
    for (const socket of sockets) {
      const words = new Int32Array(socket.data.buffer.slice(0));
      group.add(cookieOf(socket), socket.inode, words, 0, socket.length, now().bootMs);
    }
    image.end();
    store.sample({
      clocks: now(),
      durationUs: 1000,
      image,
      owners: { all: owners, changed: new Set(owners.keys()) },
    });
    if (second === 10) store.cover("lost", wallMs - 1000, wallMs - 500, 12, "events of destroy");
    store.flush(now());
  }
  // It ends after the last sample.
  wallMs += 1000;
  store.connection({
    closedMs: wallMs,
    openedMs: startMs,
    protocol: 6,
    place,
    local: Uint8Array.of(10, 0, 0, 9),
    localPort: 80,
    peer: Uint8Array.of(10, 0, 0, 1),
    peerPort: seconds === second ? 5555 : 5556,
    process,
    uid: 0,
    reason: undefined,
    bytesSent: 5,
    bytesReceived: bytesAt(85),
    segmentsSent: 1,
    segmentsReceived: 1,
    retransmits: 0,
    rttUs: 1234,
    minRttUs: 1234,
  });
  store.close(now());
}

beforeAll(() => {
  record(first);
  record(second);
});

/** Runs `top` on the store. */
function top(at: number, ...args: string[]): { stdout: string; exitCode: number } {
  const time = `${startMs / 1000 + at}`;
  const { stdout, exitCode } = Bun.spawnSync(
    [process.execPath, main, "top", "--at", time, "--store", folder, ...args],
    { stderr: "pipe" },
  );
  return { stdout: stdout.toString(), exitCode };
}

const clockOf = (second: number) => timeText(startMs + second * 1000);

test("frames go on from the moment to the end, and a gap has no values", () => {
  const { stdout, exitCode } = top(15, "-b", "-ta", "--sort", "-rx");
  expect(exitCode).toBe(0);
  const frames = stdout.trim().split("\n\n");
  expect(frames).toHaveLength(6);
  const [before, last, gap, after, next, stalled] = frames.map((frame) => frame.split("\n"));
  expect(before![0]).toBe(`recorded\\x1b[2J, ${clockOf(15)}, after 5.00 s`);
  expect(before!.slice(1, 4)).toEqual([
    "2 sockets, 0 new, 0 closed, 1 ESTAB, 1 LISTEN",
    "received 1.00MB/s, acknowledged 0B/s, retransmitted 0/s, dropped -",
    "recorded every 5s",
  ]);
  expect(before![5]).toMatch(/^tcp +ESTAB .* 10\.0\.0\.1:5555 +1\.00M +0 .* 1\.23 .*server 7/);
  expect(last![0]).toContain(clockOf(20));
  expect(gap).toEqual([
    `recorded\\x1b[2J, nothing was recorded for 1m; the recorder was ended; from ${clockOf(20)} to ${clockOf(80)}`,
  ]);
  // What was before the gap says nothing about the rates after it.
  expect(after!.slice(0, 3)).toEqual([
    `recorded\\x1b[2J, ${clockOf(80)}`,
    "2 sockets, 1 ESTAB, 1 LISTEN",
    "received -, acknowledged -, retransmitted -, dropped -",
  ]);
  expect(next![2]).toContain("received 1.00MB/s");
  // A stalled connection is known to receive nothing.
  expect(stalled![2]).toContain("received 0B/s");
});

test("objects of JSON follow the schema, and have what the recorder noted", () => {
  const lines = top(10, "--json", "-t").stdout.trim().split("\n");
  const validate = new Ajv2020({ strict: true, strictTypes: false, formats: { "date-time": true } }).compile(
    topSchema(),
  );
  const objects = lines.map((line) => {
    const object = JSON.parse(line);
    expect(validate(object) ? [] : validate.errors).toEqual([]);
    return object;
  });
  expect(objects.map(({ receivedBytesPerSecond }) => receivedBytesPerSecond)).toEqual([
    RATE,
    RATE,
    RATE,
    undefined,
    undefined,
    RATE,
    0,
  ]);
  expect(objects[0].coverage.notes).toMatchObject([{ kind: "lost", count: 12, detail: "events of destroy" }]);
  expect(objects[1].coverage).toEqual({ sampleEveryMs: 5000, notes: [] });
  expect(objects[3]).toEqual({
    time: new Date(startMs + 20_000).toISOString(),
    host: expect.any(String),
    coverage: {
      sampleEveryMs: 5000,
      gap: {
        from: new Date(startMs + 20_000).toISOString(),
        until: new Date(startMs + 80_000).toISOString(),
      },
      notes: [expect.objectContaining({ kind: "restart" })],
    },
  });
  expect(objects[4]).not.toHaveProperty("opened");
});

test("groups and filters hold for the past", () => {
  const frame = top(
    15,
    "-b",
    "-n",
    "1",
    "-ta",
    "--by",
    "process",
    "sport",
    "=",
    ":80",
    "and",
    "bytes_received",
    ">",
    "100",
  );
  expect(frame.stdout).toMatch(/^server 7 +1 +0 +0 +1\.00M/m);
  expect(top(15, "-b", "-n", "1", "-ta", "dport", "=", ":1").stdout).toContain("0 sockets");
});

test("a connection that ended after the last sample is listed once, and not as open", () => {
  const history = (until: number) =>
    Bun.spawnSync(
      [
        ...[process.execPath, main, "history", "--store", folder, "--since", `${startMs / 1000 + 70}`],
        ...["--until", `${startMs / 1000 + until}`, "-H", "--columns", "closed,peer", "dport", "=", ":5555"],
      ],
      { stderr: "pipe" },
    ).stdout.toString();
  expect(history(95).trim().split("\n")).toEqual([
    expect.stringMatching(new RegExp(`^${new Date(startMs + 91_000).toISOString()} +10\\.0\\.0\\.1:5555$`)),
  ]);
  // A second before its end it was open.
  expect(history(90.5)).toMatch(/^- +10\.0\.0\.1:5555\n$/);
});

const programs = ["tmux"].filter((program) => Bun.which(program) === null);

describe.skipIf(programs.length > 0)("on the screen", () => {
  const socket = `sockscope-rewind-${process.pid}`;
  const env = { ...process.env, LC_ALL: "C.UTF-8", TMUX: "", NO_COLOR: "" };
  const tmux = (...args: string[]) =>
    Bun.spawnSync(["tmux", "-u", "-L", socket, ...args], { env }).stdout.toString();
  const type = (...keys: string[]) => tmux("send-keys", "-t", "looker", ...keys);
  afterAll(() => {
    tmux("kill-server");
  });

  /** Waits until the screen is as it should be. */
  async function shown(what: RegExp): Promise<string> {
    const end = performance.now() + 20_000;
    for (;;) {
      const screen = tmux("capture-pane", "-p", "-t", "looker");
      if (what.test(screen)) return screen;
      if (performance.now() > end) throw new Error(`${what} is not on the screen:\n${screen}`);
      await Bun.sleep(50);
    }
  }
  /** The first line at a moment. */
  const titled = (mark: string, second: number) =>
    new RegExp(`recorded.* ${mark} .*${clockOf(second)}$`, "m");

  test("[ and ] go back and forth, space plays, details are of the moment, and nothing can be killed", async () => {
    const command = `'${process.execPath}' '${main}' top --at ${startMs / 1000 + 15} --store '${folder}' -ta -d 0.3`;
    tmux(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-s",
      "looker",
      "-x",
      "80",
      "-y",
      "24",
      "bash --norc --noprofile",
    );
    tmux("set-option", "-g", "status", "off");
    type(`clear; ${command}; echo end $?`, "Enter");
    const begun = await shown(titled("PAST", 15));
    expect(begun).toMatch(/^2 sockets {2}\+0 -0 .*\nReceived +1\.00MB\/s .*\nRecorded every 5s$/m);
    type("[");
    expect(await shown(titled("PAST", 10))).toContain("Recorded every 5s; 12 events of destroy lost");
    type("[", "[");
    // The first sample of all has no rates.
    expect(await shown(titled("PAST", 0))).toMatch(/^2 sockets {2}█.*\nReceived +- /m);
    type("[");
    await shown(/^nothing was recorded before/m);
    type("]");
    await shown(titled("PAST", 5));
    type("Down", "Enter");
    // The listener has the port of the connection, too.
    expect(await shown(/more lines: }/)).toMatch(/^ tcp 10\.0\.0\.9:80 → 10\.0\.0\.1:5555/m);
    type("}", "}");
    await shown(/ESTAB {2}state of the connection/);
    type("Escape");
    await shown(/^(?![\s\S]*state of the connection)/);
    type("K");
    await shown(/^These sockets are of the past: nothing can be done to them/m);
    type(" ");
    await shown(titled("PLAYING", 15));
    const gap = await shown(/^Nothing was recorded for 1m; the recorder was ended; from/m);
    expect(gap).toMatch(/^No values: nothing was recorded at this time$/m);
    // Above the heading and below it, there is no number: a gap is no zero.
    expect(
      gap
        .split("\n")
        .slice(2, 20)
        .join("\n")
        .replace(/^Nothing was recorded.*$/m, ""),
    ).not.toMatch(/\d/);
    await shown(titled("PAST", 90));
    expect(await shown(/^nothing was recorded after/m)).toMatch(/^Received +0B\/s/m);
    type("<");
    await shown(titled("PAST", 20));
    type("]");
    await shown(/^No values/m);
    type("[");
    await shown(titled("PAST", 20));
    type("/");
    type("-l", "sport = :1");
    type("Enter");
    const title = titled("PAST  \\| sport = :1", 20).source;
    await shown(new RegExp(`${title}[\\s\\S]*No socket matches`, "m"));
    type("q");
    await shown(/^end 0$/m);
  }, 60_000);
});
