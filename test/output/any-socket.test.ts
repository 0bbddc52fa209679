/** The JSON is valid and matches the schema for any kernel answer and any foreign names. */

import { expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describers } from "../../src/catalogue/describe.ts";
import { socketSchema } from "../../src/catalogue/schema.ts";
import { optionsOf } from "../../src/cli/options.ts";
import { INET_DIAG_MESSAGE_SIZE } from "../../src/families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import { netlinkDump } from "../../src/families/netlink/socket.ts";
import { packetDump } from "../../src/families/packet/socket.ts";
import type { Socket } from "../../src/families/socket.ts";
import { tipcDump } from "../../src/families/tipc/socket.ts";
import { unixDump } from "../../src/families/unix/socket.ts";
import { vsockDump } from "../../src/families/vsock/socket.ts";
import { xdpDump } from "../../src/families/xdp/socket.ts";
import { type NameSource, noNames } from "../../src/fields/names.ts";
import { inetTables } from "../../src/model/inet-tables.ts";
import { JsonWriter } from "../../src/output/json.ts";

const validate = new Ajv2020({ strictTypes: false }).compile(socketSchema(optionsOf));

const inet = { View: InetSocket, minimum: INET_DIAG_MESSAGE_SIZE };
const dumps = [inet, unixDump, packetDump, netlinkDump, vsockDump, tipcDump, xdpDump] as const;

/** An attribute: header, payload of any length, padding. */
const attribute = fc.tuple(fc.nat(40), fc.uint8Array({ maxLength: 300 })).map(([type, payload]) => {
  const bytes = new Uint8Array((4 + payload.length + 3) & ~3);
  new DataView(bytes.buffer).setUint16(0, 4 + payload.length, true);
  new DataView(bytes.buffer).setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
});

const message = fc
  .tuple(fc.uint8Array({ minLength: 72, maxLength: 72 }), fc.array(attribute, { maxLength: 12 }))
  .map(([head, attributes]) => ({ head, attributes: Buffer.concat(attributes) }));

/** Names of arbitrary bytes. */
function hostile(name: Uint8Array): NameSource {
  const stat = Buffer.concat([Buffer.from("1 ("), name, Buffer.from(") S")]);
  const owner = { pid: 1, tid: 2, fd: 3, stat, processContext: name, socketContext: name };
  return {
    ...noNames,
    service: () => name,
    interface: () => name,
    netlinkProtocol: () => name,
    processStat: () => stat,
    processContext: () => name,
    cgroup: () => name,
    host: () => name,
    owners: () => [owner],
  };
}

test("any socket with any names matches the schema, on one line without control characters", () => {
  const protocol = fc.constantFrom(...Object.values(inetTables));
  fc.assert(
    fc.property(
      fc.constantFrom(...dumps),
      message,
      protocol,
      fc.uint8Array(),
      ({ View, minimum }, { head, attributes }, protocol, name) => {
        const bytes = Buffer.concat([head.subarray(0, minimum), attributes]);
        const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const describe = describers(hostile(name));
        const socket = new View(data, 0, bytes.length, {
          protocol,
          describe: (each) => describe(each as Socket),
        });
        const chunks: Uint8Array[] = [];
        const json = new JsonWriter("ndjson", (chunk) => chunks.push(chunk));
        const object = socket.toJSON();
        json.write(object);
        json.end();
        const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
        expect(text).toEndWith("\n");
        expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(object)));
        if (!validate(JSON.parse(text))) throw new Error(`${JSON.stringify(validate.errors)}: ${text}`);
      },
    ),
    { numRuns: 500 },
  );
});
