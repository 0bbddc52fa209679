/** Encodes answers of rpcbind for tests. RFC 1833, RFC 5531, RFC 4506. */
import type { RpcService } from "../src/host/host.ts";

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([word(bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** The reply to RPCBPROC_DUMP with these services. */
export function dumpReply(services: readonly RpcService[]): Buffer {
  // xid 1, a reply, accepted, an empty verifier, success.
  const head = [1, 1, 0, 0, 0, 0].map(word);
  const list = services.flatMap(({ program, version, netid, address }) => [
    word(1),
    word(program),
    word(version),
    text(netid),
    text(address),
    text("superuser"),
  ]);
  return Buffer.concat([...head, ...list, word(0)]);
}

/** A message as a record of fragments that end at these offsets, and at its end. */
export function recordOf(message: Uint8Array, ends: readonly number[] = []): Buffer {
  const places = [...ends.filter((end) => end < message.length), message.length].sort((a, b) => a - b);
  const fragments = places.flatMap((end, index) => {
    const fragment = message.subarray(places[index - 1] ?? 0, end);
    const last = index === places.length - 1 ? 0x8000_0000 : 0;
    return [word(last + fragment.length), fragment];
  });
  return Buffer.concat(fragments);
}
