import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { encodeMessage } from "../netlink/message.ts";
import { conntrackFlows } from "./conntrack-decode.ts";

const NEW = 0x100;
const DELETE = 0x102;

/** An attribute, nested if its payload is a list of attributes. */
function attribute(type: number, payload: Uint8Array | readonly Uint8Array[]): Uint8Array {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.concat(payload as Uint8Array[]);
  const whole = new Uint8Array((4 + bytes.length + 3) & ~3);
  const data = new DataView(whole.buffer);
  data.setUint16(0, 4 + bytes.length, true);
  data.setUint16(2, payload instanceof Uint8Array ? type : type | 0x8000, true);
  whole.set(bytes, 4);
  return whole;
}

const be = (value: number, size: number) =>
  Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** (size - 1 - at)) & 0xff);

function message(
  type: number,
  family: number,
  protocol: number,
  more: readonly Uint8Array[] = [],
): Uint8Array {
  const [from, to] = family === AF_INET6 ? [3, 4] : [1, 2];
  const size = family === AF_INET6 ? 16 : 4;
  const tuple = attribute(1, [
    attribute(1, [attribute(from, be(1, size)), attribute(to, be(2, size))]),
    attribute(2, [attribute(1, Uint8Array.of(protocol)), attribute(2, be(1234, 2)), attribute(3, be(53, 2))]),
  ]);
  const body = Buffer.concat([Uint8Array.of(family, 0, 0, 0), tuple, ...more]);
  return encodeMessage({ type, flags: 0, sequence: 0, portId: 0 }, body);
}

const counters = (type: number, packets: number, bytes: number) =>
  attribute(type, [attribute(1, be(packets, 8)), attribute(2, be(bytes, 8))]);

describe("conntrackFlows()", () => {
  test.each([AF_INET, AF_INET6])("a flow that begins, family %i", (family) => {
    const [flow] = conntrackFlows(message(NEW, family, IPPROTO_UDP, [attribute(12, be(77, 4))]));
    expect(flow).toMatchObject({ begins: true, id: 77, family, sport: 1234, dport: 53 });
    expect(flow!.counters).toBeUndefined();
    const size = family === AF_INET6 ? 16 : 4;
    expect(flow!.bytes.subarray(flow!.sourceOffset, flow!.sourceOffset + size)).toEqual(be(1, size));
    expect(flow!.bytes.subarray(flow!.destinationOffset, flow!.destinationOffset + size)).toEqual(
      be(2, size),
    );
  });

  test("a flow that ends has its counters, if they were sent", () => {
    const [counted] = conntrackFlows(
      message(DELETE, AF_INET, IPPROTO_UDP, [counters(9, 3, 2 ** 33), counters(10, 1, 64)]),
    );
    expect(counted).toMatchObject({ begins: false, id: 0 });
    expect(counted!.counters).toEqual({
      packetsSent: 3,
      bytesSent: 2 ** 33,
      packetsReceived: 1,
      bytesReceived: 64,
    });
    expect(conntrackFlows(message(DELETE, AF_INET, IPPROTO_UDP))[0]!.counters).toBeUndefined();
  });

  test("other protocols and messages are skipped", () => {
    expect(conntrackFlows(message(NEW, AF_INET, IPPROTO_TCP))).toEqual([]);
    expect(conntrackFlows(message(0x101, AF_INET, IPPROTO_UDP))).toEqual([]);
    expect(conntrackFlows(message(0x200, AF_INET, IPPROTO_UDP))).toEqual([]);
    const both = Buffer.concat([message(NEW, AF_INET, IPPROTO_TCP), message(NEW, AF_INET, IPPROTO_UDP)]);
    expect(conntrackFlows(both)).toHaveLength(1);
  });

  test("never throws, whatever the bytes", () => {
    const whole = message(DELETE, AF_INET, IPPROTO_UDP, [counters(9, 3, 4), counters(10, 1, 64)]);
    const broken = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 })
      .map((changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 200 })), fc.nat(200), (bytes, length) => {
        conntrackFlows(bytes.subarray(0, Math.min(length, bytes.length)));
        conntrackFlows(bytes);
      }),
    );
  });
});
