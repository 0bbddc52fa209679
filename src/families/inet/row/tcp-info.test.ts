import { expect, test } from "bun:test";
import fc from "fast-check";
import { copiedStruct } from "../../../bytes/room.ts";
import { putItems } from "../../../table/items.ts";
import { TCP_INFO_ROOM } from "./room.ts";
import { putTcpInfo, TCP_INFO_SIZE } from "./tcp-info-generated.ts";
import { optionItems, tcpInfoItems } from "./tcp-info-items.ts";
import type { ConnectionFacts } from "./tcp-info-specials.ts";

/** Bytes like in the kernel's structs: many are 0, some are 0xff. */
const struct = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .array(fc.constantFrom(0, 0, 0, 0, 1, 2, 0xff), { maxLength: 300 })
    .map((bytes) => Uint8Array.from(bytes)),
);

/** What a writer writes. @returns the text, one character a byte */
function textOf(write: (target: DataView) => number): string {
  const bytes = new Uint8Array(TCP_INFO_ROOM);
  const end = write(new DataView(bytes.buffer));
  return Buffer.from(bytes.buffer, 0, end).toString("latin1");
}

test("the generated code writes what the table says", () => {
  fc.assert(
    fc.property(struct, fc.nat(13), fc.boolean(), fc.boolean(), (bytes, stateNumber, timers, numeric) => {
      const facts: ConnectionFacts = {
        stateNumber,
        congestion: 0,
        congestionLength: 0,
        escapesNames: false,
        vegas: 0,
        dctcp: 0,
        bbr: 0,
      };
      // What was not sent is read as zeros, as ss reads it.
      const whole = new Uint8Array(Math.max(bytes.length, TCP_INFO_SIZE));
      whole.set(bytes);
      const data = new DataView(whole.buffer);
      const { length } = whole;
      const info = copiedStruct(new DataView(bytes.buffer), 0, bytes.length, TCP_INFO_SIZE, 0);
      const expected = textOf((target) => {
        let at = timers ? putItems(target, 0, optionItems, data, 0, length) : 0;
        for (const word of tcpInfoItems)
          at =
            typeof word === "function"
              ? word(target, at, info, facts, numeric)
              : putItems(target, at, [word], data, 0, length);
        return at;
      });
      expect(textOf((target) => putTcpInfo(target, 0, info, facts, timers, numeric))).toBe(expected);
      expect(expected.length).toBeLessThan(TCP_INFO_ROOM / 2);
    }),
  );
});
