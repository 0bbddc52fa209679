import { expect, test } from "bun:test";
import type { SightingFacts } from "./facts.ts";
import { type Sighted, type SightingStore, Sightings } from "./sightings.ts";

function storeOf() {
  const rows: SightingFacts[] = [];
  const notes: string[] = [];
  const store = {
    fileNumber: 1,
    sighting: (facts: SightingFacts) => rows.push(facts),
    cover: (...args: Parameters<SightingStore["cover"]>) => notes.push(args[4]),
  };
  return { store, rows, notes };
}

const listener = (port: number): Sighted => ({
  what: "listener",
  process: "nc",
  protocol: 6,
  address: "0.0.0.0",
  port,
});
const server = (address: string, port = 443): Sighted => ({ ...listener(port), what: "server", address });

test("what was there at the first sample is remembered, and not new", () => {
  const { store, rows } = storeOf();
  const sightings = new Sightings(store, []);
  expect(sightings.see(listener(80), 1, undefined, 100)).toBeUndefined();
  expect(rows).toEqual([{ ...listener(80), place: 1, afterMs: undefined, firstMs: 100 }]);
});

test("what comes later is new once, and is written to each file with its first time", () => {
  const { store, rows } = storeOf();
  const sightings = new Sightings(store, []);
  expect(sightings.see(listener(80), 1, 90, 100)?.firstMs).toBe(100);
  expect(sightings.see(listener(80), 2, 110, 120)).toBeUndefined();
  expect(rows).toHaveLength(1);
  store.fileNumber = 2;
  expect(sightings.see(listener(80), 2, 110, 130)).toBeUndefined();
  expect(rows.map(({ place, afterMs, firstMs }) => [place, afterMs, firstMs])).toEqual([
    [1, 90, 100],
    [2, 90, 100],
  ]);
});

test("what earlier runs have seen is not new, and keeps its first time", () => {
  const { store, rows } = storeOf();
  const earlier = [300, 200].map((firstMs) => ({ ...listener(80), place: 7, afterMs: 1, firstMs }));
  const sightings = new Sightings(store, earlier);
  expect(sightings.see(listener(80), 1, 900, 1000)).toBeUndefined();
  expect(rows.map(({ place, firstMs }) => [place, firstMs])).toEqual([[1, 200]]);
});

test("a process with very many peers of a port is noted once, and its further peers are not kept", () => {
  const { store, rows, notes } = storeOf();
  const sightings = new Sightings(store, []);
  for (let each = 0; each < 300; each++) sightings.see(server(`10.0.${each >> 8}.${each & 255}`), 1, 5, 10);
  expect(rows).toHaveLength(256);
  expect(notes).toEqual(["of nc (server, port 443)"]);
  expect(sightings.see(server("10.9.9.9", 80), 1, 5, 10)).toBeDefined();
});
