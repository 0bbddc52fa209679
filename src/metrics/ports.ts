/** Local ports in use: how many, and to which destination most. */
import { ADDRESS_WORDS, writeAddress } from "../doctor/endpoint.ts";
import { Tally } from "../doctor/tally.ts";
import type { SocketTable } from "../live/table.ts";

const PORTS = 0x1_0000;

/** A set of port numbers. */
export class PortSet {
  readonly #has = new Uint8Array(PORTS);
  /** How many ports it has. */
  size = 0;

  add(port: number): void {
    if (this.#has[port] === 1) return;
    this.#has[port] = 1;
    this.size++;
  }

  clear(): void {
    this.#has.fill(0);
    this.size = 0;
  }
}

/** Counts connections from one local address to one address and port: they differ in their local ports only. */
export function busiestDestination() {
  const tally = new Tally(2 * ADDRESS_WORDS + 1);
  const { key } = tally;
  return {
    /** Connections of the destination that has most. */
    most: 0,
    add({ addresses, family, peerPort }: SocketTable, slot: number): void {
      writeAddress(key, 0, addresses, slot * 32, family[slot]!);
      writeAddress(key, ADDRESS_WORDS, addresses, slot * 32 + 16, family[slot]!);
      key[2 * ADDRESS_WORDS] = peerPort[slot]!;
      this.most = Math.max(this.most, tally.add());
    },
  };
}
