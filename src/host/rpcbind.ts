/**
 * The RPC services that rpcbind has registered, asked for as the C library asks: over its UNIX socket.
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

/** The id of the call: there is one on a connection. */
const XID = 1;

/** A record is made of fragments, each after a word: its length, and whether it is the last. RFC 5531, 11. */
const LAST_FRAGMENT = 0x8000_0000;
const MARK_BYTES = 4;

/** An answer that is longer than this is none. A service takes about 60 bytes. */
const RECORD_LIMIT = 1 << 20;

/** The call that asks for all services, as a record. */
export function rpcbindDumpCall(): Uint8Array {
  const words = [XID, CALL, RPC_VERSION, RPCBPROG, RPCBVERS4, RPCBPROC_DUMP];
  // Neither credentials nor a verifier: of each the flavour and the length.
  words.push(AUTH_NONE, 0, AUTH_NONE, 0);
  const call = new DataView(new ArrayBuffer(MARK_BYTES + words.length * 4));
  call.setUint32(0, LAST_FRAGMENT + words.length * 4);
  for (const [index, word] of words.entries()) call.setUint32(MARK_BYTES + index * 4, word);
  return new Uint8Array(call.buffer);
}

/**
 * Takes a record out of what has been received so far.
 *
 * @returns undefined if its end has not come yet
 * @throws DecodeError if it would be too long
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

/** Reads XDR from the start of a message on. Each of its methods throws DecodeError at the end of the message. */
class XdrReader {
  readonly #data: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Goes past `count` bytes. @returns where they begin */
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

  /** Opaque bytes or a string: a length, then as many bytes, filled up to a whole word. */
  text(): string {
    const { buffer, byteOffset } = this.#data;
    const length = this.u32();
    const at = this.#take(length + (-length & 3));
    return decoder.decode(new Uint8Array(buffer, byteOffset + at, length));
  }

  /** A word that can be this one only. */
  expect(word: number, what: string): void {
    const at = this.#at;
    const found = this.u32();
    if (found !== word) throw new DecodeError("rpc reply", at, `${what} is ${found}, not ${word}`);
  }
}

// A byte order mark is text like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads the answer to {@link rpcbindDumpCall}. @throws DecodeError if it is none, or rpcbind did not do it */
export function decodeRpcbindDump(record: Uint8Array): RpcService[] {
  const reader = new XdrReader(record);
  reader.expect(XID, "xid");
  reader.expect(REPLY, "mtype");
  reader.expect(MSG_ACCEPTED, "reply_stat");
  reader.u32();
  // The verifier proves nothing to us, whatever it is.
  reader.text();
  reader.expect(SUCCESS, "accept_stat");
  const services: RpcService[] = [];
  // A list: before each service 1, and 0 at the end. RFC 1833, 2.1, rpcblist_ptr.
  while (reader.u32() !== 0) {
    const [program, version] = [reader.u32(), reader.u32()];
    const [netid, address] = [reader.text(), reader.text()];
    // Whose it is.
    reader.text();
    services.push({ program, version, netid, address });
  }
  return services;
}

/**
 * Asks rpcbind for all services.
 *
 * @param path of its socket
 * @param deadlineMs how long it may take, in milliseconds
 * @returns nothing if nobody answers, or in time, or what is no answer
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
