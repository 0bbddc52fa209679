/** Connections that are in both samples, and their changes in between. */
import type { InetSocket } from "../families/inet/socket.ts";
import { type Connection, connectionOf, infoOf, type LimitedTime, shareBetween } from "./connection.ts";
import type { Samples } from "./sample.ts";

/** A connection in two samples. */
export interface PairedSample {
  readonly before: InetSocket;
  readonly socket: InetSocket;
  /** Its numbers in the second sample, with those of the first as `earlier`. */
  readonly connection: Connection;
}

const US_PER_MS = 1000;

/** The connections that are in both samples; none if there is only one. */
export function pairedSamples({
  first,
  last,
  elapsedMs,
}: Samples<readonly InetSocket[], string>): PairedSample[] {
  if (elapsedMs === 0) return [];
  const earlier = new Map(first.gathered.map((socket) => [socket.cookie, socket]));
  return last.gathered.flatMap((socket) => {
    const before = earlier.get(socket.cookie);
    return before === undefined
      ? []
      : { before, socket, connection: connectionOf(socket, infoOf(before) ?? {}) };
  });
}

/** The share of the time between the samples with unacknowledged data, in percent. */
export function busyPercent({ connection }: PairedSample, elapsedMs: number): number {
  const { info, earlier } = connection;
  const busy = (info.busyTime ?? 0) - (earlier?.busyTime ?? 0);
  return Math.min(100, (busy / US_PER_MS / elapsedMs) * 100);
}

/** A connection that waited for something. */
export interface Limited extends PairedSample {
  /** How much of its time with data to send it waited, in percent. */
  readonly percent: number;
}

/** The connections that had data to send for at least `leastBusyPercent` of the time between the samples. */
export function busyBetween(
  samples: Samples<readonly InetSocket[], string>,
  time: LimitedTime,
  leastBusyPercent: number,
): Limited[] {
  return pairedSamples(samples)
    .filter((each) => busyPercent(each, samples.elapsedMs) >= leastBusyPercent)
    .map((each) => ({ ...each, percent: (shareBetween(each.connection, time) ?? 0) * 100 }));
}
