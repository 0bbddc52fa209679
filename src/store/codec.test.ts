import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { AF_INET, AF_UNIX } from "../model/family.ts";
import { encodeAttributes } from "../netlink/message.ts";
import { encodeImage } from "./codec.ts";
import { pack, unpack } from "./compress.ts";
import { StoreError } from "./error.ts";
import { SocketImage, timesToAges } from "./image.ts";
import { type DecodedImage, ImageDecoder } from "./image-decoder.ts";
import { ByteSink, ByteSource } from "./numbers.ts";
import { OwnerColumns } from "./owner-columns.ts";
import { decodeOwners, encodeOwners, type StoredOwners } from "./owners.ts";

interface Row {
  readonly key: number;
  readonly family: number;
  readonly bytes: Uint8Array;
}

/** The words of a message, in memory of their own. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const words = new Int32Array((bytes.length + 3) >>> 2);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** Takes a sample. UNIX sockets have no ages, so that every word must come back. */
function take(image: SocketImage, rows: readonly Row[]): void {
  image.begin();
  for (const { key, family, bytes } of rows)
    image.group({ place: 1, dump: 2, family }).add(key, 0, wordsOf(bytes), 0, bytes.length, 0);
  image.end();
}

/** The messages of an image in their order. */
function messages(image: DecodedImage): string[] {
  return [...image.values()]
    .toSorted((a, b) => a.family - b.family)
    .flatMap(({ family, messages: list }) =>
      list.map(
        ({ words, length }) =>
          `${family} ${new Uint8Array(words.buffer, words.byteOffset, length).join(" ")}`,
      ),
    );
}

const row = fc
  .record({
    key: fc.integer({ min: 0, max: 12 }),
    family: fc.constantFrom(AF_UNIX, 16),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  })
  .map((each): Row => each);

describe("images", () => {
  test("come back as they were, whatever came, went, moved or changed", () => {
    const run = fc.property(
      fc.array(fc.array(row, { maxLength: 20 }), { minLength: 1, maxLength: 8 }),
      (samples) => {
        const image = new SocketImage();
        const chain = new ImageDecoder();
        for (const [index, rows] of samples.entries()) {
          take(image, rows);
          const sorted = rows.toSorted((a, b) => a.family - b.family);
          const expected = sorted.map(({ family, bytes }) => `${family} ${bytes.join(" ")}`);
          for (const whole of index === 0 ? [true] : [true, false]) {
            const sink = new ByteSink();
            encodeImage(sink, image.groups, whole, 123_456);
            const source = new ByteSource(sink.bytes);
            const decoder = whole && index > 0 ? new ImageDecoder() : chain;
            decoder.read(source);
            expect(source.left).toBe(0);
            expect(messages(decoder.image)).toEqual(expected);
          }
        }
      },
    );
    fc.assert(run, { numRuns: 150 });
  });

  test("that are damaged are refused", () => {
    const run = fc.property(
      fc.array(row, { minLength: 1, maxLength: 10 }),
      fc.nat(),
      fc.nat(255),
      (rows, at, byte) => {
        const sink = new ByteSink();
        const image = new SocketImage();
        take(image, rows);
        encodeImage(sink, image.groups, true, 0);
        const bytes = sink.bytes.slice();
        bytes[at % bytes.length] = byte;
        try {
          new ImageDecoder().read(new ByteSource(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      },
    );
    fc.assert(run, { numRuns: 500 });
  });
});

/** A TCP socket as the kernel sends it. */
function tcpMessage(lastSentMs: number, expiresMs: number): Uint8Array {
  const info = new Uint8Array(232);
  for (const { offset } of [tcpInfo.lastDataSent, tcpInfo.lastDataRecv, tcpInfo.lastAckRecv])
    new DataView(info.buffer).setUint32(offset, lastSentMs, true);
  const attributes = encodeAttributes([{ type: inetAttributes.info.id, payload: info }]);
  const bytes = new Uint8Array(INET_DIAG_MESSAGE_SIZE + attributes.length);
  const data = new DataView(bytes.buffer);
  data.setUint8(0, AF_INET);
  data.setUint8(inetDiagMessage.timerNumber.offset, 2);
  data.setUint32(inetDiagMessage.expires.offset, expiresMs, true);
  bytes.set(attributes, INET_DIAG_MESSAGE_SIZE);
  return bytes;
}

/** Sets counters of a message: bytes and segments that rise together, and the times of the last of them. */
function writeCounters(bytes: Uint8Array, total: number, lastMs: number): void {
  const data = new DataView(bytes.buffer, INET_DIAG_MESSAGE_SIZE + 4);
  for (const { offset } of [tcpInfo.bytesAcked, tcpInfo.bytesSent, tcpInfo.segsOut, tcpInfo.dataSegsOut])
    data.setUint32(offset, total, true);
  data.setUint32(tcpInfo.rtt.offset, (total * 7919) % 1000, true);
  data.setUint32(tcpInfo.rttvar.offset, (total * 7919) % 1000, true);
  data.setUint32(tcpInfo.lastDataSent.offset, lastMs, true);
  data.setUint32(tcpInfo.lastAckRecv.offset, lastMs, true);
}

describe("connections", () => {
  /** In each sample: which sockets are there, in which order, and how much each has sent since. */
  const sample = fc.array(fc.tuple(fc.nat(30), fc.oneof(fc.constant(0), fc.nat(2 ** 31))), { maxLength: 31 });

  test("come back as they are kept, however their counters move", () => {
    const run = fc.property(fc.array(sample, { minLength: 2, maxLength: 12 }), (samples) => {
      const image = new SocketImage();
      const decoder = new ImageDecoder();
      const totals = new Map<number, number>();
      for (const [index, sockets] of samples.entries()) {
        const nowMs = 1_000_000 + index * 5000;
        image.begin();
        const group = image.group({ place: 1, dump: 5, family: AF_INET });
        const added = new Set<number>();
        for (const [key, sent] of sockets) {
          if (added.has(key)) continue;
          added.add(key);
          const total = (totals.get(key) ?? 0) + sent;
          totals.set(key, total);
          const bytes = tcpMessage(index * 5000, 0);
          writeCounters(bytes, total, sent === 0 ? index * 5000 : sent % 5000);
          group.add(key + 1, key + 1, wordsOf(bytes), 0, bytes.length, nowMs);
        }
        image.end();
        const sink = new ByteSink();
        encodeImage(sink, image.groups, index === 0, nowMs);
        decoder.read(new ByteSource(sink.bytes));
        const kept = Array.from({ length: group.count }, (_, row) => {
          const from = group.wordsFrom(row);
          return [...new Uint32Array(group.words(row).slice(from, from + group.length(row) / 4).buffer)];
        });
        const found = decoder.image.get("1/5/2")?.messages ?? [];
        expect(found.map(({ words }) => [...words])).toEqual(kept);
      }
    });
    fc.assert(run, { numRuns: 100 });
  });
});

describe("ages", () => {
  const key = { place: 1, dump: 5, family: AF_INET };
  function sample(image: SocketImage, bytes: Uint8Array, nowMs: number): void {
    image.begin();
    image.group(key).add(7, 0, wordsOf(bytes), 0, bytes.length, nowMs);
    image.end();
  }

  function expectAge(data: DataView, ageMs: number): void {
    const found = data.getUint32(INET_DIAG_MESSAGE_SIZE + 4 + tcpInfo.lastDataSent.offset, true);
    expect(Math.abs(found - ageMs)).toBeLessThanOrEqual(16);
  }

  test("of a socket that rests cost nothing, and come back to the precision of the kernel's clock", () => {
    const image = new SocketImage();
    sample(image, tcpMessage(1000, 60_000), 50_000);
    const whole = new ByteSink();
    encodeImage(whole, image.groups, true, 50_000);
    sample(image, tcpMessage(6004, 54_996), 55_000);
    const difference = new ByteSink();
    expect(encodeImage(difference, image.groups, false, 55_000)).toEqual({ sockets: 1, changed: 0 });
    const decoder = new ImageDecoder();
    decoder.read(new ByteSource(whole.bytes));
    decoder.read(new ByteSource(difference.bytes));
    const words = [...decoder.image.values()][0]!.messages[0]!.words.slice();
    timesToAges(words, key, 55_000);
    const data = new DataView(words.buffer);
    expect(data.getUint32(inetDiagMessage.expires.offset, true)).toBe(55_000);
    expectAge(data, 6000);
  });

  test("go past 49 days of uptime", () => {
    const nowMs = 2 ** 32 + 5000;
    const image = new SocketImage();
    sample(image, tcpMessage(20_000, 100), nowMs);
    const sink = new ByteSink();
    encodeImage(sink, image.groups, true, nowMs);
    const decoder = new ImageDecoder();
    decoder.read(new ByteSource(sink.bytes));
    const words = [...decoder.image.values()][0]!.messages[0]!.words.slice();
    timesToAges(words, key, nowMs);
    const data = new DataView(words.buffer);
    expect(data.getUint32(inetDiagMessage.expires.offset, true)).toBe(100);
    expectAge(data, 20_000);
  });
});

test("owners come back as they were", () => {
  const owner = fc.record({ process: fc.nat(50), fd: fc.nat(1000) });
  const table = fc
    .array(
      fc.tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.array(owner, { minLength: 1, maxLength: 3 })),
    )
    .map((entries) => new Map(entries));
  const run = fc.property(table, table, (before, after) => {
    const columns = new OwnerColumns();
    for (const [inode, owners] of before) columns.set(inode, owners);
    const changed = new Set<number>();
    const read = (owners: StoredOwners, previous?: StoredOwners, only?: Iterable<number>) => {
      const sink = new ByteSink();
      encodeOwners(sink, owners, only);
      return decodeOwners(new ByteSource(sink.bytes), previous && new Map(previous));
    };
    const first = read(columns);
    expect(new Map(first)).toEqual(before);
    for (const inode of before.keys()) if (!after.has(inode) && columns.delete(inode)) changed.add(inode);
    for (const [inode, owners] of after) if (columns.set(inode, owners)) changed.add(inode);
    expect(columns.size).toBe(after.size);
    expect(new Map(read(columns, first, changed))).toEqual(after);
  });
  fc.assert(run);
});

test("a packed sample with any changed byte is refused", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 7);
  const { data, crc } = pack(bytes);
  expect(unpack({ data, crc })).toEqual(bytes);
  for (let at = 0; at < data.length; at++) {
    const damaged = data.slice();
    damaged[at] = damaged[at]! ^ 0x41;
    try {
      expect(unpack({ data: damaged, crc })).toEqual(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
    }
  }
});
