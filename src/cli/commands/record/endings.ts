/** Turns events into rows of connections that ended. */
import type { SocketEvent } from "../../../events/event.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Netns } from "../../../host/namespaces.ts";
import { IPPROTO_TCP } from "../../../model/family.ts";
import type { ConnectionIntake } from "../../../store/bundles.ts";
import type { RecorderClock } from "../../../store/clock.ts";
import type { OwnerTracker } from "../../../store/owner-tracker.ts";
import type { Store } from "../../../store/store.ts";
import type { Monitor } from "./monitor.ts";
import type { Sampler } from "./sampler.ts";

/** Connections whose failure is remembered until they end. */
const REASONS_LIMIT = 10_000;

/** What endings are made with. */
export interface EndingsOptions {
  readonly store: Store;
  readonly intake: ConnectionIntake;
  readonly sampler: Sampler;
  readonly owners: OwnerTracker;
  readonly monitor: Monitor;
  readonly clock: RecorderClock;
  /** The number of a network namespace in the store; undefined is our own. */
  readonly placeOf: (netns: Netns | undefined) => number;
}

/** The tuple of a connection, to find why it ended. */
function tupleOf({ origin, src, dst, sport, dport }: InetSocket): string {
  return `${origin.netns?.inode ?? 0} ${origin.protocol} ${src} ${sport} ${dst} ${dport}`;
}

function addressBytes(socket: InetSocket, offset: number): Uint8Array {
  return new Uint8Array(socket.data.buffer, socket.data.byteOffset + offset, socket.addressLength);
}

/** Takes the events of a recorder. */
export class Endings {
  readonly #options: EndingsOptions;
  readonly #reasons = new Map<string, string>();

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** How many events were taken. */
  count = 0;
  /** Ends of TCP sockets since the last {@link noteLosses} whose peer nobody knows. */
  #peerless = 0;

  /** Notes which ends have no row because their peer is unknown. */
  noteLosses(): void {
    if (this.#peerless === 0) return;
    const { store, clock } = this.#options;
    const nowMs = clock.wallMs();
    store.cover("lost", nowMs, nowMs, this.#peerless, "ends without a peer");
    this.#peerless = 0;
  }

  take(event: SocketEvent): void {
    this.count++;
    const { kind, socket } = event;
    const { store, clock, owners, sampler } = this.#options;
    if (kind === "lost")
      store.cover("lost", event.timeMs, clock.wallMs(), event.count, `events of ${event.source}`);
    if (socket === undefined) return;
    // Read now what a process says of itself: it may be gone when its connection ends.
    const owner = event.owners?.[0];
    if (owner !== undefined) owners.process(owner);
    if (kind === "open" && owner !== undefined && owner.pid > 0) sampler.opened(owner);
    else if (kind === "failed") this.#remember(socket, event.failure?.reason ?? "failed");
    else if (kind === "reset") this.#remember(socket, "reset");
    else if (kind === "close") this.#end(event, socket);
  }

  #remember(socket: InetSocket, reason: string): void {
    const reasons = this.#reasons;
    const oldest = reasons.size < REASONS_LIMIT ? undefined : reasons.keys().next().value;
    if (oldest !== undefined) reasons.delete(oldest);
    reasons.set(tupleOf(socket), reason);
  }

  #end({ timeMs, durationMs, owners: found, netns, oldState }: SocketEvent, socket: InetSocket): void {
    const { sport, dport } = socket;
    // A socket that never had a peer is no connection. The kernel forgets the peer of a connection that is aborted, so
    // that it is known from the trace only.
    if (dport === 0) {
      if (oldState === undefined && sport !== 0 && socket.origin.protocol === IPPROTO_TCP) this.#peerless++;
      return;
    }
    const { intake, sampler, owners, monitor, placeOf } = this.#options;
    let reason: string | undefined;
    if (this.#reasons.size > 0) {
      const tuple = tupleOf(socket);
      reason = this.#reasons.get(tuple);
      this.#reasons.delete(tuple);
    }
    const info = socket.tcpInfo;
    const owner = found?.[0];
    const process = owner === undefined ? undefined : owners.process(owner);
    const place = placeOf(netns);
    monitor.ended(socket, process, place);
    const { protocol } = socket.origin;
    intake.add(
      {
        closedMs: timeMs,
        openedMs: durationMs === undefined ? undefined : timeMs - Math.max(0, durationMs),
        protocol,
        place,
        local: addressBytes(socket, socket.sourceOffset),
        localPort: sport,
        peer: addressBytes(socket, socket.destinationOffset),
        peerPort: dport,
        process,
        uid: socket.uid,
        reason,
        bytesSent: info?.bytesAcked,
        bytesReceived: info?.bytesReceived,
        segmentsSent: info?.segsOut,
        segmentsReceived: info?.segsIn,
        retransmits: info?.totalRetrans,
        rttUs: info?.rtt,
        minRttUs: info?.minRtt,
      },
      sampler.listens(place, protocol, sport) ? sport : dport,
    );
  }
}
