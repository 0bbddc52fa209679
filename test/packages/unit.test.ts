/** The recorder with exactly the rights of its systemd unit, and without each of its capabilities. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "../kernel/namespace.ts";
import { capabilitiesOf, confineSource, mountScript, readUnit } from "./unit-sandbox.ts";

const source = join(import.meta.dirname, "../..");
const unit = readUnit(readFileSync(join(source, "contrib/systemd/sockscope-record.service"), "utf8"));
const missing = ["gcc", "setpriv", "systemd-analyze"].find((tool) => Bun.which(tool) === null);
const skipped = obstacle !== undefined || process.getuid?.() !== 0 || missing !== undefined;
const folder = mkdtempSync(join(tmpdir(), "sockscope-unit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all = capabilitiesOf(unit);
const confine = join(folder, "confine");
const script = join(folder, "connection.js");

beforeAll(() => {
  if (skipped) return;
  writeFileSync(`${confine}.c`, confineSource(unit));
  const compiled = Bun.spawnSync(["gcc", "-o", confine, `${confine}.c`], { stderr: "pipe" });
  expect(compiled.stderr.toString()).toBe("");
  // A connection of some seconds.
  writeFileSync(
    script,
    `const net = require("node:net");
const server = net.createServer((socket) => socket.on("end", () => { socket.end(); server.close(); }).resume());
server.listen(7777, "127.0.0.1", () => {
  const socket = net.connect(7777, "127.0.0.1", () => {
    socket.write(Buffer.alloc(1000));
    setTimeout(() => socket.end(), 3000);
  });
});
`,
  );
});

/** What the recorder did. */
interface Outcome {
  /** Its status and what it wrote to standard error. */
  readonly status: string;
  readonly said: string;
  /** Its most memory in kilobytes, and what /proc says of its rights. */
  readonly peakKb: number;
  readonly rights: string;
  /** What the rest of the system was to it. */
  readonly writable: string;
  /** `history` as JSON. */
  readonly rows: { readonly peer: { readonly port: number }; readonly processes?: readonly object[] }[];
}

/** Records a connection of user 65534 in a network namespace that is made later. */
async function record(capabilities: readonly string[]): Promise<Outcome> {
  const text = `${mountScript(unit)}
set +e
(record -d 1 2> /var/lib/err) & R=$!
for i in $(seq 200); do grep -q writes /var/lib/err && break; sleep 0.1; done
unshare --net sh -c 'ip link set lo up; until [ -e /var/lib/go ]; do sleep 0.1; done; exec setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/bun -e "$(cat /tmp/script)"' & W=$!
for i in $(seq $TRIES); do [ $(ls -l /proc/$R/fd | grep -c net:) -gt 1 ] && break; sleep 0.1; done; sleep 0.3; touch /var/lib/go
wait $W
echo "rights $(grep -h 'CapEff\\|NoNewPrivs\\|Seccomp:' /proc/$R/status | tr -s '\\t\\n' ' ')"
echo "peak $(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$R/status)"
kill -INT $R; wait $R; echo "status $?"
echo "writable $(for each in /etc /usr /proc/sys/kernel /sys/fs/cgroup /root /home /var/lib/sockscope /tmp; do
  [ ! -d $each ] || { touch $each/sockscope-test 2> /dev/null && rm $each/sockscope-test && printf '%s ' $each; }; done)"
echo said; cat /var/lib/err
echo history; /tmp/sockscope history --all-netns -t --ndjson 2> /dev/null
`;
  const child = Bun.spawn(
    [
      ...["unshare", "--kill-child", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--"],
      ...["sh", "-ec", `ip link set lo up\n${text}`],
    ],
    {
      stderr: "pipe",
      env: {
        ...process.env,
        SOCKSCOPE: join(source, "dist/sockscope"),
        CONFINE: confine,
        BUN: process.execPath,
        SCRIPT: script,
        // Without these it never finds the other namespace.
        TRIES: ["sys_admin", "sys_ptrace"].every((name) => capabilities.includes(name)) ? "200" : "30",
        CAPS: capabilities.map((name) => `,+${name}`).join(""),
      },
    },
  );
  const stdout = await new Response(child.stdout).text();
  const line = (word: string) => new RegExp(`^${word} (.*)$`, "m").exec(stdout)?.[1]?.trim() ?? "";
  const part = (from: string, to: string) =>
    new RegExp(`^${from}\\n([\\s\\S]*?)^${to}\\n`, "m").exec(`${stdout}end\n`)?.[1] ?? "";
  return {
    status: line("status"),
    said: part("said", "history"),
    peakKb: Number(line("peak")),
    rights: line("rights"),
    writable: line("writable"),
    rows: part("history", "end")
      .trim()
      .split("\n")
      .filter((each) => each !== "")
      .map((each) => JSON.parse(each)),
  };
}

describe.skipIf(skipped)("the unit", () => {
  test.concurrent("records with the rights that it has", async () => {
    const { status, said, rows, peakKb, rights, writable } = await record(all);
    expect(status).toBe("0");
    expect(said).toBe("sockscope: record: writes to /var/lib/sockscope\n");
    // CAP_DAC_READ_SEARCH, CAP_NET_ADMIN, CAP_SYS_PTRACE and CAP_SYS_ADMIN.
    expect(rights).toBe("CapEff: 0000000000281004 NoNewPrivs: 1 Seccomp: 2");
    expect(writable).toBe("/var/lib/sockscope /tmp");
    expect(rows.filter(({ peer }) => peer.port === 7777)).toHaveLength(1);
    for (const { processes } of rows)
      expect(processes?.[0]).toMatchObject({ uid: 65534, exe: "/tmp/bun", pid: expect.any(Number) });
    expect(peakKb).toBeGreaterThan(0);
    expect(peakKb).toBeLessThan(512 * 1024);
  }, 60_000);

  test.concurrent("needs CAP_SYS_ADMIN to enter other network namespaces", async () => {
    const { status, said, rows } = await record(all.filter((name) => name !== "sys_admin"));
    expect(status).toBe("0");
    expect(said).toMatch(/Cannot enter network namespace "pid:\d+": Operation not permitted/);
    expect(rows).toEqual([]);
  }, 60_000);

  test.concurrent("needs CAP_SYS_PTRACE for processes of other users and their namespaces", async () => {
    const { rows, said } = await record(all.filter((name) => name !== "sys_ptrace"));
    expect(said).not.toContain("Cannot enter");
    expect(rows).toEqual([]);
  }, 60_000);

  test.concurrent("needs CAP_DAC_READ_SEARCH for the descriptors of other users", async () => {
    const { rows } = await record(all.filter((name) => name !== "dac_read_search"));
    expect(rows.length).toBeGreaterThan(0);
    // The trace may have the name of the process, and nothing else of it.
    expect(JSON.stringify(rows)).not.toContain("/tmp/bun");
  }, 60_000);

  test.concurrent("needs CAP_NET_ADMIN for conntrack", async () => {
    const { said, rows } = await record(all.filter((name) => name !== "net_admin"));
    expect(said).toContain("without conntrack (it needs root (CAP_NET_ADMIN))");
    expect(rows.length).toBeGreaterThan(0);
  }, 60_000);
});
