/** Counters and histograms of all TCP connections of one kind. */
import type { TcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { directions, kindCount, scopes } from "./connection-kind.ts";
import { type Ending, endings } from "./ending.ts";
import { byteBounds, durationBounds, Histogram, ratioBounds, rttBounds } from "./histogram.ts";

/** The numbers of one kind of connections. */
export class KindCounters {
  /** Label values: direction and scope. */
  readonly labels: readonly [direction: string, scope: string];
  opened = 0;
  /** Connections that ended, in the order of {@link endings}. */
  readonly closed = new Float64Array(endings.length);
  /** Bytes that peers acknowledged. */
  sent = 0;
  /** Bytes received. */
  received = 0;
  /** Segments sent again. */
  retransmitted = 0;
  /** Bytes sent again by connections that ended. */
  retransmittedBytes = 0;
  /** Distributions over the connections that ended. */
  readonly ended = {
    duration: new Histogram(durationBounds),
    rtt: new Histogram(rttBounds),
    sent: new Histogram(byteBounds),
    received: new Histogram(byteBounds),
    retransmitted: new Histogram(ratioBounds),
  };

  constructor(labels: readonly [direction: string, scope: string]) {
    this.labels = labels;
  }

  /** Counts a connection that ended, with its last counters. */
  end(ending: Ending, durationMs: number | undefined, info: TcpInfo | undefined): void {
    const { ended } = this;
    this.closed[endings.indexOf(ending)]!++;
    if (durationMs !== undefined) ended.duration.observe(durationMs / 1000);
    if (info === undefined) return;
    const { rtt = 0 } = info;
    // 0 is not measured.
    if (rtt > 0) ended.rtt.observe(rtt / 1e6);
    ended.sent.observe(info.bytesAcked ?? Number.NaN);
    ended.received.observe(info.bytesReceived ?? Number.NaN);
    ended.retransmitted.observe(retransmittedShare(info));
    this.retransmittedBytes += info.bytesRetrans ?? 0;
  }
}

/** The share of the bytes that were sent again; of the segments, before Linux 4.19. NaN if nothing was sent. */
export function retransmittedShare(info: TcpInfo): number {
  const { bytesSent, bytesRetrans, segsOut = 0, totalRetrans = 0 } = info;
  if (bytesSent !== undefined && bytesRetrans !== undefined)
    return bytesSent > 0 ? bytesRetrans / bytesSent : Number.NaN;
  return segsOut > 0 ? totalRetrans / segsOut : Number.NaN;
}

/** The counters of every kind, by its number. */
export function newKinds(): readonly KindCounters[] {
  return Array.from({ length: kindCount }, (_, number) => {
    const direction = directions[Math.floor(number / scopes.length)]!;
    return new KindCounters([direction, scopes[number % scopes.length]!]);
  });
}
