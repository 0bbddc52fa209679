import { expect, test } from "bun:test";
import fc from "fast-check";
import { eventKinds, type SocketEvent } from "../events/event.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { noNames } from "../fields/names.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { eventObjects } from "./event-objects.ts";
import { readEvent } from "./read-event.ts";

const object = eventObjects(noNames);

/** Bytes of struct inet_diag_msg, and of struct tcp_info in Linux 6.18. */
const HEADER = 72;
const TCP_INFO = 280;
/** Where tcp_info begins, behind a mark and the id of a control group. */
const INFO = HEADER + 8 + 12 + 4;

/** A socket of random bytes: a fixed part, and attributes for mark, cgroup and tcp_info. */
function socketOf(bytes: Uint8Array, family: number, protocol: number, infoLength: number): InetSocket {
  const attributes = [
    [15, 4],
    [21, 8],
    [2, infoLength],
  ] as const;
  const data = new DataView(new ArrayBuffer(HEADER + 4 * 3 + 12 + TCP_INFO));
  const view = new Uint8Array(data.buffer);
  view.set(bytes.subarray(0, HEADER));
  data.setUint8(0, family);
  data.setUint8(1, 1 + (data.getUint8(1) % 12));
  // An interface has a name on its own host only.
  data.setUint32(40, 0);
  let at = HEADER;
  let from = HEADER;
  for (const [id, length] of attributes) {
    if (length === 0) continue;
    data.setUint16(at, length + 4, true);
    data.setUint16(at + 2, id, true);
    view.set(bytes.subarray(from, from + length), at + 4);
    from += length;
    at += (length + 7) & ~3;
  }
  // JSON's numbers hold 53 bits.
  for (const { type, offset, ...row } of Object.values(tcpInfo)) {
    if (type !== "u64" || offset + 8 > infoLength) continue;
    const isUnlimited = "none" in row && view[INFO + offset]! % 2 === 0;
    view.fill(isUnlimited ? 0xff : 0, INFO + offset + (isUnlimited ? 0 : 6), INFO + offset + 8);
  }
  return new InetSocket(data, 0, at, { protocol });
}

const socket = fc
  .record({
    bytes: fc.uint8Array({ minLength: 400, maxLength: 400 }),
    // Small numbers are more likely to be those with a meaning of their own.
    zeros: fc.array(fc.nat(399), { maxLength: 200 }),
    family: fc.constantFrom(AF_INET, AF_INET6),
    protocol: fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP),
    infoLength: fc.constantFrom(0, 104, 192, 232, 248, TCP_INFO),
  })
  .map(({ bytes, zeros, family, protocol, infoLength }) => {
    for (const at of zeros) bytes[at] = 0;
    return socketOf(bytes, family, protocol, infoLength);
  });

const state = fc.option(fc.integer({ min: 1, max: 13 }), { nil: undefined });
const count = fc.option(fc.nat(2 ** 40), { nil: undefined });
const event: fc.Arbitrary<SocketEvent> = fc.record({
  timeMs: fc.nat(2 ** 51).map((us) => us / 1000),
  kind: fc.constantFrom(...(Object.keys(eventKinds) as (keyof typeof eventKinds)[])),
  source: fc.constantFrom("tracefs", "destroy"),
  socket: fc.option(socket, { nil: undefined }),
  oldState: state,
  newState: state,
  owners: fc.option(
    fc.array(
      fc
        .record({
          pid: fc.nat(4_000_000),
          fd: fc.integer({ min: -1, max: 1000 }),
          comm: fc.string({ maxLength: 15 }),
        })
        .map(({ pid, fd, comm }) => ({
          pid,
          tid: pid,
          fd,
          stat: new TextEncoder().encode(`${pid} (${comm}) S`),
          processContext: undefined,
          socketContext: undefined,
        })),
      { maxLength: 3 },
    ),
    { nil: undefined },
  ),
  durationMs: fc.option(
    fc.nat(1e9).map((us) => us / 1000),
    { nil: undefined },
  ),
  count,
  netns: fc.option(fc.record({ inode: fc.nat(), name: fc.constant("web"), pid: fc.nat() }), {
    nil: undefined,
  }),
  counters: fc.option(
    fc.record({
      packetsSent: fc.nat(),
      bytesSent: fc.nat(),
      packetsReceived: fc.nat(),
      bytesReceived: fc.nat(),
    }),
    { nil: undefined },
  ),
  failure: fc.option(fc.record({ reason: fc.constant("refused"), syns: fc.nat(9) }), { nil: undefined }),
});

test("an event that was written as JSON and read back is written in the same way", () => {
  fc.assert(
    fc.property(event, (each) => {
      const written = JSON.parse(JSON.stringify(object(each)));
      const read = readEvent(written);
      expect(read).toBeDefined();
      expect(JSON.parse(JSON.stringify(object(read!)))).toEqual(written);
    }),
    { numRuns: 300 },
  );
});

test("anything else than an event gives none, or one that can be shown", () => {
  const anything = fc.oneof(
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.record({
      time: fc.oneof(fc.constant("2026-11-21T10:00:00.000001Z"), fc.jsonValue()),
      event: fc.oneof(fc.constantFrom("open", "close", "lost"), fc.jsonValue()),
      source: fc.oneof(fc.constant("destroy"), fc.jsonValue()),
      local: fc.oneof(
        fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), port: fc.nat(70000) }),
        fc.jsonValue(),
      ),
      peer: fc.oneof(fc.record({ address: fc.ipV4(), port: fc.integer() }), fc.jsonValue()),
      cookie: fc.oneof(fc.constant("0x1ffffffffffffffff"), fc.jsonValue()),
      tcpInfo: fc.oneof(
        fc.dictionary(fc.constantFrom("rttUs", "bytesSent", "sndWscale"), fc.jsonValue()),
        fc.jsonValue(),
      ),
      processes: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
      count: fc.jsonValue(),
    }),
  );
  fc.assert(
    fc.property(anything, (value) => {
      const read = readEvent(value as never);
      if (read !== undefined) JSON.stringify(object(read));
    }),
    { numRuns: 500 },
  );
});
