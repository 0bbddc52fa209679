/** Quiet sockets against a plain list of objects. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { SocketArena } from "../diag/socket-arena.ts";
import { cookieOf, makeSocket, setCookie } from "../families/inet/made-socket.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { AF_INET, IPPROTO_TCP } from "../model/family.ts";
import { SS_ESTABLISHED } from "../model/state.ts";
import { QuietSockets } from "./quiet-sockets.ts";
import { tupleKey } from "./socket-message.ts";

const origin = { protocol: IPPROTO_TCP, netns: undefined };
const arena = new SocketArena(4096);

function socketOf(message: DataView): InetSocket {
  return new InetSocket(message, 0, message.byteLength, origin);
}

function tupleOf(message: DataView): string {
  return tupleKey(socketOf(message));
}

/** The message of a socket with a cookie and a local port. */
function messageOf(cookie: number, sport: number): DataView {
  const endpoints = {
    family: AF_INET,
    bytes: new Uint8Array(8),
    sourceOffset: 0,
    destinationOffset: 4,
    sport,
    dport: 80,
  };
  const socket = makeSocket(arena, endpoints, SS_ESTABLISHED, origin);
  setCookie(socket, cookie);
  return new DataView(socket.data.buffer, socket.data.byteOffset + socket.offset, socket.length);
}

interface Kept {
  readonly cookie: number;
  readonly sport: number;
  readonly place: number;
  readonly address: number;
  readonly openedMs: number | undefined;
  generation: number;
}

const cookie = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }).map((low) => 2 ** 32 + low),
);

test("quiet sockets are found by cookie, address and tuple, whatever came and went before", () => {
  const step = fc.record({
    kind: fc.constantFrom("add", "add", "take", "list", "missing", "shift", "shrink"),
    cookie,
    place: fc.integer({ min: 0, max: 2 }),
    openedMs: fc.option(fc.integer({ min: 0, max: 1e6 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const quiet = new QuietSockets();
      const kept = new Map<number, Kept>();
      let generation = 1;
      for (const { kind, cookie, place, openedMs } of steps) {
        const known = kept.get(cookie);
        if (kind === "add" && known === undefined) {
          const sport = 1000 + (cookie % 1000) + (cookie > 2 ** 32 ? 500 : 0);
          const address = cookie % 3 === 0 ? 0 : 2 ** 47 + cookie * 64;
          const message = messageOf(cookie, sport);
          quiet.add(
            { message, place, address, openedMs, accepted: false, owners: undefined, generation },
            tupleOf(message),
          );
          kept.set(cookie, { cookie, sport, place, address, openedMs, generation });
        } else if (kind === "take" && known !== undefined) {
          const taken = quiet.take(quiet.withCookie(cookie));
          expect(cookieOf(socketOf(taken.message))).toBe(cookie);
          expect(taken.place).toBe(known.place);
          expect(taken.address).toBe(known.address);
          expect(taken.openedMs).toBe(known.openedMs);
          expect(taken.generation).toBe(known.generation);
          kept.delete(cookie);
        } else if (kind === "list") {
          generation++;
          const same = quiet.isSame(place, cookie, SS_ESTABLISHED, 0, known?.sport ?? 0, 80, generation);
          expect(same).toBe(known === undefined ? undefined : known.place === place);
          if (same === true) known!.generation = generation;
        } else if (kind === "missing") {
          const cookies = quiet
            .missing(place, generation)
            .map((row) => cookieOf(socketOf(quiet.take(row).message)));
          const expected = [...kept.values()].filter(
            (each) => each.place === place && each.generation !== generation,
          );
          expect(cookies.sort()).toEqual(expected.map((each) => each.cookie).sort());
          for (const each of cookies) kept.delete(each);
        } else if (kind === "shift") {
          quiet.shiftTimes(3);
          for (const [key, each] of kept)
            kept.set(key, { ...each, openedMs: each.openedMs === undefined ? undefined : each.openedMs + 3 });
        } else if (kind === "shrink") quiet.shrink();
        expect(quiet.size).toBe(kept.size);
      }
      for (const { cookie, sport, place, address } of kept.values()) {
        const row = quiet.withCookie(cookie);
        expect(row).toBeGreaterThanOrEqual(0);
        expect(quiet.withTuple(place, tupleOf(messageOf(cookie, sport)), tupleOf)).toBe(row);
        if (address !== 0) expect(quiet.withAddress(address)).toBe(row);
      }
      expect(quiet.withCookie(77)).toBe(-1);
      expect(quiet.withAddress(77)).toBe(-1);
    }),
    { numRuns: 60 },
  );
});
