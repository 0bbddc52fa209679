/**
 * Lists the RPC services registered with rpcbind over its UNIX socket, as the C library does.
 * RFC 1833 (rpcbind), RFC 5531 (RPC messages and records), RFC 4506 (XDR).
 */
import { DecodeError } from "../netlink/errors.ts";
import type { RpcService } from "./host.ts";

/** Where rpcbind listens. */
export const RPCBIND_SOCKET = "/run/rpcbind.sock";

/** RFC 5531, 9. */
const CALL = 0;
const REPLY = 1;
const RPC_VERSION = 2;
const MSG_ACCEPTED = 0;
const SUCCESS = 0;
const AUTH_NONE = 0;

/** RFC 1833, 2.1. */
const RPCBPROG = 100000;
const RPCBVERS4 = 4;
const RPCBPROC_DUMP = 4;

/** The id of the call, the only one on its connection. */
const XID = 1;

/** A record consists of fragments. A word before each has its length and the last-fragment bit. RFC 5531, 11. */
const LAST_FRAGMENT = 0x8000_0000;
const MARK_BYTES = 4;

/** Longest accepted answer in bytes. A service takes about 60. */
const RECORD_LIMIT = 1 << 20;

/** The call RPCBPROC_DUMP, which lists all services, as a record. */
export function rpcbindDumpCall(): Uint8Array {
  const words = [XID, CALL, RPC_VERSION, RPCBPROG, RPCBVERS4, RPCBPROC_DUMP];
  // No credentials and no verifier: a flavour and a length for each.
  words.push(AUTH_NONE, 0, AUTH_NONE, 0);
  const call = new DataView(new ArrayBuffer(MARK_BYTES + words.length * 4));
  call.setUint32(0, LAST_FRAGMENT + words.length * 4);
  for (const [index, word] of words.entries()) call.setUint32(MARK_BYTES + index * 4, word);
  return new Uint8Array(call.buffer);
}

/**
 * Extracts a record from the bytes received so far.
 *
 * @returns undefined if the record is incomplete
 * @throws DecodeError if the record is longer than {@link RECORD_LIMIT}
 */
export function takeRecord(bytes: Uint8Array): Uint8Array | undefined {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fragments: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at + MARK_BYTES <= bytes.length; ) {
    const mark = data.getUint32(at);
    const length = mark % LAST_FRAGMENT;
    total += length;
    if (total > RECORD_LIMIT)
      throw new DecodeError("rpc record", at, `it has more than ${RECORD_LIMIT} bytes`);
    at += MARK_BYTES;
    if (at + length > bytes.length) return undefined;
    fragments.push(bytes.subarray(at, at + length));
    if (mark >= LAST_FRAGMENT) return joined(fragments, total);
    at += length;
  }
  return undefined;
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Reads XDR from the start of a message. Its methods throw DecodeError at the end of the message. */
class XdrReader {
  readonly #data: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Skips `count` bytes. @returns their offset */
  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#data.byteLength) throw new DecodeError("rpc reply", at, "it is cut short");
    this.#at += count;
    return at;
  }

  /** An unsigned integer. */
  u32(): number {
    return this.#data.getUint32(this.#take(4));
  }

  /** Opaque bytes or a string: a length, then the bytes, padded to a whole word. */
  text(): string {
    const { buffer, byteOffset } = this.#data;
    const length = this.u32();
    const at = this.#take(length + (-length & 3));
    return decoder.decode(new Uint8Array(buffer, byteOffset + at, length));
  }

  /** Checks that the next word has this value. */
  expect(word: number, what: string): void {
    const at = this.#at;
    const found = this.u32();
    if (found !== word) throw new DecodeError("rpc reply", at, `${what} is ${found}, not ${word}`);
  }
}

// A byte order mark is text like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes the answer to {@link rpcbindDumpCall}. @throws DecodeError if it is malformed or a refusal */
export function decodeRpcbindDump(record: Uint8Array): RpcService[] {
  const reader = new XdrReader(record);
  reader.expect(XID, "xid");
  reader.expect(REPLY, "mtype");
  reader.expect(MSG_ACCEPTED, "reply_stat");
  reader.u32();
  // The verifier is not used.
  reader.text();
  reader.expect(SUCCESS, "accept_stat");
  const services: RpcService[] = [];
  // A list: 1 before each service, 0 at the end. RFC 1833, 2.1, rpcblist_ptr.
  while (reader.u32() !== 0) {
    const [program, version] = [reader.u32(), reader.u32()];
    const [netid, address] = [reader.text(), reader.text()];
    // The owner.
    reader.text();
    services.push({ program, version, netid, address });
  }
  return services;
}

/**
 * Lists all services of rpcbind.
 *
 * @param path path of its socket
 * @param deadlineMs time limit in milliseconds
 * @returns an empty list if rpcbind does not answer in time, or with something else
 */
export async function listRpcServices(path: string, deadlineMs: number): Promise<RpcService[]> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(path);
    const parts: Uint8Array[] = [];
    let total = 0;
    const finish = (services: RpcService[]) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(services);
    };
    const timer = setTimeout(finish, deadlineMs, []);
    socket.on("error", () => finish([]));
    socket.on("close", () => finish([]));
    socket.on("data", (part) => {
      parts.push(part);
      total += part.length;
      try {
        const record = takeRecord(joined(parts, total));
        if (record !== undefined) finish(decodeRpcbindDump(record));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        finish([]);
      }
    });
    socket.write(rpcbindDumpCall());
  });
}
