/** `record`, `--at` and `history` on a real kernel: what is shown of the past is what was there. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle, unshare } from "./namespace.ts";
import { transferKinds } from "./transfer-kinds.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-record-"));
const executable = join(import.meta.dirname, "../../dist/sockscope");
const isRoot = process.getuid?.() === 0;
/** `npm run soak` takes a minute. */
const churnSeconds = Number(process.env["SOAK_CHURN"] ?? 1);

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
function inNamespace(script: string, name: string, enter: readonly string[] = unshare): Shell {
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [...enter, "sh", "-ec", `ip link set lo up\n${script}`],
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
  interface Row {
    readonly local: { readonly port: number };
    readonly peer: { readonly port: number };
    readonly durationMs: number;
    readonly tcpInfo: { readonly bytesAcked: number; readonly bytesReceived: number };
    readonly processes?: readonly { readonly cmdline: string }[];
  }
  const script = join(import.meta.dirname, "transfers-script.ts");
  const rowsOf: Record<string, Row[]> = {};

  /** Records the transfers. @param command runs a command in the namespace where they are */
  function recordTransfers(name: string, options: string, command: string, enter = unshare): void {
    const { stdout, stderr } = inNamespace(
      `mkfifo $D.go; ${command} sh -c 'read line < '$D.go'; exec '"$B"' ${script}' > $D.log &
T=$!
$S record -d 1 --store $D ${options} 2> $D.err &
R=$!
for i in $(seq 600); do grep -q writes $D.err && break; sleep 0.1; done
sleep 1; echo > $D.go; wait $T; sleep 0.5
kill -INT $R; wait $R
$S history --store $D -t --ndjson ${options}`,
      name,
      enter,
    );
    expect(stderr).toMatch(/history: .* not recorded: /);
    rowsOf[name] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  beforeAll(() => {
    recordTransfers("here", "", "");
    // Only the processes of this test are in its /proc, and so only its namespaces are found.
    const alone = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--"];
    recordTransfers("elsewhere", "--all-netns", "unshare --net", alone);
  }, 120_000);

  for (const place of ["here", "elsewhere"])
    test.each(transferKinds.map((kind) => [kind.name, kind] as const))(
      `${place} has bytes and owners of known transfers: %s`,
      (_, { port, connections, sent, received }) => {
        const rows = rowsOf[place]!;
        const clients = rows.filter(({ peer }) => peer.port === port);
        const servers = rows.filter(({ local }) => local.port === port);
        expect([clients.length, servers.length]).toEqual([connections, connections]);
        const sum = (list: readonly Row[], key: keyof Row["tcpInfo"]) =>
          list.reduce((total, { tcpInfo }) => total + tcpInfo[key], 0);
        // The kernel counts SYN and FIN as a byte each.
        const isNear = (found: number, bytes: number) =>
          expect(Math.abs(found - bytes * connections)).toBeLessThanOrEqual(
            Math.max(2 * connections, (bytes * connections) / 100),
          );
        isNear(sum(clients, "bytesAcked"), sent);
        isNear(sum(servers, "bytesReceived"), sent);
        isNear(sum(servers, "bytesAcked"), received);
        isNear(sum(clients, "bytesReceived"), received);
        for (const { durationMs, processes } of [...clients, ...servers]) {
          expect(durationMs).toBeGreaterThanOrEqual(0);
          expect(processes?.[0]?.cmdline).toContain(script);
        }
      },
    );

  test(
    `has a row of each end at 5,000 a second for ${churnSeconds} seconds, or counts it as lost`,
    async () => {
      // With fewer rows a second, the others are counted together.
      for (const rows of [100_000, 100]) {
        const name = `churn${rows}`;
        const { stdout, exit, stderr } = inNamespace(
          `$S record -d 2 --rows ${rows} --store $D 2> $D.err &
R=$!
for i in $(seq 600); do grep -q writes $D.err 2> /dev/null && break; sleep 0.1; done
$B ${join(import.meta.dirname, "churn.ts")} 5000 ${churnSeconds}
kill -INT $R; wait $R`,
          name,
        );
        expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
        const [closed] = stdout.split(" ").map(Number);
        expect(closed).toBe(5000 * churnSeconds);
        const count = (sql: string): number => {
          const files = readdirSync(join(folder, name)).filter((file) => file.endsWith(".db"));
          return files.reduce((sum, file) => {
            using database = new Database(join(folder, name, file), { readonly: true });
            return (
              sum + (database.query(`SELECT coalesce(${sql}, 0) AS count`).get() as { count: number }).count
            );
          }, 0);
        };
        const kept = count("(SELECT count(*) FROM connection)");
        const bundled = count("(SELECT sum(connections) FROM bundle)");
        // Records of the trace that are lost are no ends.
        const lost = count(
          "(SELECT sum(count) FROM coverage WHERE kind = 'lost' AND detail NOT IN ('events of tracefs', 'events of fib'))",
        );
        // The ends of the eight listeners may count, too, and an end that the trace has reported before it came.
        expect(kept + bundled + lost).toBeGreaterThanOrEqual(closed!);
        expect(kept + bundled + lost).toBeLessThanOrEqual(closed! * 1.01);
        expect(kept + bundled).toBeGreaterThan(0);
        if (rows === 100) expect(bundled + lost).toBeGreaterThan(0);
      }
    },
    60_000 + churnSeconds * 10_000,
  );

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
