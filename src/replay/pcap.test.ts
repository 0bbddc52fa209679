import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { RecordingError } from "./error.ts";
import { decodePcap, encodePcap } from "./pcap.ts";

const packets = [
  { protocol: 4, datagram: Uint8Array.of(1, 2, 3, 4, 5) },
  { protocol: 0, datagram: new Uint8Array(0) },
];

/** A capture of one 3-byte datagram of protocol 4, as a tool of another byte order or clock writes it. */
function foreign(littleEndian: boolean, magic: number): Uint8Array {
  const data = new DataView(new ArrayBuffer(24 + 16 + 16 + 3));
  data.setUint32(0, magic, littleEndian);
  data.setUint16(4, 2, littleEndian);
  data.setUint16(6, 4, littleEndian);
  data.setUint32(16, 65535, littleEndian);
  data.setUint32(20, 253, littleEndian);
  data.setUint32(24, 1700000000, littleEndian);
  data.setUint32(32, 19, littleEndian);
  data.setUint32(36, 19, littleEndian);
  data.setUint16(40, 4, false);
  data.setUint16(42, 824, false);
  data.setUint16(54, 4, false);
  const bytes = new Uint8Array(data.buffer);
  bytes.set([7, 8, 9], 56);
  return bytes;
}

function problemOf(bytes: Uint8Array): string {
  try {
    decodePcap(bytes, "r.pcap");
  } catch (error) {
    expect(error).toBeInstanceOf(RecordingError);
    expect((error as RecordingError).code).toBe("recording");
    return (error as RecordingError).message;
  }
  throw new Error("nothing was thrown");
}

describe("pcap", () => {
  test("reads what it writes", () => {
    expect(decodePcap(encodePcap(packets), "r.pcap")).toEqual(packets);
  });

  test("writes the bytes of a netlink capture", () => {
    const bytes = encodePcap([{ protocol: 4, datagram: Uint8Array.of(0xaa) }]);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "d4c3b2a1020004000000000000000000" +
        "00000400fd000000" +
        "00000000000000001100000011000000" +
        "00040338000000000000000000000004" +
        "aa",
    );
  });

  test.each([
    [true, 0xa1b2c3d4],
    [false, 0xa1b2c3d4],
    [true, 0xa1b23c4d],
    [false, 0xa1b23c4d],
  ])("little-endian %p, magic %p", (littleEndian, magic) => {
    expect(decodePcap(foreign(littleEndian, magic), "r.pcap")).toEqual([
      { protocol: 4, datagram: Uint8Array.of(7, 8, 9) },
    ]);
  });

  test("a file of the corpus is written back with the same packets", () => {
    const bytes = readFileSync(new URL("../../test/fixtures/udp/recording.pcap", import.meta.url));
    const read = decodePcap(bytes, "udp");
    expect(read.length).toBeGreaterThan(2);
    expect(decodePcap(encodePcap(read), "udp")).toEqual(read);
  });

  test("errors describe what is wrong", () => {
    const good = encodePcap(packets);
    const ethernet = good.slice();
    ethernet[20] = 1;
    const short = foreign(true, 0xa1b2c3d4);
    short[32] = 15;
    const pcapng = new Uint8Array(24);
    pcapng.set([0x0a, 0x0d, 0x0d, 0x0a]);
    expect(problemOf(new Uint8Array(0))).toBe("Cannot read recording r.pcap: not a pcap file");
    expect(problemOf(new Uint8Array(100))).toBe("Cannot read recording r.pcap: not a pcap file");
    expect(problemOf(good.subarray(0, 23))).toBe("Cannot read recording r.pcap: not a pcap file");
    expect(problemOf(pcapng)).toContain("pcapng");
    expect(problemOf(ethernet)).toBe("Cannot read recording r.pcap: link type 1, not 253 (netlink)");
    expect(problemOf(good.subarray(0, 30))).toBe("Cannot read recording r.pcap: truncated packet at byte 24");
    expect(problemOf(good.subarray(0, 62))).toBe("Cannot read recording r.pcap: truncated packet at byte 61");
    expect(problemOf(short)).toBe(
      "Cannot read recording r.pcap: packet at byte 24 is shorter than its header",
    );
  });
});
