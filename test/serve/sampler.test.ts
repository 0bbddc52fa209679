/** What the sampler reads straight from the kernel's messages is what views of the same messages say. */
import { describe, expect, test } from "bun:test";
import type { Socket } from "../../src/families/socket.ts";
import { SampleMessages } from "../../src/live/messages.ts";
import { SocketTable } from "../../src/live/table.ts";
import { demandSet } from "../../src/model/demand.ts";
import { allTables } from "../../src/model/selection.ts";
import { sourcesOf } from "../../src/procfs/source.ts";
import { openMachine, selectionOf, take } from "../../src/serve/sampler.ts";
import { recorded } from "./server.ts";

const contextOf = (fixture: string) => ({
  host: recorded(fixture),
  sources: sourcesOf({}),
  version: "1.2.3",
  allNetns: false,
  intervalMs: 1000,
  showArguments: false,
  allowKill: false,
  store: undefined,
  live: false,
  metrics: undefined,
});

/** Everything that a table has of a socket. */
function factsOf(table: SocketTable, slot: number) {
  const { numbers, state, family, inode, uid } = table;
  return {
    key: table.key(slot),
    dump: table.dump(slot),
    ends: [table.local(slot), table.peer(slot)],
    ...{ state: state[slot], family: family[slot], inode: inode[slot], uid: uid[slot] },
    numbers: Object.fromEntries(
      Object.entries(numbers)
        .filter(([name]) => !name.endsWith("Rate") || name === "deliveryRate")
        .map(([name, values]) => [name, values[slot]]),
    ),
  };
}

/** The kernel's message about a socket. */
function bytesOf({ data, offset, length }: Socket): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + offset, length).slice();
}

describe("a sample has what views of the same messages say", () => {
  const fixtures = ["real-linux-6.18", "tcp-states", "mixed-500", "mptcp", "owners"];
  test.each(fixtures)("%s", async (fixture) => {
    const context = contextOf(fixture);
    using machine = await openMachine(context);
    const tables = new Set(allTables);
    const demands = demandSet(["info", "uid", "memory"]);
    const expected = new SocketTable();
    expected.begin(0);
    const sockets = new Map<string, Uint8Array>();
    for (const place of machine.query.places)
      for (const batch of machine.query.listPlace(place, {
        selection: selectionOf(tables),
        demands,
        keep: true,
      }))
        expected.add(batch, 0, (slot, socket) => sockets.set(expected.key(slot), bytesOf(socket)));
    const summary = expected.finish();

    const table = new SocketTable();
    const snapshot = await take({ machine, table, wants: { tables, demands }, generation: 1 });
    expect(snapshot.summary.sockets).toBe(summary.sockets);
    expect(snapshot.summary.states).toEqual(summary.states);
    expect(summary.sockets).toBeGreaterThan(3);
    // A table that the kernel does not have is none that is missing.
    expect(snapshot.notes).toEqual([]);
    for (let slot = 0; slot < expected.end; slot++) {
      const found = table.slotOf(expected.key(slot))!;
      expect(factsOf(table, found)).toEqual(factsOf(expected, slot));
      const key = expected.key(slot);
      const socket = snapshot.sockets.at(found)!;
      expect([table.isThat(socket, key), bytesOf(socket)]).toEqual([true, sockets.get(key)!]);
    }
  });

  test("and goes on to say it while later samples are taken, as long as somebody holds it", async () => {
    using machine = await openMachine(contextOf("mixed-500"));
    const wants = { tables: new Set(allTables), demands: demandSet([]) };
    const table = new SocketTable();
    const spare: SampleMessages[] = [];
    const messages = new SampleMessages((released) => spare.push(released));
    const first = await take({ machine, table, wants, generation: 1, messages });
    const keysOf = () =>
      Array.from({ length: first.sockets.length }, (_, slot) => {
        const socket = first.sockets.at(slot);
        return socket && table.isThat(socket, table.key(slot));
      });
    const release = first.sockets.hold();
    const before = keysOf();
    await take({ machine, table, wants, generation: 2 });
    expect(keysOf()).toEqual(before);
    expect(spare.length).toBe(0);
    release();
    // Its memory serves another sample, whose sockets have the same identities.
    messages.clear();
    const third = await take({ machine, table, wants, generation: 3, messages });
    for (let slot = 0; slot < third.sockets.length; slot++)
      if (third.sockets.has(slot)) expect(table.isThat(third.sockets.at(slot)!, table.key(slot))).toBe(true);
  });
});
