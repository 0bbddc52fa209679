import { expect, test } from "bun:test";
import fc from "fast-check";
import { roomBytes } from "../bytes/room.ts";
import type { Recall } from "../netlink/transport.ts";
import { KeptMessages } from "./kept-messages.ts";
import { DiagMessage, type Origin } from "./message.ts";

class One extends DiagMessage {
  readonly name = "one";
}
class Other extends DiagMessage {
  readonly name = "other";
}

/** The messages of an answer that can be read again. */
const elsewhere: Uint8Array[] = [];
let arriving = -1;
const recall: Recall = {
  placeOf: () => arriving,
  read: (place) => elsewhere[place]!,
};

const origins: readonly Origin[] = [
  { protocol: 6 },
  { protocol: 17 },
  { protocol: 6, recall: () => (arriving < 0 ? undefined : recall) },
];

const message = fc.record({
  bytes: fc.uint8Array({ minLength: 4, maxLength: 600 }),
  View: fc.constantFrom(One, Other),
  origin: fc.constantFrom(...origins),
});

/** A view of a message in the midst of other bytes. */
function viewOf({ bytes, View, origin }: typeof message extends fc.Arbitrary<infer T> ? T : never) {
  const buffer = new Uint8Array(bytes.length + 16).fill(0xee);
  buffer.set(bytes, 7);
  return new View(new DataView(buffer.buffer, 3), 4, bytes.length, origin);
}

function contents({ data, offset, length, origin, name }: One | Other) {
  return { bytes: [...new Uint8Array(data.buffer, data.byteOffset + offset, length)], origin, name };
}

test("views of kept sockets are as the sockets were, whatever is retained", () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 60 }),
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 100 }),
      (messages, choices, times) => {
        const kept = new KeptMessages<One | Other>();
        let expected: (typeof messages)[number][] = [];
        for (let round = 0; round < 3; round++) {
          for (let time = 0; time < times; time++)
            for (const [index, each] of messages.entries()) {
              // Every third message of the last origin has to be kept.
              arriving = index % 3 === 0 ? -1 : elsewhere.push(each.bytes) - 1;
              const view = viewOf(each);
              kept.add(view);
              if (arriving >= 0 && each.origin.recall !== undefined) new Uint8Array(view.data.buffer).fill(0);
              expected.push(each);
            }
          const numbers = Uint32Array.from(
            Array.from(
              { length: Math.min(50, expected.length) },
              () => choices.next().value % expected.length,
            ),
          );
          kept.retain(numbers);
          expected = Array.from(numbers, (number) => expected[number]!);
        }
        expect(kept.count).toBe(expected.length);
        for (const [number, each] of expected.entries()) {
          expect(contents(kept.view(number))).toEqual(contents(viewOf(each)));
          expect(kept.copyToRoom(number)).toBe(each.bytes.length);
          expect(roomBytes.subarray(0, each.bytes.length)).toEqual(each.bytes);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("a message that is longer than a chunk or the room", () => {
  const kept = new KeptMessages<One>();
  const bytes = new Uint8Array(3 << 20).map((_, index) => index);
  kept.add(new One(new DataView(bytes.buffer), 0, bytes.length, origins[0]!));
  kept.add(new One(new DataView(bytes.buffer), 5, 9, origins[0]!));
  expect(contents(kept.view(1)).bytes).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
  expect(kept.view(0).length).toBe(bytes.length);
  expect(kept.copyToRoom(0)).toBe(0);
  kept.retain(Uint32Array.of(1, 0));
  expect(contents(kept.view(0)).bytes).toHaveLength(9);
});
