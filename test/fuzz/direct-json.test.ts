/** JSON written straight from messages is the JSON of their views, whatever the messages are. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { roomBytes } from "../../src/bytes/room.ts";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { inetColumns } from "../../src/families/inet/fields.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes } from "../../src/families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import type { Column } from "../../src/fields/column.ts";
import { noNames } from "../../src/fields/names.ts";
import { AF_INET, AF_INET6 } from "../../src/model/family.ts";
import { type InetTable, inetTables } from "../../src/model/inet-tables.ts";
import { inetJson, jsonStructs } from "../../src/output/inet-json.ts";
import { objectEncoder } from "../../src/output/json-encoder.ts";
import { fixtureMessages, viewOf } from "./fixture-messages.ts";
import { inetFixtures, made, mutated } from "./messages.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const encoder = new TextEncoder();
/** Names with characters that JSON or a terminal must not get as they are; one in eight is long. */
const nameOf = (kind: string, number: number) =>
  encoder.encode(`${kind}"\\\u001b\u009b\u00e9${number % 8 === 0 ? "x".repeat(5000) : number}`);
const service = (port: number) => (port !== 0 && port % 2 === 0 ? nameOf("service", port) : undefined);
const interfaceOf = (index: number) => nameOf("eth", index);
const cgroupPath = (id: bigint) => (id % 2n === 0n ? nameOf("/a", Number(id)) : undefined);

const messages = fc.oneof(
  made(INET_DIAG_MESSAGE_SIZE, inetAttributes),
  mutated(
    inetFixtures.flatMap((name) => fixtureMessages(name, INET_DIAG_MESSAGE_SIZE, [AF_INET, AF_INET6])),
    INET_DIAG_MESSAGE_SIZE,
  ),
);

test("the object straight from a message is the object of its view", () => {
  let direct = 0;
  let all = 0;
  fc.assert(
    fc.property(
      fc.array(messages, { minLength: 1, maxLength: 12 }),
      fc.constantFrom<InetTable[]>("tcp", "udp", "raw"),
      fc.boolean(),
      fc.boolean(),
      fc.nat(255),
      (list, table, services, cgroups, filler) => {
        const columns: readonly Column<InetSocket>[] = inetColumns({
          ...noNames,
          service: services ? service : () => undefined,
          interface: interfaceOf,
          cgroup: (id) => (cgroups ? (cgroupPath(id) ?? encoder.encode("unreachable")) : undefined),
        });
        const encode = objectEncoder(columns);
        const expected = new ByteWriter();
        const text = new ByteWriter();
        const put = inetJson(
          text,
          table,
          {
            service: services ? service : undefined,
            interface: interfaceOf,
            cgroupPath: cgroups ? cgroupPath : undefined,
          },
          jsonStructs(columns),
        );
        for (const message of list) {
          const view = viewOf(message);
          const socket = new InetSocket(view, 0, message.length, {
            protocol: inetTables[table],
            describe: () => ({}),
          });
          encode(expected, socket);
          // Other bytes stand around a message: what is read outside of it would show.
          roomBytes.fill(filler, 0, message.length + 64);
          roomBytes.set(message, 32);
          all++;
          const start = text.length;
          if (put(32, message.length)) direct++;
          else {
            expect(text.length).toBe(start);
            encode(text, socket);
          }
        }
        expect(Buffer.from(text.view()).toString()).toBe(Buffer.from(expected.view()).toString());
      },
    ),
    { numRuns },
  );
  expect(direct).toBeGreaterThan(all / 8);
});
