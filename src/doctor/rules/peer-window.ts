/** Senders that wait for the peer's receive window. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { busyBetween } from "../paired-samples.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** Finds senders that wait for the peer's receive window most of the time, by two samples. */
export const peerWindow = rule({
  id: "peer-window",
  title: "A sender is limited by the peer's window",
  severity: "info",
  reads: ["TCP connections: tcpi_rwnd_limited and tcpi_busy_time as differences"],
  thresholds: {
    busy: {
      value: 50,
      quantity: "percent",
      doc: "of the time between the samples with data to send: a connection that is mostly quiet does not wait",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of that time spent waiting for the window: below half, something else limits the connection more",
    },
  },
  why:
    "No more data can be in flight than the peer's receive buffer has room for, so the connection carries one window each round trip. " +
    "Either its program reads slowly, or its buffer is too small for the bandwidth and the round trip time.",
  advice: [
    {
      text: "Read the window (snd_wnd) and the round trip time",
      command: "ss -tni dst ADDRESS dport = :PORT",
    },
    {
      text: "On the peer, check whether its program lags behind (Recv-Q)",
      command: "ss -tnm sport = :PORT",
      scope: "host",
    },
    {
      text: "On the peer, check how far receive buffers may grow",
      command: "sysctl net.ipv4.tcp_rmem",
      scope: "host",
    },
  ],
  rate: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    statesAtRest: 0,
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
        subject: address,
        title: `${plural(sockets.length, "connection")} to ${address} ${sockets.length === 1 ? "waits" : "wait"} for the peer's window for up to ${percent}% of the time with data to send: ${bytesText(bytes)} are in flight or wait`,
        sockets,
        values: { address, connections: sockets.length, percent, bytes },
        fill: { ADDRESS: address, PORT: sockets[0]!.dport },
      };
    });
  },
});
