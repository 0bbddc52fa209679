/** What strangers write: process names, paths, arguments. It is data in JSON, and arguments are nowhere. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, serve, type TestServer } from "./server.ts";

const NAME = `"><img src=x>`;
const FILE = `<script>alert("1")</script>\u001b[31m\u202e`.replaceAll("/", "∕");
const SECRET = "--password=hunter2-of-the-test";

/** A process with such a name, arguments and sockets. */
const program = `
  const { createServer } = require("node:net");
  require("node:fs").writeFileSync("/proc/self/comm", ${JSON.stringify(NAME)});
  createServer().listen(process.argv[1], () => createServer().listen(0, "127.0.0.1", function () {
    console.log(this.address().port);
  }));
`;

let folder: string;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
let port: string;
let server: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sockscope-strangers-"));
  child = Bun.spawn([process.execPath, "-e", program, join(folder, FILE), SECRET], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  port = new TextDecoder().decode(value).trim();
  server = serve(here);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  child.kill();
  await child.exited;
  rmSync(folder, { recursive: true });
});

/** The routes that show the process. */
const queries = () => [
  `/api/live?filter=sport%20=%20:${port}&columns=local,process,pid,exe,cmdline,processes`,
  `/api/live?filter=sport%20=%20:${port}&sort=cmdline`,
  `/api/sockets?filter=sport%20=%20:${port}&state=all&details=processes,info,extended,container`,
  `/api/sockets?filter=sport%20=%20:${port}&state=all&by=cmdline,process`,
  `/api/sockets?filter=sport%20=%20:${port}&state=all&columns=processes,cmdline`,
];

async function socketPath(from: TestServer): Promise<string> {
  const answer = await from.get(`/api/live?filter=sport%20=%20:${port}&sort=pid`);
  const { rows } = (await answer.json()) as { rows: { id: string }[] };
  expect(rows.length).toBe(1);
  return `/api/socket/${rows[0]!.id}`;
}

test("names are data: JSON that no browser takes for a page", async () => {
  for (const path of [...queries(), await socketPath(server)]) {
    const answer = await server.get(path);
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "application/json"]);
    expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
    const text = await answer.text();
    expect(() => JSON.parse(text)).not.toThrow();
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  }
  const { process: found } = (await (await server.get(await socketPath(server))).json()) as {
    process: { comm: string };
  };
  expect(found.comm).toBe(NAME.slice(0, 15));
});

test("paths of UNIX sockets, too", async () => {
  const answer = await server.get("/api/live?tables=unix&state=listening&columns=local&limit=1000");
  const text = await answer.text();
  expect(text).not.toContain("\u001b");
  const { rows } = JSON.parse(text) as { rows: { values: string[] }[] };
  expect(rows.filter(({ values }) => values[0]!.includes(FILE)).length).toBe(1);
});

test("a wrong word is quoted as JSON, and never as anything else", async () => {
  for (const path of [
    "/api/live?columns=<script>",
    "/api/live?filter=<script>",
    "/<script>",
    "/api/live?at=<script>",
  ]) {
    const answer = await server.get(path);
    expect([answer.status >= 400, answer.headers.get("Content-Type")]).toEqual([
      true,
      "application/problem+json",
    ]);
    await answer.json();
  }
});

describe("arguments of processes", () => {
  test("are nowhere", async () => {
    for (const path of [
      ...queries(),
      await socketPath(server),
      "/api/map",
      "/api/doctor?apart=0s",
      "/api/events",
    ]) {
      const text = await (await server.get(path)).text();
      expect([path, text.includes(SECRET)]).toEqual([path, false]);
    }
  });

  test("are shown with --show-args", async () => {
    await using open = serve(here, { showArguments: true });
    const paths = [queries()[2]!, await socketPath(open)];
    for (const path of paths)
      expect([path, (await (await open.get(path)).text()).includes(SECRET)]).toEqual([path, true]);
  });
});

test("no handler failed", () => {
  expect(server.errors).toEqual([]);
});
