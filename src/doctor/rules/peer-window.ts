/** Senders that are held up by the peer's window. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { busyBetween } from "../twice.ts";
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
    demands: ["info"],
    collect: () =>
      suspects<InetSocket>((socket) => socket.wqueue > 0 && (infoOf(socket)?.rwndLimited ?? 0) > 0),
    again: (gathered) => gathered,
  },
  check(samples) {
    const { busy, share } = samples.thresholds;
    const limited = busyBetween(samples, "rwndLimited", busy).filter(({ percent }) => percent >= share);
    return byPeer(limited.map(({ socket }) => socket)).map(({ address, sockets }) => {
      const own = limited.filter(({ socket }) => sockets.includes(socket));
      const percent = Math.round(Math.max(...own.map((each) => each.percent)));
      const bytes = bytesWaiting(sockets);
      return {
        severity: "info",
        title: `The window of ${address} holds up ${counted(sockets.length, "connection")} for up to ${percent}% of the time with data to send: ${bytesText(bytes)} are in flight or wait`,
        sockets,
        values: { address, connections: sockets.length, percent, bytes },
        fill: { ADDRESS: address, PORT: sockets[0]!.dport },
      };
    });
  },
});
