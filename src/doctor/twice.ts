/** Connections that were looked at twice. */
import type { InetSocket } from "../families/inet/socket.ts";
import { type Connection, connectionOf, infoOf, type LimitedTime, shareBetween } from "./connection.ts";
import type { Samples } from "./sample.ts";

/** A connection in two samples. */
export interface Twice {
  readonly before: InetSocket;
  readonly socket: InetSocket;
  /** Its numbers now, and before. */
  readonly connection: Connection;
}

const US_PER_MS = 1000;

/** The connections that are in both samples; none if there is only one. */
export function twice({ first, last, elapsedMs }: Samples<readonly InetSocket[], string>): Twice[] {
  if (elapsedMs === 0) return [];
  const earlier = new Map(first.gathered.map((socket) => [socket.cookie, socket]));
  return last.gathered.flatMap((socket) => {
    const before = earlier.get(socket.cookie);
    return before === undefined
      ? []
      : { before, socket, connection: connectionOf(socket, infoOf(before) ?? {}) };
  });
}

/** The share, in percent, of the time between the samples that a connection had data to send. */
export function busyPercent({ connection }: Twice, elapsedMs: number): number {
  const { info, earlier } = connection;
  const busy = (info.busyTime ?? 0) - (earlier?.busyTime ?? 0);
  return Math.min(100, (busy / US_PER_MS / elapsedMs) * 100);
}

/** A connection that a limit has held up. */
export interface Limited extends Twice {
  /** Share of the time with data to send that it took, in percent. */
  readonly percent: number;
}

/** The connections that had data to send for most of the time between two samples, and how much of that a limit took. */
export function busyBetween(
  samples: Samples<readonly InetSocket[], string>,
  time: LimitedTime,
  leastBusyPercent: number,
): Limited[] {
  return twice(samples)
    .filter((each) => busyPercent(each, samples.elapsedMs) >= leastBusyPercent)
    .map((each) => ({ ...each, percent: (shareBetween(each.connection, time) ?? 0) * 100 }));
}
