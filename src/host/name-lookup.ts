/**
 * Look-ups of host names through the C library, so that every module of nsswitch.conf(5) counts: the hosts file, DNS,
 * systemd-resolved, mDNS. They block, so they run on threads of their own: see `name-threads`.
 */
import { libc } from "#libc";
import { decodeBytes, encodeBytes } from "../bytes/text.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";

/** A question for a thread. */
export type LookUp =
  | {
      readonly what: "name";
      /** 4 or 16 bytes. */
      readonly address: Uint8Array;
    }
  | { readonly what: "addresses"; readonly name: string; readonly family: number };

/** The answer to a {@link LookUp}: a name, or addresses of 4 or 16 bytes. */
export type LookUpAnswer = string | undefined | readonly Uint8Array[];

/** NI_NAMEREQD: no name is an error. netdb.h. */
const NI_NAMEREQD = 8;
/** NI_MAXHOST. netdb.h. */
const NAME_BYTES = 1025;

/** Struct sockaddr_in and sockaddr_in6: their sizes, and the offset of the address. netinet/in.h. */
const socketAddresses = {
  4: { family: AF_INET, size: 16, offset: 4 },
  16: { family: AF_INET6, size: 28, offset: 8 },
} as const;

/** Struct hostent of a 64-bit machine: h_length and h_addr_list. netdb.h. */
const HOSTENT = { length: 20, addressList: 24, size: 32 };
const POINTER_BYTES = 8;
const ERANGE = 34;
/** Entries of the hosts file with more addresses than fit into this are cut off. */
const LARGEST_STRINGS = 1 << 20;

/** The name of an address; undefined if it has none. getnameinfo(3). */
export function nameOfAddress(address: Uint8Array): string | undefined {
  const { family, size, offset } = socketAddresses[address.length as 4 | 16];
  const socketAddress = new Uint8Array(size);
  new DataView(socketAddress.buffer).setUint16(0, family, true);
  socketAddress.set(address, offset);
  const name = new Uint8Array(NAME_BYTES);
  if (libc.getnameinfo(socketAddress, name, NI_NAMEREQD) !== 0) return undefined;
  return decodeBytes(name.subarray(0, name.indexOf(0)));
}

/** The addresses of a name in one family; none if it has none. gethostbyname2_r(3). */
export function addressesOfName(name: string, family: number): Uint8Array[] {
  const word = Uint8Array.from([...encodeBytes(name), 0]);
  const entry = new Uint8Array(HOSTENT.size);
  for (let size = 2048; size <= LARGEST_STRINGS; size *= 2) {
    const strings = new Uint8Array(size);
    const error = libc.gethostbyname2(word, family, entry, strings);
    if (error === 0) return addressList(entry, strings);
    if (error !== ERANGE) break;
  }
  return [];
}

/** The addresses of a struct hostent, whose pointers point into `strings`. */
function addressList(entry: Uint8Array, strings: Uint8Array): Uint8Array[] {
  const base = libc.address(strings);
  const fields = new DataView(entry.buffer);
  const data = new DataView(strings.buffer);
  const length = fields.getInt32(HOSTENT.length, true);
  const within = (pointer: bigint) => Number(pointer - base);
  const found: Uint8Array[] = [];
  for (let at = within(fields.getBigUint64(HOSTENT.addressList, true)); ; at += POINTER_BYTES) {
    const pointer = data.getBigUint64(at, true);
    if (pointer === 0n) return found;
    found.push(strings.slice(within(pointer), within(pointer) + length));
  }
}

/** Answers a question. Waits for name servers. */
export function answerLookUp(question: LookUp): LookUpAnswer {
  return question.what === "name"
    ? nameOfAddress(question.address)
    : addressesOfName(question.name, question.family);
}
