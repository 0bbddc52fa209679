/** An agent's credentials, tried against everything that they must not do, on a server with the documented permissions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { headers, type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { collect } from "../../src/fleet/nats/collect.ts";
import { type Broker, connectBroker } from "../../src/fleet/nats/connect.ts";
import { makeKey } from "../../src/fleet/nats/nkey.ts";
import { lastRegistered, makeRoster, readRoster, register } from "../../src/fleet/nats/roster.ts";
import { inboxOf } from "../../src/fleet/nats/subjects.ts";
import { PROTOCOL } from "../../src/fleet/protocol.ts";
import { playedHost, serverSockets, startTestAgent, type TestAgent } from "./nats-agents.ts";
import { natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const keys = { CLIENT: makeKey(), WEB1: makeKey(), DB1: makeKey(), ADMIN: makeKey() };
type Who = keyof typeof keys;

/** The configuration that is shipped, with our keys, and without what the harness sets. */
const config = readFileSync(join(import.meta.dirname, "../../contrib/nats/nats.conf"), "utf8")
  .replace(/KEY_OF_(\w+)/g, (_, who: string) => keys[who as Who]?.publicKey ?? "(the keys)")
  .replace(/^(port|jetstream ).*$/gm, "");

const seed = (who: Who) => new TextEncoder().encode(keys[who].seed);
const connectAs = (server: RunningNatsServer, who: Who, inboxPrefix?: string) =>
  connectBroker({
    url: server.url,
    files: { nkey: seed(who) },
    name: who,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });

/** What the server refuses of something that is tried; undefined if it lets it pass. */
async function refusal(
  { connection }: Broker,
  attempt: (connection: NatsConnection) => void,
): Promise<string | undefined> {
  const statuses = connection.status()[Symbol.asyncIterator]();
  attempt(connection);
  await connection.flush();
  // Violations come before the answer to the flush.
  const next = await Promise.race([statuses.next(), Bun.sleep(20).then(() => undefined)]);
  const status = next?.value;
  if (status?.type !== "error" || !(status.error instanceof PermissionViolationError)) return undefined;
  return `${status.error.operation} ${status.error.subject}`;
}

describe.skipIf(natsServer === undefined)("with the permissions of contrib/nats", () => {
  let server: RunningNatsServer;
  let client: Broker;
  let web1: Broker;
  let agents: TestAgent[];

  const question = (hosts: readonly string[]) =>
    collect(
      client,
      hosts,
      {
        protocol: PROTOCOL,
        args: ["--tcp", "--all", "--numeric", "--by=state"],
        words: [],
        form: "rows",
        maxRows: 1000,
        budgetMs: 5000,
      },
      () => undefined,
      {
        key: undefined,
        toAll: true,
        deadlineMs: 5000,
        interrupted: new AbortController().signal,
        now: Date.now,
      },
    );

  beforeAll(async () => {
    server = await startNatsServer({ config });
    client = await connectAs(server, "CLIENT");
    expect(await makeRoster(client.connection)).toBe(true);
    const host = playedHost(serverSockets(10));
    agents = await Promise.all(
      (["WEB1", "DB1"] as const).map((who) =>
        startTestAgent({
          url: server.url,
          name: who === "WEB1" ? "web1" : "db1.example",
          host,
          files: { nkey: seed(who) },
        }),
      ),
    );
    web1 = await connectAs(server, "WEB1", inboxOf("web1"));
  });
  afterAll(async () => {
    for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
    await client?.connection.close();
    await web1?.connection.close();
    await server?.[Symbol.asyncDispose]();
  });

  test("clients and agents can do what they are for", async () => {
    for (let tries = 0; (await readRoster(client.connection))?.length !== 2 && tries < 100; tries++)
      await Bun.sleep(20);
    expect(await readRoster(client.connection)).toEqual(["db1.example", "web1"]);
    expect(await lastRegistered(client.connection, "web1")).toBeGreaterThan(0);
    const outcomes = await question(["db1.example", "web1", "gone"]);
    expect(outcomes.map(({ host, failure }) => [host, failure])).toEqual([
      ["db1.example", undefined],
      ["web1", undefined],
      ["gone", "its agent is not connected"],
    ]);
    expect(agents.flatMap(({ lines }) => lines)).toEqual([]);
    expect(agents.map(({ broker }) => broker.counts.errors)).toEqual([0, 0]);
  });

  test.each([
    // Query other hosts, or allow them to send.
    "sockscope.v1.query",
    "sockscope.v1.query.web1",
    "sockscope.v1.query.db1=2Eexample",
    "sockscope.v1.credit.db1=2Eexample",
    // Answer, report and register in the name of another host.
    "sockscope.v1.reply.db1=2Eexample.0123456789012345678901",
    "sockscope.v1.event.db1=2Eexample.open",
    "sockscope.v1.finding.db1=2Eexample.half-open",
    "sockscope.v1.roster.db1=2Eexample",
    "$KV.sockscope-hosts.db1=2Eexample",
    "$KV.sockscope-hosts.web1",
    "sockscope.v1.inbox.db1=2Eexample.x",
    "sockscope.v1.reply.web1.a.b",
    // Write into a client's inbox without its request.
    "_INBOX.client.1",
    // Administer streams, read them, and pose as a client of them.
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.KV_sockscope-hosts",
    "$JS.API.STREAM.DELETE.KV_sockscope-hosts",
    "$JS.API.STREAM.PURGE.KV_sockscope-hosts",
    "$JS.API.STREAM.UPDATE.KV_sockscope-hosts",
    "$JS.API.STREAM.INFO.KV_sockscope-hosts",
    "$JS.API.STREAM.MSG.GET.KV_sockscope-hosts",
    "$JS.API.STREAM.MSG.DELETE.KV_sockscope-hosts",
    "$JS.API.DIRECT.GET.KV_sockscope-hosts.$KV.sockscope-hosts.web1",
    "$JS.API.CONSUMER.CREATE.KV_sockscope-hosts",
    "$JS.ACK.x",
    // List services, and pose as one.
    "$SRV.PING",
    "$SRV.INFO.sockscope",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.SOCKSCOPE.CONNZ",
    "anything",
  ])("an agent cannot publish %s", async (subject) => {
    expect(await refusal(web1, (connection) => connection.publish(subject, "x"))).toBe(`publish ${subject}`);
  });

  test.each([
    ">",
    "*.>",
    "sockscope.>",
    "sockscope.v1.>",
    "sockscope.v1.query.*",
    "sockscope.v1.query.db1=2Eexample",
    "sockscope.v1.credit.*",
    "sockscope.v1.reply.>",
    "sockscope.v1.reply.web1.*",
    "sockscope.v1.event.>",
    "sockscope.v1.finding.>",
    "sockscope.v1.inbox.>",
    "sockscope.v1.roster.*",
    "sockscope.v1.inbox.db1=2Eexample.>",
    "_INBOX.>",
    "$KV.>",
    "$JS.>",
    "$SRV.>",
    "$SYS.>",
  ])("an agent cannot subscribe to %s", async (subject) => {
    expect(
      await refusal(web1, (connection) => {
        connection.subscribe(subject, { callback: () => undefined });
      }),
    ).toBe(`subscription ${subject}`);
  });

  test("an agent cannot delete the entries of others with its own", async () => {
    const rollup = headers();
    rollup.set("Nats-Rollup", "all");
    const publishing = web1.connection.request("sockscope.v1.roster.web1", "{}", {
      timeout: 2000,
      headers: rollup,
    });
    expect((await publishing).json<{ error?: object }>().error).toBeDefined();
    expect(await readRoster(client.connection)).toEqual(["db1.example", "web1"]);
    expect(await register(web1.connection, "db1=2Eexample", { version: "1.0.0", instance: "x" })).toBe(false);
  });

  test("nobody can make an agent publish elsewhere by what a request names for its answer", async () => {
    const admin = await connectAs(server, "ADMIN");
    const before = agents[1]!.agent.stats.all.requests;
    for (const reply of [
      "sockscope.v1.query",
      "$KV.sockscope-hosts.db1=2Eexample",
      "$JS.API.STREAM.DELETE.x",
    ])
      admin.connection.publish("$SRV.PING", undefined, { reply });
    await admin.connection.flush();
    // Each agent answers this one after those.
    const inbox = "_INBOX.admin";
    const names: string[] = [];
    admin.connection.subscribe(inbox, {
      callback: (_, message) => void names.push(message.json<{ metadata: { host: string } }>().metadata.host),
    });
    admin.connection.publish("$SRV.PING", undefined, { reply: inbox });
    for (let tries = 0; names.length < 2 && tries < 200; tries++) await Bun.sleep(10);
    expect(names.sort()).toEqual(["db1.example", "web1"]);
    expect(agents[1]!.agent.stats.all.requests).toBe(before);
    expect(await readRoster(client.connection)).toEqual(["db1.example", "web1"]);
    await admin.connection.close();
  });

  test("a client cannot answer as an agent, nor register a host", async () => {
    for (const subject of [
      "sockscope.v1.reply.web1.0123456789012345678901",
      "sockscope.v1.event.web1.open",
      "$KV.sockscope-hosts.web1",
      "sockscope.v1.roster.web1",
      "$JS.API.STREAM.DELETE.KV_sockscope-hosts",
    ])
      expect(await refusal(client, (connection) => connection.publish(subject, "x"))).toBe(
        `publish ${subject}`,
      );
  });
});
