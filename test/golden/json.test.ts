/** JSON that is written from columns is that of the plain object, for every socket of the corpus. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { escapeJson } from "../../src/bytes/terminal.ts";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { columnsByKind, describers } from "../../src/catalogue/describe.ts";
import type { Column } from "../../src/fields/column.ts";
import { noNames } from "../../src/fields/names.ts";
import { liveFiles } from "../../src/host/live.ts";
import { machineOf } from "../../src/library/machine.ts";
import { allTables } from "../../src/model/selection.ts";
import { objectEncoder } from "../../src/output/json-encoder.ts";
import { replayHost } from "../../src/replay/host.ts";
import { fixtureNames, fixtures } from "./cases.ts";

const encoders = new Map(
  Object.entries(columnsByKind(noNames)).map(([kind, columns]) => [
    kind,
    objectEncoder(columns as readonly Column<unknown>[]),
  ]),
);
const describe = describers(noNames);
const counts = new Map<string, number>();

test.each(fixtureNames().map((name) => [name]))("%s", (name) => {
  const host = replayHost(join(fixtures, name), liveFiles);
  const dumps = { ...host.transport, arrival: () => Promise.resolve() };
  const machine = machineOf({ host, dumps, events: dumps });
  const text = new ByteWriter();
  for (const details of [false, true]) {
    const sockets = machine.sockets({
      tables: allTables,
      memory: details,
      info: details,
      tos: details,
      extended: details,
      onProblem: () => undefined,
    });
    for (const socket of sockets) {
      text.length = 0;
      encoders.get(socket.kind)!(text, socket);
      expect(Buffer.from(text.view()).toString()).toBe(escapeJson(JSON.stringify(describe(socket))));
      counts.set(socket.kind, (counts.get(socket.kind) ?? 0) + 1);
    }
  }
});

test("the corpus has sockets of every kind", () => {
  for (const kind of encoders.keys()) expect([kind, counts.get(kind) ?? 0]).not.toEqual([kind, 0]);
  expect(counts.get("inet")).toBeGreaterThan(1000);
});
