/** Connections on which full-size segments get lost and small ones do not. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, SS_FIN_WAIT_1, stateMask } from "../../model/state.ts";
import { bytesText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { pingPayload } from "../endpoint.ts";
import { mayBePathMtu } from "../path-mtu.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** Finds connections that stopped at their first full-size segments, as behind a path MTU black hole. */
export const pathMtu = rule({
  id: "path-mtu",
  title: "Full-size packets to a peer seem to get lost: a path MTU black hole",
  severity: "warning",
  reads: ["TCP connections: retransmission timer, Send-Q, tcpi_snd_mss, tcpi_bytes_acked, tcpi_pmtu"],
  thresholds: {
    retransmits: {
      value: 3,
      quantity: "count",
      doc: "retransmissions of a full-size segment in a row: with fewer, ordinary loss is as likely",
    },
  },
  why:
    "A link on the path takes smaller packets only, and the ICMP message that says so does not arrive: a firewall drops it, or a tunnel sends none. " +
    "Handshakes, logins and ping work, and the connection hangs at its first large transfer. A peer that died at that moment looks the same.",
  advice: [
    { text: "Check whether small packets pass", command: "ping -c 3 ADDRESS" },
    {
      text: "Check whether full-size packets pass; lower -s until they do; the path MTU is 28 more, 48 with IPv6",
      command: "ping -c 3 -M do -s PAYLOAD ADDRESS",
    },
    { text: "Find where the MTU drops", command: "tracepath -n ADDRESS" },
    {
      text: "Let TCP probe for the path MTU when it meets a black hole",
      command: "sysctl -w net.ipv4.tcp_mtu_probing=1",
    },
    { text: "Let firewalls on the path pass ICMP type 3 code 4 and ICMPv6 type 2, or clamp the MSS there" },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | (1 << SS_FIN_WAIT_1) | stateMask("close-wait")!,
    statesAtRest: 0,
    demands: ["info"],
    collect: ({ retransmits }) => suspects<InetSocket>((socket) => mayBePathMtu(socket, retransmits)),
  },
  check({ first }) {
    return byPeer(first.gathered).map(({ address, sockets }) => {
      const worst = sockets.toSorted((a, b) => b.retransmits - a.retransmits);
      const { sndMss = 0, pmtu = 0, bytesAcked = 0 } = infoOf(worst[0]!) ?? {};
      const bytes = bytesWaiting(sockets);
      return {
        severity: "warning",
        subject: address,
        title: `${plural(sockets.length, "connection")} to ${address} ${sockets.length === 1 ? "hangs" : "hang"} at a full-size segment: ${bytesText(bytes)} wait, after up to ${plural(worst[0]!.retransmits, "retransmission")}`,
        sockets: worst,
        evidence: [
          `Segments of ${bytesText(sndMss)} get no acknowledgement; ${bytesText(bytesAcked)} in smaller ones did. The path MTU is taken to be ${bytesText(pmtu)}`,
        ],
        values: { address, connections: sockets.length, bytes, mssBytes: sndMss, pmtuBytes: pmtu },
        fill: { ADDRESS: address, PAYLOAD: pingPayload(address, pmtu) },
      };
    });
  },
});
