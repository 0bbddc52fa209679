/**
 * The pcap file format for netlink (LINKTYPE_NETLINK), as captured from nlmon and used for recordings.
 *
 * A packet is a 16-byte cooked header, always big-endian, followed by one netlink datagram.
 */
import { type Layout, readField, writeField } from "../bytes/layout.ts";
import { type Bytes, captureOf } from "./capture.ts";
import { RecordingError } from "./error.ts";
import { dataView } from "./header.ts";

/** One datagram of a capture. */
export interface Packet {
  /** Netlink protocol of its socket, such as NETLINK_SOCK_DIAG. */
  readonly protocol: number;
  readonly datagram: Uint8Array;
}

const LINKTYPE_NETLINK = 253;
const ARPHRD_NETLINK = 824;
const PACKET_OUTGOING = 4;

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const PCAPNG = 0x0a0d0d0a;

const FILE_HEADER_SIZE = 24;
const LINKTYPE_OFFSET = 20;
const PACKET_HEADER_SIZE = 16;
const CAPTURED_LENGTH_OFFSET = 8;
const ORIGINAL_LENGTH_OFFSET = 12;
const LONGEST_PACKET = 0x40000;

const COOKED_HEADER_SIZE = 16;
const cookedHeader = {
  packetType: { offset: 0, type: "u16be", doc: "PACKET_*" },
  hardware: { offset: 2, type: "u16be", doc: "ARPHRD_NETLINK" },
  protocol: { offset: 14, type: "u16be", doc: "netlink protocol" },
} as const satisfies Layout;

/** Where a packet is in a capture. */
export interface PacketPlace {
  readonly protocol: number;
  /** Where its datagram begins, and its length in bytes. */
  readonly at: number;
  readonly length: number;
}

/**
 * Finds the packets of a capture of either byte order, with timestamps in micro- or nanoseconds.
 *
 * @param name the file's name in messages
 * @throws RecordingError if it is not a pcap file of netlink, or ends within a packet
 */
export function* pcapPackets(bytes: Bytes, name: string): Generator<PacketPlace> {
  const viewAt = (at: number, length: number) => dataView(bytes.read(at, length));
  const head = viewAt(0, FILE_HEADER_SIZE);
  const littleEndian = byteOrder(head, name);
  const linkType = head.getUint32(LINKTYPE_OFFSET, littleEndian) & 0xffff;
  if (linkType !== LINKTYPE_NETLINK)
    throw new RecordingError("read", name, `link type ${linkType}, not ${LINKTYPE_NETLINK} (netlink)`);
  for (let at = FILE_HEADER_SIZE; at < bytes.size; ) {
    const header = viewAt(at, PACKET_HEADER_SIZE + COOKED_HEADER_SIZE);
    const start = at + PACKET_HEADER_SIZE;
    const end =
      header.byteLength < PACKET_HEADER_SIZE
        ? Number.POSITIVE_INFINITY
        : start + header.getUint32(CAPTURED_LENGTH_OFFSET, littleEndian);
    if (end > bytes.size) throw new RecordingError("read", name, `truncated packet at byte ${at}`);
    if (end < start + COOKED_HEADER_SIZE || header.byteLength < PACKET_HEADER_SIZE + COOKED_HEADER_SIZE)
      throw new RecordingError("read", name, `packet at byte ${at} is shorter than its header`);
    yield {
      protocol: Number(readField(cookedHeader.protocol, header, PACKET_HEADER_SIZE)),
      at: start + COOKED_HEADER_SIZE,
      length: end - start - COOKED_HEADER_SIZE,
    };
    at = end;
  }
}

/**
 * Reads a capture in memory.
 *
 * @returns the packets in order; their datagrams are views into `bytes`
 * @throws RecordingError as {@link pcapPackets}
 */
export function decodePcap(bytes: Uint8Array, name: string): Packet[] {
  const capture = captureOf(bytes).open("headers");
  return Array.from(pcapPackets(capture, name), ({ protocol, at, length }) => ({
    protocol,
    datagram: bytes.subarray(at, at + length),
  }));
}

/** Whether a capture is little-endian. @throws RecordingError if it is not a capture */
function byteOrder(data: DataView, name: string): boolean {
  if (data.byteLength >= FILE_HEADER_SIZE)
    for (const littleEndian of [true, false]) {
      const magic = data.getUint32(0, littleEndian);
      if (magic === MICROSECONDS || magic === NANOSECONDS) return littleEndian;
      if (magic === PCAPNG)
        throw new RecordingError("read", name, "a pcapng file; editcap -F pcap makes a pcap file of it");
    }
  throw new RecordingError("read", name, "not a pcap file");
}

/**
 * Writes a capture: little-endian, microseconds.
 *
 * @param timeMs the time of all packets, in milliseconds since 1970; by default zero, so that equal conversations give
 * equal files
 */
export function encodePcap(packets: readonly Packet[], timeMs = 0): Uint8Array {
  const overhead = PACKET_HEADER_SIZE + COOKED_HEADER_SIZE;
  const bytes = new Uint8Array(
    packets.reduce((sum, { datagram }) => sum + overhead + datagram.length, FILE_HEADER_SIZE),
  );
  const data = new DataView(bytes.buffer);
  data.setUint32(0, MICROSECONDS, true);
  data.setUint16(4, 2, true);
  data.setUint16(6, 4, true);
  data.setUint32(16, LONGEST_PACKET, true);
  data.setUint32(LINKTYPE_OFFSET, LINKTYPE_NETLINK, true);
  let at = FILE_HEADER_SIZE;
  const seconds = Math.floor(timeMs / 1000);
  const microseconds = Math.floor((timeMs - seconds * 1000) * 1000);
  for (const { protocol, datagram } of packets) {
    data.setUint32(at, seconds, true);
    data.setUint32(at + 4, microseconds, true);
    const length = COOKED_HEADER_SIZE + datagram.length;
    data.setUint32(at + CAPTURED_LENGTH_OFFSET, length, true);
    data.setUint32(at + ORIGINAL_LENGTH_OFFSET, length, true);
    at += PACKET_HEADER_SIZE;
    writeField(cookedHeader.packetType, data, at, PACKET_OUTGOING);
    writeField(cookedHeader.hardware, data, at, ARPHRD_NETLINK);
    writeField(cookedHeader.protocol, data, at, protocol);
    bytes.set(datagram, at + COOKED_HEADER_SIZE);
    at += length;
  }
  return bytes;
}
