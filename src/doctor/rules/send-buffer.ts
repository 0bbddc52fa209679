/** Senders that are held up by their send buffer. */
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { limitedBetween, limitedSenders } from "../twice.ts";
import { counted } from "../words.ts";

/** See {@link rule}. */
export const sendBuffer = rule({
  id: "send-buffer",
  title: "A sender is limited by its send buffer",
  severity: "info",
  reads: ["TCP connections: tcpi_sndbuf_limited and tcpi_busy_time as differences, SK_MEMINFO"],
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
    "Everything that fits into the send buffer is in flight, and the program has to wait for acknowledgements before it can write more. " +
    "A path needs a buffer of at least twice its bandwidth times its round trip time.",
  advice: [
    {
      text: "See buffer (tb in skmem), round trip time and rate",
      command: "ss -tnmi dst ADDRESS dport = :PORT",
    },
    { text: "See how far the kernel may grow send buffers by itself", command: "sysctl net.ipv4.tcp_wmem" },
    {
      text: "Raise that limit (bytes: least, initial, most), and let the program not set SO_SNDBUF, which ends the growing",
      command: "sysctl -w net.ipv4.tcp_wmem='4096 16384 16777216'",
    },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    details: { info: true, memory: true },
    collect: () => limitedSenders("sndbufLimited"),
    again: (gathered) => gathered,
  },
  check(samples) {
    const limited = limitedBetween(samples, "sndbufLimited", samples.thresholds);
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
        title: `${who} waits for its send buffer ${percent}% of the time: ${counted(own.length, "connection")}, ${bytesText(waiting)} in flight`,
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
