/**
 * Bounds how many connections clients keep open. The runtime neither counts them nor limits them, but they are
 * descriptors of this process: what is beyond the limit and has no request is shut down. A connection on which nothing
 * was sent is none yet: the runtime's listeners have TCP_DEFER_ACCEPT, so it waits in the kernel, in a queue of 512.
 */
import { readdirSync } from "node:fs";
import { libc } from "#libc";
import { addressText } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";

/** Connections at most. Requests and streams together are fewer, and every browser has six. */
export const MOST_CONNECTIONS = 512;
/** Milliseconds between two looks at the descriptors. */
const BEAT_MS = 1000;

const DESCRIPTORS = "/proc/self/fd";
const SHUT_RDWR = 2;
/** Bytes of struct sockaddr_in6, and where the fields of both structs are. */
const ADDRESS_SIZE = 28;
const PORT = 2;
const IPV4 = 4;
const IPV6 = 8;
/** Buffers of at most 64 bytes may move, see Libc.address. */
const ROOM = 128;

/** A connection of a client. */
interface Connection {
  readonly fd: number;
  /** The client, as {@link clientName} names it. */
  readonly client: string;
}

/** Names a client, by its address and port. */
export function clientName({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address} ${port}`;
}

/** Milliseconds that an answer may take to be sent once it was made. */
const SENDING_MS = 20_000;

/** Clients from which on those are forgotten whose answers have been sent. */
const MOST_NAMES = 1024;

/** The clients whose requests are being answered. */
export class BusyClients {
  /** How many answers are being made for each, and until when others may be on their way. */
  readonly #clients = new Map<string, { count: number; untilMs: number }>();

  /** Notes that an answer is being made. @returns a function that says that it was made */
  begin(client: string): () => void {
    const known = this.#clients.get(client) ?? { count: 0, untilMs: 0 };
    known.count++;
    this.#clients.set(client, known);
    return () => {
      known.count--;
      known.untilMs = performance.now() + SENDING_MS;
      if (this.#clients.size > MOST_NAMES) this.#forget();
    };
  }

  #forget(): void {
    const nowMs = performance.now();
    for (const [name, { count, untilMs }] of this.#clients)
      if (count === 0 && untilMs <= nowMs) this.#clients.delete(name);
  }

  /** Whether an answer is being made or sent. */
  has(client: string): boolean {
    const known = this.#clients.get(client);
    return known !== undefined && (known.count > 0 || known.untilMs > performance.now());
  }
}

const room = new Uint8Array(ROOM);
const view = new DataView(room.buffer);

/** The port and address in the room; undefined if it has no IP address. */
function endInRoom(): { readonly address: string; readonly port: number } | undefined {
  const family = view.getUint16(0, true);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const address = addressText(view, family === AF_INET ? IPV4 : IPV6, family);
  return { address, port: view.getUint16(PORT) };
}

/** The connections to a port of ours. */
export function connectionsTo(port: number): Connection[] {
  const bytes = room.subarray(0, ADDRESS_SIZE);
  return readdirSync(DESCRIPTORS).flatMap((name) => {
    const fd = Number(name);
    if (libc.getsockname(fd, bytes) < 0 || endInRoom()?.port !== port) return [];
    // A listener has no peer.
    if (libc.getpeername(fd, bytes) < 0) return [];
    const end = endInRoom();
    return end === undefined ? [] : [{ fd, client: clientName(end) }];
  });
}

/** What a bound works with. */
export interface BoundOptions {
  readonly port: number;
  /** How many connections may be open. */
  readonly most: number;
  /** Whether a client's request is being answered. */
  isBusy(client: string): boolean;
  /** Closes the connections that wait for their next request. */
  closeIdle(): void;
}

/** Closes connections beyond the limit, those without a request first that have been open for longest. */
export function closeSurplus({ port, most, isBusy, closeIdle }: BoundOptions): void {
  if (connectionsTo(port).length <= most) return;
  closeIdle();
  const left = connectionsTo(port);
  let surplus = left.length - most;
  // Low descriptors are old: the kernel gives out the lowest that is free.
  for (const { fd, client } of left.sort((a, b) => a.fd - b.fd)) {
    if (surplus <= 0) return;
    if (isBusy(client)) continue;
    libc.shutdown(fd, SHUT_RDWR);
    surplus--;
  }
}

/** Keeps the number of connections bounded. @returns a function that ends it */
export function boundConnections(options: BoundOptions): () => void {
  const timer = setInterval(() => {
    // Names of descriptors cost less than their addresses.
    if (readdirSync(DESCRIPTORS).length > options.most) closeSurplus(options);
  }, BEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
