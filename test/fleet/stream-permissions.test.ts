/** What the permissions of contrib/nats let agents and clients do with the stream, and what they do not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { connectBroker } from "../../src/fleet/nats/connect.ts";
import { makeKey } from "../../src/fleet/nats/nkey.ts";
import { type Feed, feedOfAll, feedSubject, STREAM } from "../../src/fleet/nats/stream.ts";
import { makeStream, packetSender } from "../../src/fleet/nats/stream-deliver.ts";
import { readStream } from "../../src/fleet/nats/stream-read.ts";
import { hostToken, inboxOf } from "../../src/fleet/nats/subjects.ts";
import { natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const keys = { CLIENT: makeKey(), WEB1: makeKey(), DB1: makeKey(), ADMIN: makeKey() };
type Who = keyof typeof keys;

/** The configuration that is shipped, with our keys, and without what the harness sets. */
const config = readFileSync(join(import.meta.dirname, "../../contrib/nats/nats.conf"), "utf8")
  .replace(/KEY_OF_(\w+)/g, (_, who: string) => keys[who as Who]?.publicKey ?? "(the keys)")
  .replace(/^(port|jetstream ).*$/gm, "");

const hosts = { WEB1: "web1", DB1: "db1.example" } as const;

describe.skipIf(natsServer === undefined)("with the permissions of contrib/nats", () => {
  let server: RunningNatsServer;
  const connections = new Map<Who, NatsConnection>();
  const of = (who: Who) => connections.get(who)!;

  beforeAll(async () => {
    server = await startNatsServer({ config });
    for (const who of ["CLIENT", "WEB1", "DB1"] as const) {
      const { connection } = await connectBroker({
        url: server.url,
        name: who,
        files: { nkey: bytes(keys[who].seed) },
        ...(who === "CLIENT" ? {} : { inboxPrefix: inboxOf(hostToken(hosts[who])) }),
      });
      connections.set(who, connection);
    }
  });
  afterAll(async () => {
    for (const connection of connections.values()) await connection.close();
    await server?.[Symbol.asyncDispose]();
  });

  const packet = (first: number) => ({
    boot: "boot",
    spool: "spool",
    first,
    end: first + 1,
    body: bytes("{}\n"),
    lostMs: undefined,
  });
  const send = (who: keyof typeof hosts, feed: Feed, first: number) =>
    packetSender(of(who), feed, hosts[who])(packet(first));

  /** What a client reads of the events, up to the one that it waits for. */
  async function read(last: string): Promise<string[]> {
    const found: string[] = [];
    const stop = new AbortController();
    const taker = {
      async take(host: string, { first }: { readonly first: number }) {
        found.push(`${host} ${first}`);
        if (found.at(-1) === last) stop.abort();
      },
      refuse: (host: string) => void found.push(`${host} refused`),
      begun: () => undefined,
      restarted: () => undefined,
    };
    await readStream(of("CLIENT"), "events", { sinceMs: 0 }, taker, stop.signal);
    return found;
  }

  test("a client makes the stream, which no agent can; then agents deliver, and clients read", async () => {
    await expect(send("WEB1", "events", 1)).rejects.toThrow();
    await makeStream(of("CLIENT"));
    await send("WEB1", "events", 1);
    await send("WEB1", "findings", 1);
    await send("DB1", "events", 1);
    expect(await read("db1.example 1")).toEqual(["web1 1", "db1.example 1"]);
  }, 30_000);

  test("an agent speaks for no other host", async () => {
    const web1 = of("WEB1");
    web1.publish(feedSubject("events", "db1.example"), bytes("{}\n"));
    web1.publish(feedSubject("events", "web2"), bytes("{}\n"));
    web1.publish("sockscope.v1.event.web1", bytes("{}\n"));
    await web1.flush();
    await send("DB1", "events", 2);
    expect(await read("db1.example 2")).toEqual(["web1 1", "db1.example 1", "db1.example 2"]);
  });

  test("an agent neither reads nor changes the stream", async () => {
    const web1 = of("WEB1");
    const requests = [
      `$JS.API.STREAM.INFO.${STREAM}`,
      `$JS.API.STREAM.DELETE.${STREAM}`,
      `$JS.API.STREAM.PURGE.${STREAM}`,
      `$JS.API.STREAM.UPDATE.${STREAM}`,
      `$JS.API.STREAM.MSG.GET.${STREAM}`,
      `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
      `$JS.API.CONSUMER.CREATE.${STREAM}`,
      `$JS.API.CONSUMER.CREATE.${STREAM}.name`,
      `$JS.API.CONSUMER.LIST.${STREAM}`,
      "$JS.API.STREAM.CREATE.other",
    ];
    for (const subject of requests)
      await expect(web1.request(subject, bytes('{"seq":1}'), { timeout: 500 })).rejects.toThrow();
    const heard: string[] = [];
    for (const subject of [feedOfAll("events"), feedOfAll("findings"), feedSubject("events", "web1"), ">"])
      web1.subscribe(subject, { callback: (error, message) => void (error ?? heard.push(message.subject)) });
    await web1.flush();
    await send("DB1", "events", 3);
    await web1.flush();
    expect(heard).toEqual([]);
    expect(await read("db1.example 3")).toHaveLength(4);
  });

  test("an agent cannot empty the stream by a header of its own messages", async () => {
    for (const value of ["all", "sub"]) {
      const rollup = headers();
      rollup.set("Nats-Rollup", value);
      const publishing = jetstream(of("WEB1")).publish(feedSubject("events", "web1"), bytes("{}\n"), {
        headers: rollup,
      });
      await expect(publishing).rejects.toThrow("rollup");
    }
    expect(await read("db1.example 3")).toHaveLength(4);
  });

  test("a client neither publishes events nor removes what others read", async () => {
    const client = of("CLIENT");
    client.publish(feedSubject("events", "web1"), bytes("{}\n"));
    await client.flush();
    for (const subject of [
      `$JS.API.STREAM.DELETE.${STREAM}`,
      `$JS.API.STREAM.PURGE.${STREAM}`,
      `$JS.API.STREAM.UPDATE.${STREAM}`,
      `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
      `$JS.API.CONSUMER.DELETE.${STREAM}.x`,
    ])
      await expect(client.request(subject, bytes('{"seq":1}'), { timeout: 500 })).rejects.toThrow();
    expect(await read("db1.example 3")).toHaveLength(4);
  });
});
