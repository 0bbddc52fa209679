/** Messages about sockets for properties: made ones, and those of the golden corpus with changed bytes. */
import fc from "fast-check";
import type { AttributeTable } from "../../src/diag/attribute.ts";
import { align4 } from "../../src/netlink/message.ts";
import { viewOf } from "./fixture-messages.ts";

/** Fixtures with many kinds of inet sockets. */
export const inetFixtures = [
  "addresses",
  "raw",
  "tcp-congestion",
  "tcp-info-kernels",
  "tcp-info-values",
  "tcp-meta",
  "udp",
];

/** An attribute as it stands in a message. */
function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(4 + payload.length));
  const data = viewOf(bytes);
  data.setUint16(0, 4 + payload.length, true);
  data.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

/** Bytes like in the kernel's structs: many are 0, some are 0xff. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 280 }),
  fc
    .array(fc.constantFrom(0, 0, 0, 0, 1, 2, 0xff), { maxLength: 280 })
    .map((bytes) => Uint8Array.from(bytes)),
);

/** Messages with a struct of `size` bytes and any attributes of a table. */
export function made(size: number, attributes: AttributeTable): fc.Arbitrary<Uint8Array> {
  const ids = Object.values(attributes).map(({ id }) => id);
  return fc
    .tuple(
      fc.uint8Array({ minLength: size, maxLength: size }),
      fc.array(fc.tuple(fc.constantFrom(...ids), payload), { maxLength: 6 }),
    )
    .map(([head, list]) =>
      Uint8Array.from(Buffer.concat([head, ...list.map(([type, bytes]) => attribute(type, bytes))])),
    );
}

/** Messages of a corpus with some bytes changed, and some cut. */
export function mutated(corpus: readonly Uint8Array[], size: number): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(
      fc.constantFrom(...corpus),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.option(fc.nat()),
    )
    .map(([message, mutations, cut]) => {
      const bytes = message.slice();
      for (const [at, byte] of mutations) bytes[at % bytes.length] = byte;
      return cut === null ? bytes : bytes.slice(0, Math.max(size, cut % (bytes.length + 1)));
    });
}
