/** Senders that could send more if their program wrote faster. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED } from "../../model/state.ts";
import { rateText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { busyPercent, type Twice, twice } from "../twice.ts";
import { counted } from "../words.ts";

const MS_PER_S = 1000;
/** One that has not sent for longer is no bulk transfer, in milliseconds. */
const RECENT_MS = 1000;

function bytesPerSecond({ connection: { info, earlier } }: Twice, elapsedMs: number): number {
  return (((info.bytesSent ?? 0) - (earlier?.bytesSent ?? 0)) * MS_PER_S) / elapsedMs;
}

/** See {@link rule}. */
export const applicationLimited = rule({
  id: "application-limited",
  title: "A bulk sender is limited by its program",
  severity: "info",
  reads: [
    "TCP connections: tcpi_bytes_sent and tcpi_busy_time as differences, tcpi_delivery_rate_app_limited",
  ],
  thresholds: {
    rate: {
      value: 2 ** 20,
      quantity: "size",
      doc: "bytes a second that make a bulk transfer: with less, most programs have no more to send",
    },
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time with data to send at most: with more, the network is what takes the time",
    },
  },
  why:
    "The network would carry more: most of the time nothing waits to be sent. " +
    "The transfer takes as long as the program takes to read, compute or encrypt what it sends.",
  advice: [
    {
      text: "See what the program does meanwhile: one processor, or a disk?",
      command: "pidstat -dru -p PID 1",
    },
    { text: "See where it spends its time", command: "perf top -p PID" },
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
  },
  check(samples) {
    const { elapsedMs, thresholds } = samples;
    const limited = twice(samples).filter(
      (each) =>
        each.connection.info.deliveryRateAppLimited === 1 &&
        bytesPerSecond(each, elapsedMs) >= thresholds.rate &&
        busyPercent(each, elapsedMs) < thresholds.busy,
    );
    if (limited.length === 0) return [];
    const rate = Math.round(limited.reduce((sum, each) => sum + bytesPerSecond(each, elapsedMs), 0));
    const busy = Math.round(Math.max(...limited.map((each) => busyPercent(each, elapsedMs))));
    return [
      {
        severity: "info",
        title: `${counted(limited.length, "connection")} with ${rateText(rate)} could carry more: nothing waits to be sent for ${100 - busy}% of the time or more`,
        sockets: limited
          .toSorted((a, b) => bytesPerSecond(b, elapsedMs) - bytesPerSecond(a, elapsedMs))
          .map(({ socket }) => socket),
        values: { connections: limited.length, rateBytesPerSecond: rate, busyPercent: busy },
      },
    ];
  },
});
