/** Connections to a real nats-server: who is let in, TLS, and what happens when the server goes away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import {
  type Broker,
  BrokerError,
  connectBroker,
  readServers,
  reconnectWaitMs,
} from "../../src/fleet/nats/connect.ts";
import { agentAccount } from "./nats-jwt.ts";
import { natsServer, startNatsServer } from "./nats-server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const decoder = new TextDecoder();

/** The error of a connection that must fail. */
async function refusal(connecting: Promise<Broker>): Promise<BrokerError> {
  try {
    const { connection } = await connecting;
    await connection.close();
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerError);
    return error as BrokerError;
  }
  throw new Error("the connection was accepted");
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("timed out");
    await Bun.sleep(10);
  }
}

describe("URLs", () => {
  test.each([
    ["nats://a:4222", ["a:4222"], false],
    ["tls://a.example,tls://b.example:4333", ["a.example", "b.example:4333"], true],
    ["127.0.0.1", ["127.0.0.1"], false],
    ["nats://[::1]:4222/", ["[::1]:4222"], false],
  ])("%s", (url, servers, tls) => {
    expect(readServers(url)).toEqual({ servers, tls });
  });

  test.each([
    "http://a",
    "ws://a",
    "nats://user:secret@a",
    "nats://",
    "nats://a b",
    "tls://a,nats://b",
    "nats://a/x",
  ])("%s is refused, without its password", (url) => {
    let message = "";
    try {
      readServers(url);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).not.toBe("");
    expect(message).not.toContain("secret");
  });
});

test("attempts to reconnect are spread, and never wait more than half a minute", () => {
  expect(reconnectWaitMs(0, 0)).toBe(0);
  expect(reconnectWaitMs(0, 1)).toBe(2000);
  expect(reconnectWaitMs(2, 0.5)).toBe(4000);
  expect(reconnectWaitMs(1000, 1)).toBe(30_000);
});

test("a server that nobody runs is one that may come back", async () => {
  const error = await refusal(connectBroker({ url: "nats://127.0.0.1:1", files: {}, name: "test" }));
  expect(error.message).toContain("connection refused");
  expect(error.mayPass).toBe(true);
});

describe.skipIf(natsServer === undefined)("a server", () => {
  test("lets in who has the NKey, and nobody else", async () => {
    const user = nkeys.createUser();
    await using server = await startNatsServer({
      config: `authorization { users = [ { nkey: ${user.getPublicKey()} } ] }`,
    });
    const options = { url: server.url, name: "test" };
    const { connection } = await connectBroker({ ...options, files: { nkey: user.getSeed() } });
    expect(connection.info?.version).toMatch(/^\d/);
    await connection.close();
    for (const files of [{}, { nkey: nkeys.createUser().getSeed() }, { login: bytes("a:b\n") }]) {
      const error = await refusal(connectBroker({ ...options, files }));
      expect([error.message, error.mayPass]).toEqual([expect.stringMatching(/authorization/i), false]);
    }
  });

  test("lets in who has the password or the token of a file", async () => {
    await using server = await startNatsServer({ config: "authorization { user: a, password: s3cret }" });
    const { connection } = await connectBroker({
      url: server.url,
      name: "test",
      files: { login: bytes("a:s3cret\n") },
    });
    await connection.close();
    await using other = await startNatsServer({ config: 'authorization { token: "a long token" }' });
    const second = await connectBroker({
      url: other.url,
      name: "test",
      files: { login: bytes("a long token\n") },
    });
    await second.connection.close();
  });

  test("gives each agent the permissions of its name by one scoped signing key", async () => {
    const { config, credentialsOf } = agentAccount({
      pub: { allow: ["sockscope.v1.reply.{{name()}}.>"] },
      sub: { allow: ["sockscope.v1.query", "sockscope.v1.query.{{name()}}"] },
    });
    await using server = await startNatsServer({ config, jetStream: false });
    const connect = (creds: Uint8Array) => connectBroker({ url: server.url, name: "test", files: { creds } });
    const { connection, counts } = await connect(credentialsOf("web1"));
    connection.publish("sockscope.v1.reply.web1.id");
    await connection.flush();
    expect(counts.errors).toBe(0);
    connection.publish("sockscope.v1.reply.web2.id");
    await until(() => counts.errors === 1);
    connection.subscribe("sockscope.v1.query.web2", { callback: () => undefined });
    await until(() => counts.errors === 2);
    await connection.close();
    // The same name, but from an account that the server does not know.
    const error = await refusal(connect(agentAccount({ pub: {}, sub: {} }).credentialsOf("web1")));
    expect([error.message, error.mayPass]).toEqual([expect.stringMatching(/authorization/i), false]);
  });

  test("two identities are one too many, and a file without a seed none", async () => {
    const options = { url: "nats://127.0.0.1:1", name: "test" };
    const both = await refusal(
      connectBroker({ ...options, files: { nkey: bytes("S"), login: bytes("a:b") } }),
    );
    expect(both.message).toContain("use one of");
    const none = await refusal(connectBroker({ ...options, files: { nkey: bytes("\x1b[31mSUAB\n") } }));
    expect(none.message).toContain("no seed");
  });

  test("a connection that is lost is made again", async () => {
    const first = await startNatsServer({ jetStream: false });
    const broker = await connectBroker({ url: first.url, name: "test", files: {} });
    const received: string[] = [];
    broker.connection.subscribe("a", { callback: (_, message) => void received.push(message.string()) });
    await first.kill();
    await until(() => broker.counts.disconnects === 1);
    await using _second = await startNatsServer({ jetStream: false, port: first.port, folder: first.folder });
    await until(() => broker.counts.reconnects === 1);
    broker.connection.publish("a", "after");
    await until(() => received.length === 1);
    expect(received).toEqual(["after"]);
    await broker.connection.close();
    rmSync(first.folder, { recursive: true });
  });
});

describe.skipIf(natsServer === undefined || Bun.which("openssl") === null)("TLS", () => {
  let folder: string;
  const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
  const config = () => `tls { cert_file: "${folder}/server.pem", key_file: "${folder}/server.key" }`;

  /** A certificate of an authority of its own. */
  function certificate(name: string, host: string): void {
    const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)];
    const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${host}`];
    const { success, stderr } = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
      ].concat(files, subject),
      { stderr: "pipe" },
    );
    if (!success) throw new Error(decoder.decode(stderr));
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sockscope-tls-"));
    certificate("server", "DNS:localhost");
    certificate("stranger", "DNS:localhost");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("a server whose authority is given is trusted, by its name", async () => {
    await using server = await startNatsServer({ config: config(), jetStream: false });
    const url = `tls://localhost:${server.port}`;
    const { connection } = await connectBroker({ url, name: "test", files: { ca: read("server.pem") } });
    await connection.close();
    const stranger = await refusal(connectBroker({ url, name: "test", files: { ca: read("stranger.pem") } }));
    expect(stranger.message).toMatch(/certificate|signature/i);
    const nobody = await refusal(connectBroker({ url, name: "test", files: {} }));
    expect(nobody.message).toMatch(/certificate/i);
    const byAddress = await refusal(
      connectBroker({
        url: `tls://127.0.0.1:${server.port}`,
        name: "test",
        files: { ca: read("server.pem") },
      }),
    );
    expect(byAddress.message).toMatch(/altname|hostname|certificate/i);
  });

  test("tls:// never falls back to plain text", async () => {
    await using server = await startNatsServer({ jetStream: false });
    const { message } = await refusal(
      connectBroker({
        url: `tls://localhost:${server.port}`,
        name: "test",
        files: { ca: read("server.pem") },
      }),
    );
    expect(message).toMatch(/tls/i);
  });
});
