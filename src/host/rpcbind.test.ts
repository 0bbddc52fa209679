import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtures } from "../../test/golden/cases.ts";
import { dumpReply, recordOf } from "../../test/rpcbind.ts";
import { decodeRpcbindDump, listRpcServices, rpcbindDumpCall, takeRecord } from "./rpcbind.ts";

/** An answer of rpcbind 1.2.6. */
const recorded = readFileSync(join(fixtures, "files/rpcbind-dump"));

test("the call equals that of the C library", () => {
  // As libtirpc 1.3.3 sent it, but for the id of the call.
  const expected =
    "80000028 00000001 00000000 00000002 000186a0 00000004 00000004 00000000 00000000 00000000 00000000";
  expect(Buffer.from(rpcbindDumpCall()).toString("hex")).toBe(expected.replaceAll(" ", ""));
});

test("the answer of rpcbind is read whole", () => {
  const services = decodeRpcbindDump(takeRecord(recorded)!);
  const encoded = services.map(
    ({ program, version, netid, address }) => `${program} ${version} ${netid} ${address}`,
  );
  expect(encoded).toEqual([
    "100000 4 tcp6 ::.0.111",
    "100000 3 tcp6 ::.0.111",
    "100000 4 udp6 ::.0.111",
    "100000 3 udp6 ::.0.111",
    "100000 4 tcp 0.0.0.0.0.111",
    "100000 3 tcp 0.0.0.0.0.111",
    "100000 2 tcp 0.0.0.0.0.111",
    "100000 4 udp 0.0.0.0.0.111",
    "100000 3 udp 0.0.0.0.0.111",
    "100000 2 udp 0.0.0.0.0.111",
    "100000 4 local /run/rpcbind.sock",
    "100000 3 local /run/rpcbind.sock",
    "100003 3 tcp6 ::.8.1",
    "100005 3 udp6 ::.156.65",
    "100024 1 tcp 127.0.0.1.0.80",
    "100021 1 sctp 0.0.0.0.0.81",
    "100004 1 local /run/x.0.82",
    "100007 1 tcp 0.0.0.0.0.0.0.83",
    "100009 1 tcp 0.0.0.0.0.84",
    "100020 1 tcp 0.0.0.0.0.84",
    "100020 2 tcp 0.0.0.0.156.70",
    "100021 2 udp 0.0.0.0.0.84",
  ]);
});

test("text is returned unchanged", () => {
  // Found by the properties of test/fuzz/rpcbind.test.ts: a byte order mark.
  const service = { program: 0, version: 0, netid: "\ufeff", address: "" };
  expect(decodeRpcbindDump(dumpReply([service]))).toEqual([service]);
});

test("a refused call is an error", () => {
  const reply = dumpReply([]);
  const refusals: [at: number, value: number, message: string][] = [
    [0, 2, "xid is 2, not 1"],
    [4, 0, "mtype is 0, not 1"],
    [8, 1, "reply_stat is 1, not 0"],
    [20, 2, "accept_stat is 2, not 0"],
  ];
  for (const [at, value, message] of refusals) {
    const refused = Buffer.from(reply);
    refused.writeUInt32BE(value, at);
    expect(() => decodeRpcbindDump(refused)).toThrow(message);
  }
});

test("an endless record is refused at once", () => {
  expect(() => takeRecord(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toThrow("more than");
});

describe("listRpcServices()", () => {
  const folder = mkdtempSync(join(tmpdir(), "rpcbind-"));
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  });

  /** Starts a server that passes each connection to a function. @returns the path of its socket */
  async function serve(name: string, answer: Parameters<typeof createServer>[1]): Promise<string> {
    const path = join(folder, name);
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return path;
  }
  const service = { program: 100003, version: 4, netid: "tcp", address: "0.0.0.0.8.1" };
  const patience = 20_000;

  test("returns the answer, in whatever pieces it comes", async () => {
    const record = recordOf(dumpReply([service, service]), [1, 30]);
    const path = await serve("pieces", (socket) => {
      socket.once("data", async (call) => {
        expect(Buffer.from(call)).toEqual(Buffer.from(rpcbindDumpCall()));
        for (const byte of record) {
          socket.write(Uint8Array.of(byte));
          await new Promise(setImmediate);
        }
      });
    });
    expect(await listRpcServices(path, patience)).toEqual([service, service]);
  });

  test("returns nothing if no server listens, or if it hangs up or sends something else", async () => {
    expect(await listRpcServices(join(folder, "nobody"), patience)).toEqual([]);
    const deaf = await serve("deaf", (socket) => socket.destroy());
    expect(await listRpcServices(deaf, patience)).toEqual([]);
    const other = await serve("other", (socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    expect(await listRpcServices(other, patience)).toEqual([]);
    const refusing = await serve("refusing", (socket) => {
      const reply = dumpReply([service]);
      reply.writeUInt32BE(1, 8);
      socket.end(recordOf(reply));
    });
    expect(await listRpcServices(refusing, patience)).toEqual([]);
  });

  test("returns nothing if no answer has come by the deadline", async () => {
    const path = await serve("silent", () => undefined);
    expect(await listRpcServices(path, 1)).toEqual([]);
  });
});
