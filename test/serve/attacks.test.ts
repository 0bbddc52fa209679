/**
 * Attacks on a local server with privileges, on every route: the cases are made from the table of routes, so that a
 * new route is attacked, too. Where each kind of attack that such tools have known is tried:
 *
 * | attack | tests |
 * |---|---|
 * | DNS rebinding | here; for the UNIX socket and TLS in executable.test.ts |
 * | reads by other origins | here |
 * | writes by other origins | here; with the question and the second token in test/page/browser.test.ts |
 * | no token, other users of the host | here; modes of files and of the socket in executable.test.ts |
 * | secrets in answers | strangers.test.ts |
 * | names and paths as code | strangers.test.ts, test/page/browser.test.ts |
 * | names as lines or labels of metrics | test/metrics: label-text, shipped.test.ts with promtool |
 * | frames around the page | here, test/page/browser.test.ts |
 * | values as options of commands | here; for ssh in test/fleet |
 * | a parser of HTTP that runs as root | executable.test.ts: capabilities of every thread |
 * | many, slow, large and stalled requests | here, viewers.test.ts |
 * | credentials sent to other hosts | here: the server connects to nobody |
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { checkSize, limits } from "../../src/serve/guard.ts";
import { securityHeaders } from "../../src/serve/headers.ts";
import { tokenTest } from "../../src/serve/token.ts";
import { exchange, type Head, killToken, ours, recorded, requestOf, serve, token } from "./server.ts";

const server = serve(recorded("tcp-states"), { allowKill: true, metrics: {} });
afterAll(() => server[Symbol.asyncDispose]());
const { port } = server;
const { routes } = server.service;

/** Attacks every route with a request that one change makes. */
async function attack(change: (headers: Record<string, string>) => Record<string, string>, only = routes) {
  const answers = new Map<string, Head>();
  for (const route of only)
    answers.set(
      `${route.method} ${route.path}`,
      await exchange(port, requestOf(route, change(ours(port)), route.method === "POST" ? "{}" : "")),
    );
  return answers;
}

function statuses(answers: ReadonlyMap<string, Head>): Record<string, number> {
  return Object.fromEntries(Array.from(answers, ([route, { status }]) => [route, status]));
}

/** The same status for every route. */
function all(status: number, only = routes): Record<string, number> {
  return Object.fromEntries(only.map(({ method, path }) => [`${method} ${path}`, status]));
}

const guarded = routes.filter(({ access }) => access !== "open");

test("a request is refused for its announced length, before any route reads it", () => {
  const sized = (path: string, length = "0") =>
    new Request(`http://localhost/${path}`, { headers: { "Content-Length": length } });
  const status = (request: Request) => {
    try {
      checkSize(request);
      return 200;
    } catch (error) {
      return (error as { status: number }).status;
    }
  };
  expect(status(sized("", `${limits.body}`))).toBe(200);
  for (const request of [
    sized("", `${limits.body + 1}`),
    sized("", "1e99"),
    sized("x".repeat(limits.target)),
  ])
    expect(status(request)).toBe(413);
});

test("there are routes of every kind, so that the attacks mean something", () => {
  expect(new Set(routes.map(({ access }) => access))).toEqual(new Set(["open", "token", "kill"]));
  expect(routes.some(({ streams }) => streams)).toBe(true);
});

test("a request of our own page passes every check", async () => {
  const answers = await attack((headers) => headers);
  for (const [route, { status }] of answers)
    expect([route, [401, 403, 405, 421].includes(status)]).toEqual([route, false]);
});

describe("DNS rebinding: a name that is not ours is refused on every route", () => {
  const names = [
    "evil.example",
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `localhost.evil.example:${port}`,
    `localhost@evil.example:${port}`,
    `evil.example#localhost:${port}`,
    `[::1]evil.example:${port}`,
    `0x7f000001:${port}`,
    `sockets.example:${port + 1}`,
    "sockets.example",
    `localhost:${port}, evil.example`,
    "",
  ];
  test.each(names)("Host: %s", async (Host) => {
    const answers = await attack((headers) => ({ ...headers, Host, Origin: `http://${Host}` }));
    // The runtime itself refuses a request without a host.
    for (const [route, { status }] of answers)
      expect([route, Host === "" ? [400, 421].includes(status) : status === 421]).toEqual([route, true]);
  });

  test("a second Host", async () => {
    for (const order of [
      ["localhost", "evil.example"],
      ["evil.example", "localhost"],
    ]) {
      const { status } = await exchange(
        port,
        `GET /api/host HTTP/1.1\r\nHost: ${order[0]}:${port}\r\nHost: ${order[1]}:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      expect([400, 421]).toContain(status);
    }
  });

  test("an absolute target does not replace the name in Host", async () => {
    const { status } = await exchange(
      port,
      `GET http://localhost:${port}/api/host HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    expect([400, 421]).toContain(status);
  });

  test("our names pass: with our port, and those of the loopback with a forwarded one", async () => {
    for (const Host of [
      `localhost:${port}`,
      `LOCALHOST:${port}`,
      `[::1]:${port}`,
      "localhost:9000",
      `sockets.example:${port}`,
    ]) {
      const { status } = await exchange(port, `GET / HTTP/1.1\r\nHost: ${Host}\r\n\r\n`);
      expect([Host, status]).toEqual([Host, 200]);
    }
  });
});

describe("pages of other origins", () => {
  const origins = [
    "http://evil.example",
    "null",
    `http://127.0.0.1:${port + 1}`,
    `https://127.0.0.1:${port}`,
    `http://localhost:${port}`,
  ];
  test.each(origins)("Origin: %s is refused on every route", async (Origin) => {
    expect(statuses(await attack((headers) => ({ ...headers, Origin })))).toEqual(all(403));
  });

  test.each(["cross-site", "same-site"])("Sec-Fetch-Site: %s is refused on every route", async (site) => {
    const answers = await attack(({ Origin: _, ...headers }) => ({
      ...headers,
      "Sec-Fetch-Site": site,
      "Sec-Fetch-Mode": "no-cors",
    }));
    expect(statuses(answers)).toEqual(all(403));
  });

  test("a link opens the page, and nothing else", async () => {
    const answers = await attack(({ Origin: _, ...headers }) => ({
      ...headers,
      "Sec-Fetch-Site": "cross-site",
      "Sec-Fetch-Mode": "navigate",
      "Sec-Fetch-Dest": "document",
    }));
    expect(statuses(answers)).toEqual({ ...all(403), "GET /": 200 });
  });

  test("a change needs the Origin of our page", async () => {
    const kills = routes.filter(({ access }) => access === "kill");
    const answers = await attack(({ Origin: _, "Sec-Fetch-Site": __, ...headers }) => headers, kills);
    expect(statuses(answers)).toEqual(all(403, kills));
  });

  test("no answer has a header that lets another origin read it, and no preflight succeeds", async () => {
    const answers = [...(await attack((headers) => headers)).values()];
    for (const { path } of routes) {
      const preflight = await exchange(
        port,
        `OPTIONS ${path.replace("{id}", "1")} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n`,
      );
      expect([path, preflight.status]).toEqual([path, 405]);
      answers.push(preflight);
    }
    for (const { headers } of answers)
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });
});

describe("tokens", () => {
  const wrong = {
    "no token": undefined,
    "another token": `Bearer ${"x".repeat(token.length)}`,
    "the beginning of the token": `Bearer ${token.slice(0, -1)}`,
    "the token and more": `Bearer ${token}x`,
    "an empty token": "Bearer ",
    "another scheme": `Basic ${btoa(`user:${token}`)}`,
    "the token for changes": `Bearer ${killToken}`,
  };
  test.each(Object.entries(wrong))("%s is refused on every route with data", async (_, Authorization) => {
    const answers = await attack(
      ({ Authorization: _, ...headers }) => ({
        ...headers,
        ...(Authorization === undefined ? {} : { Authorization }),
      }),
      guarded,
    );
    expect(statuses(answers)).toEqual(all(401, guarded));
    for (const { headers } of answers.values()) expect(headers["www-authenticate"]).toContain("Bearer");
  });

  test("a token in the query is no token", async () => {
    const { status } = await exchange(
      port,
      `GET /api/host?token=${token} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`,
    );
    expect(status).toBe(401);
  });

  test("a change needs the second token", async () => {
    const kills = routes.filter(({ access }) => access === "kill");
    for (const second of [token, "x", `${killToken}x`]) {
      const answers = await attack((headers) => ({ ...headers, "X-Sockscope-Kill": second }), kills);
      expect(statuses(answers)).toEqual(all(403, kills));
    }
  });

  test("without --allow-kill the route does not exist", async () => {
    await using other = serve(recorded("tcp-states"));
    const { status } = await exchange(
      other.port,
      requestOf({ method: "POST", path: "/api/kill" }, ours(other.port), "{}"),
    );
    expect(status).toBe(404);
    expect(other.service.routes.every(({ method }) => method === "GET")).toBe(true);
  });

  test("texts of any length are compared", () => {
    const test = tokenTest("right");
    expect(["", "r", "right", "right ", "x".repeat(100_000)].map(test)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });
});

test("every answer has every header: of data, files, streams and errors", async () => {
  const answers = [
    ...(await attack((headers) => headers)).values(),
    ...(await attack((headers) => ({ ...headers, Host: "evil.example" }))).values(),
    ...(await attack(({ Authorization: _, ...headers }) => headers)).values(),
    await exchange(port, `GET /nothing HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`),
    await exchange(port, `DELETE / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`),
  ];
  expect(new Set(answers.map(({ status }) => status)).size).toBeGreaterThan(4);
  for (const { status, headers } of answers)
    for (const [name, value] of Object.entries(securityHeaders)) {
      const found = headers[name.toLowerCase()];
      if (name === "Cache-Control") expect(["no-store", "no-cache"]).toContain(found ?? `none in ${status}`);
      else expect([status, name, found]).toEqual([status, name, value]);
    }
  const policy = securityHeaders["Content-Security-Policy"]!;
  expect(policy).not.toMatch(/unsafe|\*|data:|http/);
  expect(policy.split("; ").sort()).toEqual([
    "base-uri 'none'",
    "default-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
  ]);
  expect(securityHeaders).toMatchObject({
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
  });
});

describe("paths", () => {
  const paths = [
    "/../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/page.js/../../../etc/passwd",
    "//etc/passwd",
    "/./page.css/.",
    "/index.html%00.js",
    "/api/socket/..%2f..%2fetc%2fpasswd",
    "/api/socket/%ff",
    "/api/socket/1/2",
    "/proc/self/environ",
    "/.git/config",
    "/src/serve/server.ts",
  ];
  test.each(paths)("%s leads nowhere", async (path) => {
    const { status, text } = await exchange(
      port,
      `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    expect([400, 404]).toContain(status);
    expect(text).not.toContain("root:");
  });
});

describe("oversized and malformed requests", () => {
  const head = `Host: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n`;
  const kill = `POST /api/kill HTTP/1.1\r\n${head}Origin: http://localhost:${port}\r\nX-Sockscope-Kill: ${killToken}\r\nContent-Type: application/json\r\n`;
  const long = "x".repeat(70_000);
  const cases: Record<string, readonly [string, readonly number[]]> = {
    "a long header": [`GET / HTTP/1.1\r\n${head}X-Long: ${long}\r\n\r\n`, [431]],
    "many headers": [`GET / HTTP/1.1\r\n${head}${"X-A: b\r\n".repeat(5000)}\r\n`, [400, 431]],
    "a long path": [`GET /${long} HTTP/1.1\r\n${head}\r\n`, [431]],
    "a long filter": [`GET /api/live?filter=${"x".repeat(5000)} HTTP/1.1\r\n${head}\r\n`, [413]],
    "a long body": [`${kill}Content-Length: 20000\r\n\r\n${"x".repeat(20_000)}`, [413]],
    "a very long body": [`${kill}Content-Length: 999999999\r\n\r\n${long}`, [413]],
    "a long body for a route that takes none": [
      `GET /api/host HTTP/1.1\r\n${head}Content-Length: 20000\r\n\r\n${"x".repeat(20_000)}`,
      [413],
    ],
    "a body in chunks": [
      `${kill}Transfer-Encoding: chunked\r\n\r\n5000\r\n${"x".repeat(0x5000)}\r\n0\r\n\r\n`,
      [413],
    ],
    "two lengths": [`${kill}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [400]],
    "no JSON": [`${kill}Content-Length: 2\r\n\r\n{x`, [400]],
    "JSON of another shape": [`${kill}Content-Length: 2\r\n\r\n[]`, [400]],
    "no HTTP": ["\x16\x03\x01\x00hello\r\n\r\n", [400]],
    "an unknown parameter": [`GET /api/host?x=1 HTTP/1.1\r\n${head}\r\n`, [400]],
    "a repeated parameter": [`GET /api/live?limit=1&limit=2 HTTP/1.1\r\n${head}\r\n`, [400]],
    "__proto__ as a parameter": [`GET /api/live?__proto__=1 HTTP/1.1\r\n${head}\r\n`, [400]],
    "__proto__ as a table": [`GET /api/live?tables=__proto__ HTTP/1.1\r\n${head}\r\n`, [400]],
    "a negative limit": [`GET /api/live?limit=-1 HTTP/1.1\r\n${head}\r\n`, [400]],
    "more rows than allowed": [`GET /api/live?limit=1001 HTTP/1.1\r\n${head}\r\n`, [400]],
  };
  test.each(Object.entries(cases))("%s", async (_, [bytes, expected]) => {
    const { status } = await exchange(port, bytes);
    expect(expected).toContain(status);
  });

  test("another type of body, which a form could send", async () => {
    const { status } = await exchange(
      port,
      `${kill.replace("application/json", "text/plain")}Content-Length: 2\r\n\r\n{}`,
    );
    expect(status).toBe(415);
  });

  test("words that look like options are values", async () => {
    const answer = await server.get("/api/live?filter=--replay%20/etc/passwd");
    expect(answer.status).toBe(400);
    for (const query of ["columns=--json", "sort=--record=/tmp/x", "tables=-A", "state=--kill"])
      expect([query, (await server.get(`/api/live?${query}`)).status]).toEqual([query, 400]);
  });
});

test("the server connects to nobody, and runs no program", () => {
  const folder = join(import.meta.dirname, "../../src/serve");
  // page-files.ts runs when the executable is built.
  const paths = [...new Glob("*.ts").scanSync(folder)].filter((path) => path !== "page-files.ts");
  expect(paths.length).toBeGreaterThan(30);
  const ways =
    /\bfetch\(|\bconnect\(|createConnection|Bun\.(spawn|connect|udpSocket|\$)|child_process|node:(http|https|dns|dgram|tls)/;
  const found = paths.filter((path) => ways.test(readFileSync(join(folder, path), "utf8")));
  // The handler of requests is called fetch; a UNIX socket is tried before it is replaced.
  expect(found.sort()).toEqual(["listen.ts", "server.ts"]);
});

test("requests beyond the limit have to come back later, and streams still have their places", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-busy-"));
  const held = join(folder, "go-on");
  await using busy = serve(recorded("tcp-states"), {
    store: folder,
    startPast: () => new Worker(join(import.meta.dirname, "held-past-worker.ts"), { env: { HELD: held } }),
  });
  const waiting = Array.from({ length: limits.requests }, () => busy.get("/api/history?what=coverage"));
  let refused = await busy.get("/api/host");
  while (refused.status === 200) refused = await busy.get("/api/host");
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "1"]);
  const stream = await busy.get("/api/stream");
  expect(stream.status).toBe(200);
  await stream.body!.cancel();
  writeFileSync(held, "");
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await busy.get("/api/host")).status).toBe(200);
  rmSync(folder, { recursive: true });
});

test("no handler failed in all of these", () => {
  expect(server.errors).toEqual([]);
});
