/** Senders that are held up by the peer's window. */
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { limitedBetween, limitedSenders } from "../twice.ts";
import { counted } from "../words.ts";

/** See {@link rule}. */
export const peerWindow = rule({
  id: "peer-window",
  title: "A sender is limited by the peer's window",
  severity: "info",
  reads: ["TCP connections: tcpi_rwnd_limited and tcpi_busy_time as differences"],
  thresholds: {
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time between the samples with data to send: a connection that is mostly quiet is not held up",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of that time spent waiting for it: with less, something else holds the connection up more",
    },
  },
  why:
    "The peer lets no more be in flight than its receive buffer has room for, so that the connection carries a window each round trip and not more. " +
    "Either its program reads slowly, or its buffer is small for the bandwidth and the round trip time.",
  advice: [
    {
      text: "See the window (snd_wnd) and the round trip time",
      command: "ss -tni dst ADDRESS dport = :PORT",
    },
    { text: "On the peer, see whether its program lags behind (Recv-Q)", command: "ss -tnm sport = :PORT" },
    { text: "On the peer, see how far receive buffers may grow", command: "sysctl net.ipv4.tcp_rmem" },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    details: { info: true },
    collect: () => limitedSenders("rwndLimited"),
    again: (gathered) => gathered,
  },
  check(samples) {
    const limited = limitedBetween(samples, "rwndLimited", samples.thresholds);
    const groups = byProcess(
      limited.map(({ socket }) => socket),
      samples,
    );
    return groups.map(({ who, pid, sockets }) => {
      const own = limited.filter(({ socket }) => sockets.includes(socket));
      const [worst] = own;
      const waiting = own.reduce((sum, { socket }) => sum + socket.wqueue, 0);
      const percent = Math.round(worst!.percent);
      return {
        severity: "info",
        title: `${who} waits for the window of a peer ${percent}% of the time: ${counted(own.length, "connection")}, ${bytesText(waiting)} wait or are in flight`,
        sockets,
        values: { connections: own.length, percent, waitingBytes: waiting },
        fill: {
          ADDRESS: worst!.socket.dst,
          PORT: worst!.socket.dport,
          ...(pid === undefined ? {} : { PID: pid }),
        },
      };
    });
  },
});
