/** `record`, `--at` and `history` on a real kernel: what is shown of the past is what was there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle, unshare } from "./namespace.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-record-"));
const executable = join(import.meta.dirname, "../../dist/sockscope");
const isRoot = process.getuid?.() === 0;

/** Ages move on from one listing to the next. */
function withoutAges(text: string): string {
  return text
    .replace(/\b(lastsnd|lastrcv|lastack):\d+/g, "$1")
    .replace(/"last(?:DataSent|DataRecv|AckRecv)Ms":\d+/g, "")
    .replace(/timer:\((\w+),[^,]+/g, "timer:($1")
    .replace(/"expiresMs":\d+/g, "")
    .replace(/busy:\d+ms/g, "busy")
    .replace(/ {2,}/g, " ");
}

interface Shell {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

/** Runs a shell script in a network namespace of its own. `$S` is sockscope, `$D` an empty folder. */
function inNamespace(script: string, name: string): Shell {
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [...unshare, "sh", "-ec", `ip link set lo up\n${script}`],
    {
      stderr: "pipe",
      env: { ...process.env, S: executable, D: join(folder, name), B: process.execPath },
    },
  );
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

/** A server, and clients that send and receive so many bytes before they wait, or end. */
const transfer = join(folder, "transfer.ts");
beforeAll(() => {
  writeFileSync(
    transfer,
    `import net from "node:net";
const [host, sent, received, count, ends] = JSON.parse(process.argv[2]);
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  let got = 0;
  socket.on("data", (data) => { got += data.length; if (got === sent) socket.write(Buffer.alloc(received)); });
  socket.on("end", () => socket.end());
});
let done = 0;
server.listen(0, host, () => {
  for (let each = 0; each < count; each++) {
    const socket = net.connect(server.address().port, host, () => socket.write(Buffer.alloc(sent)));
    let got = 0;
    socket.on("data", (data) => {
      got += data.length;
      if (got < received) return;
      if (ends) socket.end();
      else if (++done === count) console.log("ready");
    });
    socket.on("close", () => { if (++done === count) { console.log("ready"); setTimeout(() => process.exit(), 300); } });
  }
});
setTimeout(() => process.exit(), 120_000);
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts transfers in the background, and waits until they are done. */
function start(name: string, options: readonly unknown[]): string {
  const log = join(folder, `${name}.log`);
  return `$B ${transfer} '${JSON.stringify(options)}' > ${log} &
T=$!
for i in $(seq 600); do grep -q ready ${log} && break; sleep 0.1; done\n`;
}

describe.skipIf(obstacle !== undefined)("--at", () => {
  const listings = [
    "-tanp",
    "-tlnp",
    "-tanoeim",
    "-tanpO state established",
    "-xanp",
    "-xlp",
    "-H -anp -A netlink",
    "--json -tanp",
    "-tn --columns state,local,peer,process,pid,user,bytes_acked --sort local",
    "-tn --by process --columns bytes_acked,bytes_received",
    "-tn state established sport > :1024 and bytes_acked > 500",
    "-s",
  ];
  test("lists what was recorded", () => {
    const each = listings
      .map((options, index) => {
        const quoted = options.replace(/[>]/g, "'$&'");
        return `$S ${quoted} > $D.now${index}\n$S --at now --store $D ${quoted} > $D.at${index} 2> $D.err${index}`;
      })
      .join("\n");
    const { exit, stderr } = inNamespace(
      `${start("at", ["127.0.0.1", 1000, 2000, 5, false])}sleep 0.3\n$S record --once --store $D\n${each}\nkill $T`,
      "at",
    );
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  }, 120_000);

  for (const [index, options] of listings.entries())
    test(`is equal for ${options}`, async () => {
      const read = async (name: string) =>
        withoutAges(await Bun.file(join(folder, `at.${name}${index}`)).text());
      const now = await read("now");
      expect(now.length).toBeGreaterThan(0);
      // The listing itself has UNIX and netlink sockets, which come and go.
      const own = (text: string) =>
        /-x|netlink|-s$/.test(options)
          ? text
              .split("\n")
              .filter((line) => /transfer|LISTEN/.test(line))
              .join("\n")
          : text;
      expect(own(await read("at"))).toBe(own(now));
    });

  test("says what time it cannot show, and what is no time", () => {
    const { stderr } = inNamespace(
      `$S record --once --store $D; $S --at -1h --store $D -t || echo $? >&2; $S --at soon --store $D -t || echo $? >&2`,
      "times",
    );
    expect(stderr).toMatch(
      /nothing was recorded up to .*, the next .* after\n1\n.*--at "soon" is not a time such as .*\n255\n/s,
    );
  }, 20_000);
});

describe.skipIf(obstacle !== undefined || !isRoot)("record and history", () => {
  const runs = [
    { name: "ipv4", options: ["127.0.0.1", 300_000, 20_000, 3, true] },
    { name: "ipv6", options: ["::1", 20_000, 500_000, 2, true] },
    { name: "many", options: ["127.0.0.1", 1000, 1000, 50, true] },
  ] as const;
  for (const { name, options } of runs)
    test(`has bytes and owners of known transfers: ${name}`, () => {
      const [, sent, received, count] = options;
      const { stdout, stderr } = inNamespace(
        `$S record -d 1 --store $D 2> $D.err &
R=$!
for i in $(seq 600); do grep -q writes $D.err && break; sleep 0.1; done
sleep 1
${start(`run-${name}`, options)}sleep 1
kill -INT $R; wait $R
$S history --store $D -t --ndjson`,
        name,
      );
      const rows = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(rows).toHaveLength(2 * count);
      const sum = (key: string) => rows.reduce((total, row) => total + row.tcpInfo[key], 0);
      const expected = (sent + received) * count;
      expect(Math.abs(sum("bytesAcked") - expected) / expected).toBeLessThan(0.01);
      expect(Math.abs(sum("bytesReceived") - expected) / expected).toBeLessThan(0.01);
      for (const row of rows) {
        expect(row.processes[0]?.cmdline).toContain(transfer);
        expect(row.durationMs).toBeGreaterThanOrEqual(0);
        expect(row.closed).toBeString();
      }
      expect(stderr).toMatch(/history: .* not recorded: /);
    }, 120_000);

  test("goes on when a full disk has room again, and corrupts nothing", () => {
    const { stdout } = inNamespace(
      `mkdir -p $D; unshare -m sh -ec '
mount -t tmpfs -o size=2m,mode=700 tmpfs $D
dd if=/dev/zero of=$D/filler bs=1k count=1600 2> /dev/null
$S record -d 0.2 --keep-free 0 --store $D/store 2> $D.err &
R=$!
for i in $(seq 600); do grep -q "writes" $D.err && break; sleep 0.1; done
dd if=/dev/zero of=$D/filler2 bs=1k 2> /dev/null || true
sleep 11
rm $D/filler $D/filler2
sleep 10.5
kill -INT $R; wait $R
$S history coverage --store $D/store --json
cat $D.err'`,
      "full",
    );
    const [coverage, ...lines] = stdout.trim().split("\n");
    expect(lines.join("\n")).toMatch(/cannot write to .*; waiting\n.*goes on: writing to .* works again/s);
    const { notes, recorded } = JSON.parse(coverage!);
    expect(notes.filter(({ kind }: { kind: string }) => kind === "damaged")).toEqual([]);
    expect(recorded).not.toEqual([]);
  }, 120_000);
});
