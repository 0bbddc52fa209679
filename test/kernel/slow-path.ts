/**
 * Paths with delay, a slow link and loss, in the network namespace that this process is in: a TUN device whose packets
 * come back after a while, as if the other address of its network had sent them. Swapping the addresses of a packet
 * leaves every checksum right. linux/if_tun.h.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { libc } from "#libc";

const DEVICE = "/dev/net/tun";
const TUNSETIFF = 0x4004_54ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFREQ = { flags: 16, size: 40 };
/** Of an IPv4 header. */
const ADDRESSES = { source: 12, destination: 16, end: 20 };
const MTU = 1500;

/** What becomes of packets. */
export interface Path {
  /** How long each is on its way, in either direction. */
  readonly delayMs: number;
  /** What the slowest link carries; without it, everything. Before it is a queue without end. */
  readonly bytesPerSecond?: number;
  /** The share that is lost, by chance. */
  readonly loss?: number;
}

/** Why no such path can be made, if that is so. */
export function pathObstacle(): string | undefined {
  try {
    closeSync(openSync(DEVICE, constants.O_RDWR));
    return undefined;
  } catch {
    return `${DEVICE} cannot be opened`;
  }
}

/** Swaps source and destination. */
function reflect(packet: Uint8Array): void {
  const source = packet.slice(ADDRESSES.source, ADDRESSES.destination);
  packet.copyWithin(ADDRESSES.source, ADDRESSES.destination, ADDRESSES.end);
  packet.set(source, ADDRESSES.destination);
}

let paths = 0;

/** Makes a path to address 2 of a network (`10.80.1`), where this host is 1 and 2. */
export function slowPath(network: string, { delayMs, bytesPerSecond, loss = 0 }: Path): void {
  const fd = openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  const name = `path${++paths}`;
  const ifreq = new Uint8Array(IFREQ.size);
  ifreq.set(Buffer.from(name));
  new DataView(ifreq.buffer).setUint16(IFREQ.flags, IFF_TUN | IFF_NO_PI, true);
  if (libc.ioctl(fd, TUNSETIFF, ifreq) < 0) throw new Error(`No TUN device ${name}`);
  const commands = [
    `ip address add ${network}.1/32 dev ${name}`,
    `ip link set ${name} mtu ${MTU} up`,
    `ip route add ${network}.2/32 dev ${name} src ${network}.1`,
  ];
  const { success } = Bun.spawnSync(["sh", "-c", commands.join(" && ")]);
  if (!success) throw new Error(`No path ${name}`);

  const buffer = new Uint8Array(MTU);
  const onTheWay: { readonly at: number; readonly packet: Uint8Array }[] = [];
  let linkFree = 0;
  setInterval(() => {
    const now = performance.now();
    for (;;) {
      let length = 0;
      try {
        length = readSync(fd, buffer);
      } catch {
        // Nothing more has come.
        break;
      }
      if (Math.random() < loss) continue;
      const packet = buffer.slice(0, length);
      reflect(packet);
      const begins = Math.max(now, linkFree);
      linkFree = begins + (bytesPerSecond === undefined ? 0 : (length * 1000) / bytesPerSecond);
      onTheWay.push({ at: linkFree + delayMs, packet });
    }
    while (onTheWay.length > 0 && onTheWay[0]!.at <= now) libc.write(fd, onTheWay.shift()!.packet);
  }, 1);
}
