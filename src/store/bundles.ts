/**
 * Connections that ended: a row each, and beyond so many in ten seconds counted together by process, peer and the
 * server's port.
 */
import type { Bundle, CoverageKind, EndedConnection } from "./facts.ts";

/** What takes the rows: see Store. */
export interface ConnectionRows {
  connection(ended: EndedConnection): void;
  bundle(bundle: Bundle): void;
  cover(kind: CoverageKind, fromMs: number, untilMs: number, count?: number, detail?: string): void;
}

/** How long connections are counted together. */
export const BUNDLE_MS = 10_000;
/** Bundles at most: beyond them peers are not told apart. */
const BUNDLES_LIMIT = 10_000;

type Filling = { -readonly [Key in keyof Bundle]: Bundle[Key] } & { readonly only: EndedConnection };

/** Divides connections into rows and bundles. */
export class ConnectionIntake {
  readonly #rows: ConnectionRows;
  readonly #limit: number;
  readonly #bundles = new Map<string, Filling>();
  #written = 0;
  #bundled = 0;
  #sinceMs = 0;

  /** @param rate connections a second that have a row each, on average of ten seconds */
  constructor(rows: ConnectionRows, rate: number) {
    this.#rows = rows;
    this.#limit = (rate * BUNDLE_MS) / 1000;
  }

  /** Takes a connection. @param serverPort the port of the end that listened */
  add(ended: EndedConnection, serverPort: number): void {
    if (this.#written < this.#limit) {
      this.#written++;
      this.#rows.connection(ended);
      return;
    }
    if (this.#bundled++ === 0) this.#sinceMs = ended.closedMs;
    const { protocol, place, peer, process } = ended;
    const name = `${protocol} ${place} ${process ?? ""} ${serverPort} `;
    let key = name + peer.join(".");
    let bundle = this.#bundles.get(key);
    if (bundle === undefined) {
      const isFull = this.#bundles.size >= BUNDLES_LIMIT;
      if (isFull) key = name;
      bundle = this.#bundles.get(key) ?? newBundle(ended, serverPort, isFull ? undefined : peer.slice());
      this.#bundles.set(key, bundle);
    }
    bundle.fromMs = Math.min(bundle.fromMs, ended.closedMs);
    bundle.untilMs = Math.max(bundle.untilMs, ended.closedMs);
    bundle.connections++;
    if (ended.reason !== undefined) bundle.failed++;
    if (ended.openedMs !== undefined) bundle.durationMs += Math.max(0, ended.closedMs - ended.openedMs);
    bundle.bytesSent += ended.bytesSent ?? 0;
    bundle.bytesReceived += ended.bytesReceived ?? 0;
    bundle.segmentsSent += ended.segmentsSent ?? 0;
    bundle.segmentsReceived += ended.segmentsReceived ?? 0;
    bundle.retransmits += ended.retransmits ?? 0;
  }

  /** Writes the bundles, and begins again. A bundle of one connection is a row. @param nowMs milliseconds since 1970 */
  end(nowMs: number): void {
    let bundled = 0;
    for (const bundle of this.#bundles.values()) {
      if (bundle.connections === 1) this.#rows.connection(bundle.only);
      else {
        this.#rows.bundle(bundle);
        bundled += bundle.connections;
      }
    }
    if (bundled > 0)
      this.#rows.cover("bundled", this.#sinceMs, nowMs, bundled, "connections counted together");
    this.#bundles.clear();
    this.#written = 0;
    this.#bundled = 0;
  }
}

function newBundle(ended: EndedConnection, serverPort: number, peer: Uint8Array | undefined): Filling {
  const { closedMs, protocol, place, process } = ended;
  return {
    // The addresses are valid during the call only.
    only: { ...ended, local: ended.local.slice(), peer: ended.peer.slice() },
    fromMs: closedMs,
    untilMs: closedMs,
    protocol,
    place,
    peer,
    serverPort,
    process,
    connections: 0,
    failed: 0,
    durationMs: 0,
    bytesSent: 0,
    bytesReceived: 0,
    segmentsSent: 0,
    segmentsReceived: 0,
    retransmits: 0,
  };
}
