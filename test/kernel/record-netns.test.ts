/** Network namespaces that are made, and that end, while they are recorded and followed. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "./namespace.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-record-netns-"));
const executable = join(import.meta.dirname, "../../dist/sockscope");
const skipped = obstacle !== undefined || process.getuid?.() !== 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A connection over loopback that carries so many bytes: it opens when the first file is there, and ends with the second. */
const connection = join(folder, "connection.ts");
writeFileSync(
  connection,
  `import { existsSync } from "node:fs";
import net from "node:net";
const [bytes, open, close] = process.argv.slice(2);
const until = async (file) => { while (!existsSync(file)) await Bun.sleep(20); };
const server = net.createServer((socket) => socket.on("end", () => { socket.end(); server.close(); }).resume());
await until(open);
server.listen(7777, "127.0.0.1", () => {
  const socket = net.connect(7777, "127.0.0.1", async () => {
    socket.write(Buffer.alloc(Number(bytes)));
    console.log("open");
    await until(close);
    await Bun.sleep(300);
    socket.end();
  });
});
`,
);

/** Runs a script where only its own processes, and so only their namespaces, can be found. */
async function alone(name: string, script: string): Promise<string> {
  const child = Bun.spawn(
    [
      "unshare",
      "--net",
      "--pid",
      "--fork",
      "--mount-proc",
      "--",
      "sh",
      "-ec",
      `ip link set lo up\n${script}`,
    ],
    {
      stderr: "pipe",
      env: { ...process.env, S: executable, D: join(folder, name), B: process.execPath, C: connection },
    },
  );
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout;
}

/** Shell functions: wait for a text in a file, count the descriptors of a process. */
const helpers = `
until_has() { for i in $(seq 400); do grep -q "$2" "$1" 2> /dev/null && return; sleep 0.05; done; echo "no $2 in $1" >&2; exit 9; }
namespaces() { ls -l /proc/$1/fd | grep -c net:; }
until_namespaces() { for i in $(seq 400); do [ $(namespaces $1) = $2 ] && return; sleep 0.05; done; echo "not $2 namespaces" >&2; exit 9; }
descriptors() { ls /proc/$1/fd | wc -l; }
until_few() { for i in $(seq 400); do [ $(descriptors $1) -le $2 ] && return; sleep 0.05; done; }
`;

describe.skipIf(skipped)("a network namespace that is made later", () => {
  test.concurrent("is sampled and followed with owners, and closed when it has ended", async () => {
    const output = await alone(
      "later",
      `${helpers}
$S record --all-netns -d 0.4 --store $D 2> $D.err & R=$!
until_has $D.err writes; sleep 1
echo before $(descriptors $R)
unshare --net sh -c 'ip link set lo up; exec "$B" "$C" 5000 $D.open $D.close' > $D.log & W=$!
until_namespaces $R 2; sleep 0.3; touch $D.open; until_has $D.log open; sleep 2
AT=$(date +%s.%N | cut -c1-14); echo during $(descriptors $R)
touch $D.close; wait $W; until_namespaces $R 1
sleep 0.5; echo after $(descriptors $R)
kill -INT $R; wait $R
$S --at $AT --store $D --all-netns -tnp state established 2> /dev/null
echo now; $S --at now --store $D --all-netns -tnp state established 2> /dev/null
echo history; $S history --store $D --all-netns -t --ndjson 2> /dev/null`,
    );
    const numbers = (word: string) =>
      new RegExp(`^${word} (.*)$`, "m").exec(output)![1]!.split(" ").map(Number);
    const [before] = numbers("before");
    expect(numbers("during")[0]!).toBeGreaterThan(before!);
    // Requests in our own namespace have a socket by now.
    const [after] = numbers("after");
    expect(after!).toBeLessThanOrEqual(before! + 2);
    const [then, rest] = output.split(/^now$/m);
    expect(then).toMatch(/127\.0\.0\.1:7777 .*users:\(\("bun/);
    const [now, history] = rest!.split(/^history$/m);
    expect(now).not.toContain("7777");
    const rows = history!
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [client] = rows.filter(({ peer }) => peer.port === 7777);
    const [server] = rows.filter(({ local }) => local.port === 7777);
    expect(client.tcpInfo.bytesAcked).toBeGreaterThanOrEqual(5000);
    expect(server.tcpInfo.bytesReceived).toBeGreaterThanOrEqual(5000);
    for (const { processes, netns } of [client, server]) {
      expect(processes[0].cmdline).toContain(connection);
      expect(netns.inode).toBeGreaterThan(0);
    }
  }, 60_000);

  test.concurrent("is one of many: descriptors stay below the limit, and what cannot be followed is noted", async () => {
    const output = await alone(
      "many",
      `${helpers}
ulimit -n 150
$S record --all-netns -d 0.4 --store $D 2> $D.err & R=$!
until_has $D.err writes; sleep 1
(for i in $(seq 150); do unshare --net true; done) & L=$!
W=
for i in $(seq 40); do unshare --net sleep 4 & W="$W $!"; done
M=0
for i in $(seq 40); do n=$(descriptors $R); [ $n -gt $M ] && M=$n; sleep 0.1; done
echo most $M
wait $L $W; until_few $R 45
echo after $(descriptors $R)
timeout 20 "$B" "$C" 3000 $D.err $D.err
sleep 0.7; kill -INT $R; wait $R
cat $D.err
$S history --store $D -t --all-netns dport = :7777 2>&1`,
    );
    expect(Number(/^most (\d+)$/m.exec(output)![1])).toBeLessThan(150);
    expect(Number(/^after (\d+)$/m.exec(output)![1])).toBeLessThan(46);
    expect(output).not.toContain("Too many open files");
    // It still records its own namespace.
    expect(output).toMatch(/127\.0\.0\.1:7777 +bun/);
    expect(output).toContain("namespaces without events");
  }, 90_000);

  test.concurrent("is followed by events --all-netns", async () => {
    await alone(
      "events",
      `${helpers}
$S events --all-netns --ndjson -t > $D.events 2> $D.err & R=$!
until_has $D.events sources; sleep 1
unshare --net sh -c 'ip link set lo up; exec "$B" "$C" 5000 $D.open $D.open' > $D.log & W=$!
until_namespaces $R 2; sleep 0.3; touch $D.open
until_has $D.events '"event":"close".*:7777'; kill -INT $R; wait $R || true; wait $W`,
    );
    const events = readFileSync(join(folder, "events.events"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [end] = events.filter(({ event, peer }) => event === "close" && peer?.port === 7777);
    expect(end.durationMs).toBeGreaterThan(250);
    expect(end.netns.inode).toBeGreaterThan(0);
    expect(end.processes[0].comm).toStartWith("bun");
  }, 60_000);
});
