/** Samples on disk: compressed, with a checksum of what is in them. */
import { StoreError } from "./error.ts";

/** Bytes that a sample may have when it is unpacked: a million sockets take less. */
const UNPACKED_LIMIT = 2 ** 30;
const LEVEL = 6;

/** A packed sample. */
export interface Packed {
  readonly data: Uint8Array;
  /** CRC-32 of the bytes before packing. */
  readonly crc: number;
}

/** Packs bytes. */
export function pack(bytes: Uint8Array): Packed {
  return { data: Bun.zstdCompressSync(bytes, { level: LEVEL }), crc: Bun.hash.crc32(bytes) };
}

/** Bytes that a zstd frame says it holds; undefined if it does not say. RFC 8878, 3.1.1.1. */
function contentSize(frame: Uint8Array): number | undefined {
  if (frame.length < 14) return frame.length < 6 ? undefined : 0;
  const data = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (data.getUint32(0, true) !== 0xfd2fb528) return undefined;
  const descriptor = data.getUint8(4);
  const flag = descriptor >>> 6;
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  if (flag === 0) return single ? data.getUint8(at) : undefined;
  if (flag === 1) return data.getUint16(at, true) + 256;
  if (flag === 2) return data.getUint32(at, true);
  return Number(data.getBigUint64(at, true));
}

/** Unpacks a frame that says how large it is, within a limit. @throws StoreError if it is damaged */
export function inflate(data: Uint8Array): Uint8Array {
  const size = contentSize(data);
  if (size === undefined || size > UNPACKED_LIMIT) throw new StoreError("a sample is damaged");
  try {
    return Bun.zstdDecompressSync(data);
  } catch {
    throw new StoreError("a sample is damaged");
  }
}

/** Unpacks bytes. @throws StoreError if they are damaged */
export function unpack({ data, crc }: Packed): Uint8Array {
  const bytes = inflate(data);
  if (Bun.hash.crc32(bytes) !== crc) throw new StoreError("a sample is damaged");
  return bytes;
}
