/** The rules of the doctor, one file each. */

import type { Rule } from "../rule.ts";
import { acceptQueue } from "./accept-queue.ts";
import { applicationLimited } from "./application-limited.ts";
import { bufferbloat } from "./bufferbloat.ts";
import { closeWait } from "./close-wait.ts";
import { connectTimeouts } from "./connect-timeouts.ts";
import { conntrack } from "./conntrack.ts";
import { deadPeer } from "./dead-peer.ts";
import { deletedExecutable } from "./deleted-executable.ts";
import { descriptors } from "./descriptors.ts";
import { ephemeralPorts } from "./ephemeral-ports.ts";
import { exposedPort } from "./exposed-port.ts";
import { finWait2 } from "./fin-wait-2.ts";
import { keepalive } from "./keepalive.ts";
import { loopbackOnly } from "./loopback-only.ts";
import { mptcpFallback } from "./mptcp-fallback.ts";
import { netlinkOverrun } from "./netlink-overrun.ts";
import { newListener } from "./new-listener.ts";
import { newPeer } from "./new-peer.ts";
import { notAccepting } from "./not-accepting.ts";
import { orphans } from "./orphans.ts";
import { pathMtu } from "./path-mtu.ts";
import { peerNotReading } from "./peer-not-reading.ts";
import { peerShare } from "./peer-share.ts";
import { peerWindow } from "./peer-window.ts";
import { receiverNotReading } from "./receiver-not-reading.ts";
import { refusedConnects } from "./refused-connects.ts";
import { retransmissions } from "./retransmissions.ts";
import { sendBuffer } from "./send-buffer.ts";
import { stoppedProcess } from "./stopped-process.ts";
import { synFlood } from "./syn-flood.ts";
import { synSent } from "./syn-sent.ts";
import { tcpMemory } from "./tcp-memory.ts";
import { timeWait } from "./time-wait.ts";
import { udpDrops } from "./udp-drops.ts";
import { unixBacklog } from "./unix-backlog.ts";
import { unseen } from "./unseen.ts";
import { windowScaling } from "./window-scaling.ts";

/** Every rule, in the order of `--list-rules`. */
export const rules: readonly Rule[] = [
  acceptQueue,
  notAccepting,
  stoppedProcess,
  unixBacklog,
  synFlood,
  peerShare,
  closeWait,
  finWait2,
  orphans,
  timeWait,
  ephemeralPorts,
  synSent,
  connectTimeouts,
  refusedConnects,
  loopbackOnly,
  exposedPort,
  deletedExecutable,
  udpDrops,
  netlinkOverrun,
  mptcpFallback,
  deadPeer,
  pathMtu,
  receiverNotReading,
  peerNotReading,
  retransmissions,
  bufferbloat,
  sendBuffer,
  peerWindow,
  windowScaling,
  applicationLimited,
  keepalive,
  conntrack,
  tcpMemory,
  descriptors,
  newListener,
  newPeer,
  unseen,
];
