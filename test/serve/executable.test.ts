/** The executable as a server: its privileges, its files, its token, its end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capabilities } from "../../src/serve/rights.ts";
import { obstacle, unshare } from "../kernel/namespace.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const fixture = join(import.meta.dirname, "../fixtures/tcp-states");
const isRoot = process.getuid?.() === 0;
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "sockscope-serve-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** A server that has said where it listens. */
interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** Its first lines. */
  readonly said: string;
  /** Ends it with a signal. @returns its exit status */
  end(signal?: NodeJS.Signals): Promise<number>;
}

async function start(args: readonly string[]): Promise<Started> {
  const child = Bun.spawn([executable, "serve", ...args], {
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: scratch },
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const said = new TextDecoder().decode(value);
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return child.exited;
  };
  return {
    pid: child.pid,
    url: /^\S+/.exec(said)![0],
    said,
    end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

/** Runs a server that must refuse to begin. */
function refused(args: readonly string[]): { readonly stderr: string; readonly exit: number } {
  const { stderr, exitCode } = Bun.spawnSync([executable, "serve", ...args], {
    stderr: "pipe",
    env: { XDG_RUNTIME_DIR: scratch },
    timeout: 10_000,
  });
  return { stderr: stderr.toString(), exit: exitCode };
}

/** A field of the status of every thread of a process, without repetition. */
function threadStatus(pid: number, field: string): string[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  expect(tasks.length).toBeGreaterThan(1);
  const values = tasks.map(
    (task) =>
      new RegExp(`^${field}:\\s*(.*)$`, "m").exec(
        readFileSync(`/proc/${pid}/task/${task}/status`, "utf8"),
      )![1]!,
  );
  return [...new Set(values)];
}

function mask(...names: readonly (keyof typeof capabilities)[]): string {
  const bits = names.reduce((sum, name) => sum | (1n << BigInt(capabilities[name])), 0n);
  return bits.toString(16).padStart(16, "0");
}

describe("privileges", () => {
  const own = /^CapPrm:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  /** What of some capabilities we have to give away. */
  const ofOurs = (bits: string) => (BigInt(`0x${bits}`) & BigInt(`0x${own}`)).toString(16).padStart(16, "0");

  test("every thread has only what listing needs, and can get no more", async () => {
    await using server = await start(["--listen", "127.0.0.1:0"]);
    const needed = ofOurs(mask("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN"));
    for (const set of ["CapPrm", "CapEff"])
      expect([set, threadStatus(server.pid, set)]).toEqual([set, [needed]]);
    expect(threadStatus(server.pid, "NoNewPrivs")).toEqual(["1"]);
    expect(threadStatus(server.pid, "CapInh")).toEqual(["0000000000000000"]);
    if (isRoot) expect(threadStatus(server.pid, "CapBnd")).toEqual([needed]);
    // Threads that begin later have no more, either.
    const token = readFileSync(/token in (.*)\)/.exec(server.said)![1]!, "utf8").split("\n")[0];
    const answer = await fetch(`${server.url}api/live`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    expect(threadStatus(server.pid, "CapPrm")).toEqual([needed]);
  });

  test("a server of a recording has none", async () => {
    await using server = await start(["--listen", "127.0.0.1:0", "--replay", fixture]);
    for (const set of ["CapPrm", "CapEff", "CapAmb"])
      expect([set, threadStatus(server.pid, set)]).toEqual([set, ["0000000000000000"]]);
  });

  test.if(isRoot)("a port below 1024 and other namespaces need one more each", async () => {
    const port = await freePort();
    await using server = await start(["--listen", `127.0.0.1:${port}`, "--all-netns"]);
    const needed = mask(
      "CAP_SYS_PTRACE",
      "CAP_DAC_READ_SEARCH",
      "CAP_NET_ADMIN",
      "CAP_SYS_ADMIN",
      "CAP_NET_BIND_SERVICE",
    );
    expect(threadStatus(server.pid, "CapPrm")).toEqual([ofOurs(needed)]);
  });
});

/** Runs in a network namespace: holds a connection, and makes others again and again. */
const later = `
  const hostname = "127.77.66.55";
  const socket = { data() {} };
  const { port } = Bun.listen({ hostname, port: 0, socket });
  await Bun.connect({ hostname, port, socket });
  console.log("ready");
  setInterval(async () => (await Bun.connect({ hostname, port, socket })).end(), 200);`;

test.if(isRoot && obstacle === undefined)(
  "a network namespace that is made later is listed, and its events are followed",
  async () => {
    const unix = join(scratch, "all-netns.sock");
    await using _server = await start(["--listen", `unix:${unix}`, "--all-netns", "--delay", "0.5"]);
    const ending = new AbortController();
    const request = (path: string) => fetch(`http://localhost${path}`, { unix, signal: ending.signal });
    const stream = await request("/api/stream?events=all");
    let text = "";
    const reading = (async () => {
      for await (const chunk of stream.body!) text += new TextDecoder().decode(chunk);
    })().catch(() => undefined);
    const until = async (holds: () => boolean | Promise<boolean>) => {
      while (!(await holds())) await Bun.sleep(100);
    };
    await until(() => text.includes("event: sample"));
    const child = Bun.spawn(
      [...unshare, "sh", "-c", 'ip link set lo up; exec "$@"', "sh", process.execPath, "-e", later],
      {
        stdout: "pipe",
      },
    );
    const { value } = await child.stdout.getReader().read();
    const inode = Number(/\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/net`))![0]);
    expect(new TextDecoder().decode(value)).toBe("ready\n");
    await until(async () => {
      const answer = await request("/api/live?columns=netns.inode&filter=src%20127.77.66.55");
      const { rows } = (await answer.json()) as { rows: { values: unknown[] }[] };
      return rows.some(({ values }) => values[0] === inode);
    });
    await until(() => text.includes(`"inode":${inode}`));
    child.kill();
    await child.exited;
    ending.abort();
    await reading;
  },
  30_000,
);

/** A privileged port of a loopback address that nobody uses. */
async function freePort(): Promise<number> {
  for (let port = 1023; port > 512; port--) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("every port is in use");
}

describe("the token", () => {
  test("is in a file that only its owner can read if stdout is no terminal, and goes with the server", async () => {
    const server = await start(["--listen", "127.0.0.1:0", "--replay", fixture]);
    const path = /^http:\/\/127\.0\.0\.1:\d+\/ \(token in (.*)\)\n$/.exec(server.said)![1]!;
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(/^[\w-]{43}\n$/);
    expect(server.said).not.toContain(text.trim());
    expect(await server.end()).toBe(143);
    expect(existsSync(path)).toBe(false);
  });

  test.if(Bun.which("script") !== null)("is in the fragment of the address on a terminal", async () => {
    const typed = `${executable} serve --listen 127.0.0.1:0 --allow-kill --replay ${fixture}`;
    const child = Bun.spawn(["script", "-qec", `timeout -s INT 2 ${typed}`, "/dev/null"], {
      stdout: "pipe",
      stdin: "ignore",
    });
    const said = await new Response(child.stdout).text();
    expect(said).toMatch(/http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}\r?\n/);
    expect(said).toMatch(/Token for closing sockets: [\w-]{43}\r?\n/);
  });

  test("of --token-file is kept, and other users' files are refused", async () => {
    const path = join(scratch, "kept");
    const first = await start(["--listen", "127.0.0.1:0", "--replay", fixture, "--token-file", path]);
    const text = readFileSync(path, "utf8");
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    await first.end();
    const second = await start(["--listen", "127.0.0.1:0", "--replay", fixture, "--token-file", path]);
    expect(readFileSync(path, "utf8")).toBe(text);
    const answer = await fetch(`${second.url}api/host`, {
      headers: { Authorization: `Bearer ${text.trim()}` },
    });
    expect(answer.status).toBe(200);
    await second.end();
    const open = join(scratch, "open");
    writeFileSync(open, text, { mode: 0o644 });
    symlinkSync(path, join(scratch, "link"));
    writeFileSync(join(scratch, "short"), "abc\n", { mode: 0o600 });
    for (const [name, why] of [
      ["open", "chmod 600"],
      ["link", "cannot use"],
      ["short", "no token"],
    ]) {
      const { stderr, exit } = refused([
        "--listen",
        "127.0.0.1:0",
        "--replay",
        fixture,
        "--token-file",
        join(scratch, name!),
      ]);
      expect([name, exit, stderr.includes(why!), stderr.split("\n").length]).toEqual([name, 1, true, 2]);
    }
  });
});

describe("a UNIX socket", () => {
  const path = () => join(scratch, "socket");

  test("is ours alone, needs no token, and goes with the server", async () => {
    const server = await start(["--listen", `unix:${path()}`, "--replay", fixture]);
    expect(server.said).toBe(`unix:${path()}\n`);
    const found = lstatSync(path());
    expect([found.isSocket(), found.mode & 0o777]).toEqual([true, 0o600]);
    const answer = await fetch("http://localhost/api/live?limit=1", { unix: path() });
    expect(((await answer.json()) as { rows: unknown[] }).rows.length).toBe(1);
    const rebound = await fetch("http://localhost/api/live", {
      unix: path(),
      headers: { Host: "evil.example" },
    });
    expect(rebound.status).toBe(421);
    const busy = refused(["--listen", `unix:${path()}`, "--replay", fixture]);
    expect([busy.exit, busy.stderr]).toEqual([1, `sockscope: serve: another program listens on ${path()}\n`]);
    expect(await server.end("SIGINT")).toBe(130);
    expect(existsSync(path())).toBe(false);
  });

  test("replaces the socket of a killed server, and no other file", async () => {
    const killed = await start(["--listen", `unix:${path()}`, "--replay", fixture]);
    await killed.end("SIGKILL");
    expect(existsSync(path())).toBe(true);
    await using _ = await start(["--listen", `unix:${path()}`, "--replay", fixture]);
    const file = join(scratch, "file");
    writeFileSync(file, "precious");
    const { exit, stderr } = refused(["--listen", `unix:${file}`, "--replay", fixture]);
    expect([exit, stderr]).toEqual([1, `sockscope: serve: ${file} exists and is not a socket\n`]);
    expect(readFileSync(file, "utf8")).toBe("precious");
  });
});

const openssl = Bun.which("openssl");

describe.if(openssl !== null)("HTTPS", () => {
  const cert = () => join(scratch, "cert.pem");
  const key = () => join(scratch, "key.pem");
  beforeAll(() => {
    const subject = [
      "-subj",
      "/CN=sockets.example",
      "-addext",
      "subjectAltName=DNS:sockets.example,IP:127.0.0.1",
    ];
    const { exitCode } = Bun.spawnSync([
      openssl!,
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...[...subject, "-keyout", key(), "-out", cert()],
    ]);
    expect(exitCode).toBe(0);
  });

  test("answers with the certificate, checks what it checks without, and speaks no plain HTTP", async () => {
    const options = ["--tls-cert", cert(), "--tls-key", key(), "--host", "sockets.example"];
    await using server = await start(["--listen", "127.0.0.1:0", ...options, "--replay", fixture]);
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/$/);
    const token = readFileSync(/token in (.*)\)/.exec(server.said)![1]!, "utf8").trim();
    const tls = { ca: readFileSync(cert(), "utf8") };
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${server.url}${path}`, { tls, headers: { Authorization: `Bearer ${token}`, ...headers } });
    const answer = await get("api/live?limit=1");
    expect([answer.status, ((await answer.json()) as { rows: unknown[] }).rows.length]).toEqual([200, 1]);
    const origin = new URL(server.url).origin;
    const statusOf = async (headers: Record<string, string>) => (await get("api/host", headers)).status;
    expect(await statusOf({ Origin: origin })).toBe(200);
    expect(await statusOf({ Origin: origin.replace("https", "http") })).toBe(403);
    expect(await statusOf({ Host: "evil.example" })).toBe(421);
    expect(await statusOf({ Authorization: "Bearer nothing" })).toBe(401);
    // Who does not know the certificate does not connect, and who does not speak TLS gets no HTTP.
    expect(await fetch(server.url).catch(({ code }: { code: string }) => code)).toMatch(/SELF_SIGNED|VERIFY/);
    const plain = await fetch(server.url.replace("https", "http")).catch(() => "closed");
    expect(plain).toBe("closed");
  });

  test("lets other hosts in; a broken certificate or key is refused in one line", async () => {
    const listen = ["--listen", "0.0.0.0:0", "--replay", fixture];
    const server = await start([...listen, "--tls-cert", cert(), "--tls-key", key()]);
    expect(server.said).toStartWith("https://127.0.0.1:");
    expect(await server.end()).toBe(143);
    const open = await start([...listen, "--insecure"]);
    expect(open.said).toStartWith("http://127.0.0.1:");
    expect(await open.end()).toBe(143);
    const broken = join(scratch, "broken.pem");
    writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    for (const files of [
      ["--tls-cert", broken, "--tls-key", key()],
      ["--tls-cert", cert(), "--tls-key", broken],
    ]) {
      const { stderr, exit } = refused([...listen, ...files]);
      expect([exit, stderr.split("\n").length, stderr.startsWith("sockscope: serve: cannot")]).toEqual([
        1,
        2,
        true,
      ]);
    }
  });
});

describe("command lines that are refused, in one line", () => {
  const cases: Record<string, readonly [readonly string[], RegExp, number]> = {
    "another host's address": [["--listen", "0.0.0.0:0"], /add --tls-cert and --tls-key, or --insecure/, 255],
    "a name": [["--listen", "example.org:80"], /--insecure/, 255],
    "no address": [["--listen", "nonsense"], /is not ADDRESS:PORT/, 255],
    "an abstract socket": [["--listen", "unix:@x"], /is not ADDRESS:PORT/, 255],
    "a path that is too long": [["--listen", `unix:/${"x".repeat(200)}`], /is not ADDRESS:PORT/, 255],
    "a certificate without a key": [["--tls-cert", "x"], /need each other/, 255],
    "a filter": [["sport", "=", ":22"], /takes no filter/, 255],
    "an option of the listing": [["--tcp"], /serve does not accept --tcp/, 255],
    "a missing certificate": [
      ["--tls-cert", "/nothing", "--tls-key", "/nothing"],
      /cannot read \/nothing/,
      1,
    ],
    "a folder that does not exist": [["--listen", "unix:/nothing/here"], /no folder/, 1],
  };
  test.each(Object.entries(cases))("%s", (_, [args, why, status]) => {
    const { exit, stderr } = refused(args);
    expect([exit, stderr.split("\n").length]).toEqual([status, 2]);
    expect(stderr).toMatch(why);
  });
});

test("a signal ends it at once, with viewers, too", async () => {
  const server = await start(["--listen", "127.0.0.1:0", "--replay", fixture]);
  const token = readFileSync(/token in (.*)\)/.exec(server.said)![1]!, "utf8").trim();
  const streams = await Promise.all(
    Array.from({ length: 4 }, () =>
      fetch(`${server.url}api/stream`, { headers: { Authorization: `Bearer ${token}` } }),
    ),
  );
  const texts = streams.map((stream) => stream.text());
  expect(await server.end("SIGHUP")).toBe(129);
  for (const text of await Promise.all(texts)) expect(text).toContain("event: bye");
});
