/** Details of TCP sockets that come from /proc: all on one line, and times in seconds. */
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import { writeIdentity } from "../../../table/cells.ts";
import { putForeign, type Style } from "../../../table/style.ts";
import { type ProcTcpDetails, USER_HZ } from "../proc-details.ts";
import type { InetSocket } from "../socket.ts";

const QUOTE = 0x22;
/** The retransmission timeout that ss takes for the kernel's initial one, and leaves out. */
const RTO_UNSET = 3 * USER_HZ;

const optionsLabel = ascii(' opt:"');
const rtoLabel = ascii(" rto:");
const atoLabel = ascii(" ato:");
const qackLabel = ascii(" qack:");
const bidirLabel = ascii(" bidir");
const cwndLabel = ascii(" cwnd:");
const ssthreshLabel = ascii(" ssthresh:");
const retransLabel = ascii(" retrans:");
/** /proc has neither the total of retransmissions nor the reordering, whose 0 is not the kernel's default. */
const retransEnd = ascii("/0");
const reorderingLabel = ascii(" reordering:0");

function writeSeconds(text: ByteWriter, label: Uint8Array, ticks: number): void {
  if (ticks <= 0) return;
  text.put(label);
  text.thousandths((ticks * 1000) / USER_HZ);
}

function writeSigned(text: ByteWriter, label: Uint8Array, value: number): void {
  if (value === 0) return;
  text.put(label);
  text.signed32(value);
}

function writeInfo(text: ByteWriter, socket: InetSocket, tcp: ProcTcpDetails): void {
  const { rto, ato, quick, cwnd, ssthresh } = tcp;
  if (rto !== RTO_UNSET) writeSeconds(text, rtoLabel, rto);
  writeSeconds(text, atoLabel, ato);
  const qack = Math.trunc(quick / 2);
  writeSigned(text, qackLabel, qack);
  if ((qack & 1) !== 0) text.put(bidirLabel);
  writeSigned(text, cwndLabel, cwnd);
  if (ssthresh > 0) writeSigned(text, ssthreshLabel, ssthresh);
  if (socket.retransmits !== 0) {
    text.put(retransLabel);
    text.unsigned(socket.retransmits);
    text.put(retransEnd);
  }
  text.put(reorderingLabel);
}

/** Writes what `-e` and `-i` show of a TCP socket from /proc; its timer is written before. */
export function writeProcTcpDetails(
  text: ByteWriter,
  socket: InetSocket,
  pointer: bigint,
  tcp: ProcTcpDetails,
  style: Style,
): void {
  if (style.extended) {
    const [low, high] = [Number(pointer & 0xffff_ffffn), Number(pointer >> 32n)];
    writeIdentity(text, socket.uid, socket.inode, low, high);
    if (tcp.options.length > 0) {
      text.put(optionsLabel);
      putForeign(text, tcp.options, style);
      text.byte(QUOTE);
    }
  }
  if (style.info) writeInfo(text, socket, tcp);
}
