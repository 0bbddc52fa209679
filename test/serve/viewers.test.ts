/** What viewers cost: one sample for all of them, none without them, and bounded memory for one who does not read. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Host } from "../../src/host/host.ts";
import { connectionsTo } from "../../src/serve/connections.ts";
import { limits } from "../../src/serve/guard.ts";
import { Mailbox } from "../../src/serve/mailbox.ts";
import { recorded, send, serve, type TestServer, token } from "./server.ts";

/** The machine of a recording that counts how often its sockets are listed. */
function counting(fixture: string): { readonly host: Host; readonly dumps: () => number } {
  const host = recorded(fixture);
  let dumps = 0;
  return {
    dumps: () => dumps,
    host: {
      ...host,
      transport: {
        ...host.transport,
        open(...args: Parameters<Host["transport"]["open"]>) {
          dumps++;
          return host.transport.open(...args);
        },
      },
    },
  };
}

/** Reads a stream until it has a number of messages of one kind. */
async function readMessages(
  server: TestServer,
  event: string,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>[]> {
  const answer = await server.get("/api/stream", headers);
  expect(answer.headers.get("Content-Type")).toBe("text/event-stream");
  const reader = answer.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const found: Record<string, unknown>[] = [];
  while (found.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const messages = text.split("\n\n");
    text = messages.pop()!;
    for (const message of messages) {
      const [, kind, data] = /event: (\S+)\ndata: (.*)/.exec(message) ?? [];
      if (kind === event) found.push(JSON.parse(data!));
    }
  }
  await reader.cancel();
  return found;
}

describe("samples", () => {
  test("32 viewers and their requests share one sample an interval", async () => {
    const { host, dumps } = counting("tcp-states");
    await using server = serve(host, { intervalMs: 250 });
    const { sampler } = server.service;
    // How many conversations one sample has; the first also requests the names of interfaces.
    await readMessages(server, "sample", 1);
    await Bun.sleep(100);
    const [first, before] = [dumps(), sampler.taken];
    await readMessages(server, "sample", 2);
    const each = (dumps() - first) / (sampler.taken - before);
    expect([first > 0, each > 0, Number.isInteger(each)]).toEqual([true, true, true]);
    const [taken, counted] = [sampler.taken, dumps()];
    const begun = performance.now();
    const viewers = Array.from({ length: limits.viewers }, async () => {
      const samples = await readMessages(server, "sample", 3);
      const answers = await Promise.all([1, 2, 3].map(() => server.get("/api/live?limit=5")));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      return samples.map(({ generation }) => generation);
    });
    const generations = await Promise.all(viewers);
    const intervals = (performance.now() - begun) / 250;
    // A slow machine makes fewer samples than intervals, never more than one beyond them.
    expect(sampler.taken - taken).toBeLessThanOrEqual(Math.ceil(intervals) + 1);
    expect(dumps() - counted).toBe((sampler.taken - taken) * each);
    for (const seen of generations) expect(seen).toEqual([...new Set(seen)]);
  });

  test("without a viewer and a request there is none", async () => {
    const { host, dumps } = counting("tcp-states");
    await using server = serve(host, { intervalMs: 50 });
    await server.get("/api/host");
    await server.get("/api/fields");
    await server.get("/");
    await Bun.sleep(300);
    expect([dumps(), server.service.sampler.taken]).toEqual([0, 0]);
    await readMessages(server, "sample", 2);
    await Bun.sleep(100);
    const after = server.service.sampler.taken;
    await Bun.sleep(300);
    expect([after > 0, server.service.sampler.taken]).toEqual([true, after]);
  });

  test("the sample of the start serves the first page, whose columns need what /proc has", async () => {
    await using server = serve(recorded("owners"));
    const { service } = server;
    await service.prepare();
    const page = "/api/live?columns=state,local,peer,rx,rate,rtt,process,pid&sort=-rate&limit=80";
    const { rows } = (await (await server.get(page)).json()) as { rows: unknown[] };
    expect([rows.length > 0, service.sampler.taken]).toEqual([true, 1]);
    // Who sorts by process gets the owners, which are looked for at once then.
    const sorted = await server.get("/api/live?columns=process&sort=process&limit=1");
    const first = ((await sorted.json()) as { rows: { values: unknown[] }[] }).rows[0]!.values[0];
    expect([first, service.sampler.taken]).toEqual([expect.anything(), 1]);
  });

  test("one viewer beyond the limit has to come back later", async () => {
    await using server = serve(recorded("tcp-states"));
    const streams = await Promise.all(
      Array.from({ length: limits.viewers }, () => server.get("/api/stream")),
    );
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await server.get("/api/stream");
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "1"]);
    // Others are still answered, and a place that is free again is given away.
    expect((await server.get("/api/live")).status).toBe(200);
    await streams[0]!.body!.cancel();
    for (;;) {
      const again = await server.get("/api/stream");
      await again.body!.cancel();
      if (again.status === 200) break;
      await Bun.sleep(20);
    }
  });
});

describe("a stream", () => {
  test("begins with hello and resumes after the last id of the same run", async () => {
    await using server = serve(recorded("tcp-states"), { intervalMs: 100 });
    const [hello] = await readMessages(server, "hello", 1);
    expect(hello).toMatchObject({ resumed: false, missed: 0, intervalMs: 100 });
    const [same] = await readMessages(server, "hello", 1, { "Last-Event-ID": `${hello!["epoch"]}-0` });
    expect(same).toMatchObject({ resumed: true, missed: 0 });
    const [other] = await readMessages(server, "hello", 1, { "Last-Event-ID": "another-7" });
    expect(other).toMatchObject({ resumed: false });
  });

  test("says goodbye when the server ends", async () => {
    const server = serve(recorded("tcp-states"));
    const bye = readMessages(server, "bye", 1);
    await Bun.sleep(200);
    await server[Symbol.asyncDispose]();
    expect(await bye).toEqual([{ reason: "the server ends" }]);
  });
});

describe("a client that does not read", () => {
  test("has one sample and a bounded number of events waiting; what is beyond is counted", async () => {
    const box = new Mailbox(256);
    for (let number = 0; number < 100_000; number++) {
      box.putEvent(`event ${number}\n`);
      box.putSample(`sample ${number}\n`);
    }
    expect(box.waiting).toBe(257);
    const { text } = box.take((events) => `lost ${events}\n`);
    expect(text.split("\n").slice(254)).toEqual(["event 254", "event 255", "lost 99744", "sample 99999", ""]);
    expect(box.waiting).toBe(0);
  });

  // npm run soak watches for five minutes.
  const seconds = Number(process.env["SOAK_SECONDS"] ?? 2);
  test(
    "costs no memory",
    async () => {
      await using server = serve(recorded("mixed-500"), { intervalMs: 10 });
      const stalled = Array.from({ length: 8 }, () => {
        const socket = send(
          server.port,
          `GET /api/stream?events=all HTTP/1.1\r\nHost: localhost:${server.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        );
        socket.pause();
        return socket;
      });
      // Until then, buffers of the runtime and of the kernel fill.
      await Bun.sleep(Math.min(60_000, seconds * 500));
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const begun = server.service.sampler.taken;
      const end = performance.now() + seconds * 1000;
      let most = before;
      while (performance.now() < end) {
        await Bun.sleep(200);
        Bun.gc(true);
        most = Math.max(most, process.memoryUsage.rss());
      }
      expect(server.service.sampler.taken).toBeGreaterThan(begun);
      expect((most - before) / 2 ** 20).toBeLessThan(24);
      for (const socket of stalled) socket.destroy();
    },
    (seconds + 90) * 1000,
  );
});

describe("connections beyond the limit", () => {
  /** Waits until something holds. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await Bun.sleep(20);
  }

  test("are closed, those with a request are not, and new ones are answered", async () => {
    const most = 40;
    await using server = serve(recorded("tcp-states"), { intervalMs: 100 }, { connections: most, idleS: 60 });
    const authorized = `GET /api/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const streams = Array.from({ length: 4 }, () => send(server.port, authorized).resume());
    const halves = ["G", "GET /api/host HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /"];
    const idle = Array.from({ length: 200 }, (_, index) =>
      send(server.port, halves[index % halves.length]!).resume(),
    );
    const open = (sockets: readonly Socket[]) => sockets.filter(({ closed }) => !closed).length;
    await until(() => open(idle) <= most);
    expect(open(streams)).toBe(streams.length);
    expect((await server.get("/api/live?limit=1")).status).toBe(200);
    for (const socket of [...streams, ...idle]) socket.destroy();
  });

  test("those on which nothing was sent are no descriptors of the server", async () => {
    await using server = serve(recorded("tcp-states"));
    const before = connectionsTo(server.port).length;
    const silent = Array.from({ length: 50 }, () => send(server.port, ""));
    await Promise.all(silent.map((socket) => new Promise((done) => socket.once("connect", done))));
    await Bun.sleep(100);
    // Both ends are in this process: ours have the port of the server as their peer's.
    expect(connectionsTo(server.port).length).toBe(before);
    for (const socket of silent) socket.destroy();
  });
});

describe("connections", () => {
  const server = serve(recorded("tcp-states"), {}, { idleS: 1 });
  afterAll(() => server[Symbol.asyncDispose]());

  test("those that say nothing or half a request keep nobody out", async () => {
    const head = `GET /api/host HTTP/1.1\r\nHost: localhost:${server.port}\r\n`;
    const halves = [
      "",
      "G",
      head,
      `POST /api/kill HTTP/1.1\r\nHost: localhost:${server.port}\r\nContent-Length: 5\r\n\r\nx`,
    ];
    const slow = Array.from({ length: 400 }, (_, index) => send(server.port, halves[index % halves.length]!));
    const drips = setInterval(() => {
      for (const socket of slow) if (!socket.destroyed) socket.write("X-A: b\r\n");
    }, 250);
    const closed = Promise.all(slow.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    for (let round = 0; round < 5; round++) expect((await server.get("/api/host")).status).toBe(200);
    // The runtime closes them within twelve seconds.
    if (process.env["SOAK_SECONDS"] !== undefined) {
      for (const socket of slow) socket.resume();
      await closed;
    }
    clearInterval(drips);
    for (const socket of slow) socket.destroy();
  }, 30_000);
});
