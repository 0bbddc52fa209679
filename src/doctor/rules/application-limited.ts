/** Bulk senders that could send more if their program wrote faster. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED } from "../../model/state.ts";
import { rateText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byProcess, pidFill } from "../owner.ts";
import { busyPercent, type PairedSample, pairedSamples } from "../paired-samples.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

const MS_PER_S = 1000;
/** A connection that has not sent for longer is no bulk transfer, in milliseconds. */
const RECENT_MS = 1000;

function bytesPerSecond({ connection: { info, earlier } }: PairedSample, elapsedMs: number): number {
  return (((info.bytesSent ?? 0) - (earlier?.bytesSent ?? 0)) * MS_PER_S) / elapsedMs;
}

/** Finds bulk senders that have nothing to send most of the time, by two samples. */
export const applicationLimited = rule({
  id: "application-limited",
  title: "A bulk sender is limited by its program",
  severity: "info",
  reads: [
    "TCP connections: tcpi_bytes_sent and tcpi_busy_time as differences, tcpi_delivery_rate_app_limited",
  ],
  thresholds: {
    rate: {
      value: 16 * 2 ** 20,
      quantity: "size",
      doc: "bytes per second for a bulk transfer: slower ones are often as fast as they are meant to be, such as a video",
    },
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time with data to send at most: above it, the network takes most of the time",
    },
  },
  why:
    "The network could carry more: most of the time nothing waits to be sent. " +
    "The transfer takes as long as the program takes to read, compute or encrypt what it sends, unless it limits its rate on purpose.",
  advice: [
    {
      text: "Check whether the program is busy with a processor or a disk",
      command: "pidstat -dru -p PID 1",
      scope: "host",
    },
    { text: "Find where it spends its time", command: "perf top -p PID", scope: "host" },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: 1 << SS_ESTABLISHED,
    demands: ["info"],
    collect: ({ rate }) =>
      suspects<InetSocket>((socket) => {
        const info = infoOf(socket);
        return (
          info !== undefined &&
          (info.bytesSent ?? 0) >= rate &&
          (info.lastDataSent ?? RECENT_MS) < RECENT_MS &&
          info.deliveryRateAppLimited === 1
        );
      }),
    again: (gathered) => gathered,
    inodes: inodesOf,
  },
  check(samples) {
    const { elapsedMs, thresholds } = samples;
    const limited = new Map(
      pairedSamples(samples)
        .filter(
          (each) =>
            each.connection.info.deliveryRateAppLimited === 1 &&
            bytesPerSecond(each, elapsedMs) >= thresholds.rate &&
            busyPercent(each, elapsedMs) < thresholds.busy,
        )
        .map((each) => [each.socket, each]),
    );
    return byProcess([...limited.keys()], samples).map(({ pid, who, sockets }) => {
      const own = sockets.map((socket) => limited.get(socket)!);
      const rate = Math.round(own.reduce((sum, each) => sum + bytesPerSecond(each, elapsedMs), 0));
      const busy = Math.round(Math.max(...own.map((each) => busyPercent(each, elapsedMs))));
      const idle = busy === 0 ? "all the time" : `for at least ${100 - busy}% of the time`;
      return {
        severity: "info",
        subject: pid === undefined ? "" : `pid ${pid}`,
        title: `${who} sends ${rateText(rate)} over ${plural(sockets.length, "connection")} that could carry more: nothing waits to be sent ${idle}`,
        sockets: own
          .toSorted((a, b) => bytesPerSecond(b, elapsedMs) - bytesPerSecond(a, elapsedMs))
          .map(({ socket }) => socket),
        values: { connections: sockets.length, rateBytesPerSecond: rate, busyPercent: busy },
        fill: pidFill(pid),
      };
    });
  },
});
