/** What the permissions of docs/fleet.md let an agent do with the stream, and what they do not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { connectBroker } from "../../src/fleet/nats/connect.ts";
import { type Feed, feedOfAll, feedSubject, hostOfSubject, STREAM } from "../../src/fleet/nats/stream.ts";
import { makeStream, packetSender } from "../../src/fleet/nats/stream-deliver.ts";
import { hostToken, inboxOf } from "../../src/fleet/nats/subjects.ts";
import { natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const config = `
authorization {
  users = [
    { user: admin, password: admin }
    ${["web1", "web2"]
      .map(
        (host) => `{ user: ${host}, password: ${host}, permissions {
        publish: ["sockscope.v1.event.${host}.*", "sockscope.v1.finding.${host}.*"]
        subscribe: ["sockscope.v1.inbox.${host}.>"]
      } }`,
      )
      .join("\n")}
  ]
}`;

describe.skipIf(natsServer === undefined)("an agent with the permissions of the documentation", () => {
  let server: RunningNatsServer;
  const connections = new Map<string, NatsConnection>();

  beforeAll(async () => {
    server = await startNatsServer({ config });
    for (const user of ["admin", "web1", "web2"]) {
      const { connection } = await connectBroker({
        url: server.url,
        name: user,
        files: { login: bytes(`${user}:${user}\n`) },
        ...(user === "admin" ? {} : { inboxPrefix: inboxOf(hostToken(user)) }),
      });
      connections.set(user, connection);
    }
  });
  afterAll(async () => {
    for (const connection of connections.values()) await connection.close();
    await server[Symbol.asyncDispose]();
  });

  const packet = (first: number) => ({
    boot: "boot",
    spool: "spool",
    first,
    end: first + 1,
    body: bytes("{}\n"),
    lostMs: undefined,
  });
  const send = (user: string, host: string, feed: Feed, first: number) =>
    packetSender(connections.get(user)!, feed, host)(packet(first));

  /** The hosts of the messages in the stream. */
  async function stored(): Promise<(string | undefined)[]> {
    const manager = await jetstreamManager(connections.get("admin")!);
    const { state } = await manager.streams.info(STREAM);
    const messages = await Promise.all(
      Array.from({ length: state.messages }, (_, at) => manager.streams.getMessage(STREAM, { seq: at + 1 })),
    );
    return messages.map((message) => hostOfSubject(message!.subject));
  }

  test("makes no stream, and delivers what it has once somebody else has made it", async () => {
    await expect(send("web1", "web1", "events", 1)).rejects.toThrow();
    await makeStream(connections.get("admin")!);
    await send("web1", "web1", "events", 1);
    await send("web1", "web1", "findings", 1);
    expect(await stored()).toEqual(["web1", "web1"]);
  }, 30_000);

  test("speaks for no other host", async () => {
    const web1 = connections.get("web1")!;
    web1.publish(feedSubject("events", "web2"), bytes("{}\n"));
    web1.publish(feedSubject("findings", "web2"), bytes("{}\n"));
    web1.publish("sockscope.v1.event.web2.x.y", bytes("{}\n"));
    await web1.flush();
    await send("web2", "web2", "events", 1);
    expect(await stored()).toEqual(["web1", "web1", "web2"]);
  });

  test("neither reads nor changes the stream", async () => {
    const web1 = connections.get("web1")!;
    const before = await stored();
    const requests = [
      `$JS.API.STREAM.INFO.${STREAM}`,
      `$JS.API.STREAM.DELETE.${STREAM}`,
      `$JS.API.STREAM.PURGE.${STREAM}`,
      `$JS.API.STREAM.MSG.GET.${STREAM}`,
      `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
      `$JS.API.CONSUMER.CREATE.${STREAM}`,
      "$JS.API.STREAM.CREATE.other",
    ];
    for (const subject of requests)
      await expect(web1.request(subject, bytes('{"seq":1}'), { timeout: 500 })).rejects.toThrow();
    const heard: string[] = [];
    web1.subscribe(feedOfAll("events"), { callback: (_, message) => void heard.push(message.subject) });
    web1.subscribe(">", { callback: (_, message) => void heard.push(message.subject) });
    await web1.flush();
    await send("web2", "web2", "events", 2);
    await web1.flush();
    expect(heard.filter((subject) => subject !== undefined && subject !== "")).toEqual([]);
    expect(await stored()).toEqual([...before, "web2"]);
  });

  test("cannot empty the stream by a header of its own messages", async () => {
    const before = await stored();
    for (const value of ["all", "sub"]) {
      const rollup = headers();
      rollup.set("Nats-Rollup", value);
      const publishing = jetstream(connections.get("web1")!).publish(
        feedSubject("events", "web1"),
        bytes("{}\n"),
        {
          headers: rollup,
        },
      );
      await expect(publishing).rejects.toThrow("rollup");
    }
    expect(await stored()).toEqual(before);
  });
});
