/** The lines of /proc/net/{tcp,udp,raw}[6]. proc(5), Documentation/networking/proc_net_tcp.rst. */
import { type Field, writeField } from "../../bytes/layout.ts";
import type { Origin } from "../../diag/message.ts";
import { AF_INET, IPPROTO_RAW, IPPROTO_TCP } from "../../model/family.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { type MessagePlace, messageRoom } from "../../procfs/messages.ts";
import { nextWholeLine, ProcText } from "../../procfs/text.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "./layouts/inet-diag.ts";
import { type ProcInetDetails, type ProcTcpDetails, type ProcTcpInfo, USER_HZ } from "./proc-details.ts";
import { InetSocket } from "./socket.ts";

const COLON = 0x3a;
/** The timer that retransmits; with any other the probes are counted. */
const TIMER_RETRANSMIT = 1;
/** What ss takes for the window of a line that ends before it, such as that of a TIME-WAIT socket. */
const CWND_UNKNOWN = 2;
/** "No threshold". */
const SSTHRESH_NONE = -1;
/** Hexadecimal digits of each word of an IPv6 address. */
const WORD_DIGITS = 8;

/** A socket of /proc/net/{tcp,udp,raw}[6]. */
class ProcInetSocket extends InetSocket {
  override readonly procfs: ProcInetDetails;

  constructor({ data, offset, length }: MessagePlace, origin: Origin, procfs: ProcInetDetails) {
    super(data, offset, length, origin);
    this.procfs = procfs;
  }

  /** IP protocol; that of a raw socket stands where others have their port. */
  override get protocol(): number {
    return this.origin.protocol === IPPROTO_RAW ? this.sport : this.origin.protocol;
  }
}

/** What is read of a file of one table. */
export interface ProcInetTable {
  /** AF_INET or AF_INET6: which of the two files it is. */
  readonly family: number;
  /** Mask of the states that are wanted. */
  readonly states: number;
  /** Whether tcp_info is wanted. */
  readonly info: boolean;
  readonly origin: Origin;
}

/** Reads ADDRESS:PORT, both hexadecimal. @returns false if that is not what stands there */
function readEndpoint(
  text: ProcText,
  family: number,
  { data, offset }: MessagePlace,
  addressField: Field,
  portField: Field,
): boolean {
  const end = text.wordWith(COLON);
  if (text.missing) return false;
  const address = offset + addressField.offset;
  // The kernel prints words of the address as the numbers that they are in memory.
  if (family === AF_INET) data.setUint32(address, text.hex(), true);
  else for (let word = 0; word < 4; word++) data.setUint32(address + word * 4, text.hex(WORD_DIGITS), true);
  text.literal(COLON);
  writeField(portField, data, offset, text.hex());
  text.resume(end);
  return true;
}

/** The end of a line of /proc/net/tcp, which is shorter for sockets without a connection's state. */
function readTcpDetails(
  text: ProcText,
  listens: boolean,
  retransmits: number,
  probes: number,
  info: boolean,
): ProcTcpDetails {
  const rto = text.decimal();
  const short = text.missing;
  const ato = text.decimal();
  const quick = text.decimal();
  const cwnd = text.decimal();
  const ssthresh = text.decimal();
  const details = {
    rto,
    ato,
    quick,
    cwnd: short ? CWND_UNKNOWN : cwnd,
    ssthresh: text.missing ? SSTHRESH_NONE : ssthresh,
  };
  const toMicroseconds = (ticks: number) => (ticks * 1_000_000) / USER_HZ;
  const known: ProcTcpInfo = {
    retransmits,
    probes,
    ...(short ? {} : { rto: toMicroseconds(rto), ato: toMicroseconds(ato), sndCwnd: cwnd }),
    // Of a listener that column has the limit of TCP Fast Open requests.
    ...(listens || details.ssthresh === SSTHRESH_NONE ? {} : { sndSsthresh: details.ssthresh }),
  };
  return { ...details, info: info ? known : undefined, options: text.rest() };
}

/** Reads what stands behind the addresses. */
function readFields(
  text: ProcText,
  { data, offset }: MessagePlace,
  state: number,
  { origin, info }: ProcInetTable,
): ProcInetDetails {
  writeField(inetDiagMessage.stateNumber, data, offset, state);
  writeField(inetDiagMessage.wqueue, data, offset, text.hex());
  text.literal(COLON);
  writeField(inetDiagMessage.rqueue, data, offset, text.hex());
  const timer = text.hex();
  text.literal(COLON);
  const when = text.hex();
  const retransmits = text.hex();
  writeField(inetDiagMessage.uid, data, offset, text.decimal());
  const probes = text.decimal();
  writeField(inetDiagMessage.inode, data, offset, text.decimal());
  text.skipWord();
  const pointer = text.hex64();
  if (origin.protocol !== IPPROTO_TCP) return { pointer };
  writeField(inetDiagMessage.timerNumber, data, offset, timer);
  writeField(inetDiagMessage.expires, data, offset, Math.ceil((when * 1000) / USER_HZ));
  writeField(inetDiagMessage.retransmits, data, offset, timer === TIMER_RETRANSMIT ? retransmits : probes);
  return { pointer, tcp: readTcpDetails(text, state === SS_LISTEN, retransmits, probes, info) };
}

/**
 * The sockets of a file, as far as their states are wanted. A line that is none ends them.
 *
 * @param bytes the file
 * @returns false if ss gives the whole table up at a line: one that is too long for it, or is not finished
 */
export function* readInet(bytes: Uint8Array, table: ProcInetTable): Generator<InetSocket, boolean> {
  const text = new ProcText(bytes);
  const { family, states, origin } = table;
  const room = messageRoom(INET_DIAG_MESSAGE_SIZE);
  let place = room();
  let heading = true;
  for (;;) {
    const line = nextWholeLine(text);
    if (line !== "line") return line === "end";
    if (heading) {
      heading = false;
      continue;
    }
    text.skipPast(COLON);
    if (text.missing) return true;
    if (!readEndpoint(text, family, place, inetDiagMessage.source, inetDiagMessage.sport)) return true;
    if (!readEndpoint(text, family, place, inetDiagMessage.destination, inetDiagMessage.dport)) return true;
    const state = text.hex();
    if (state > 31 || (states & (1 << state)) === 0) continue;
    writeField(inetDiagMessage.familyNumber, place.data, place.offset, family);
    yield new ProcInetSocket(place, origin, readFields(text, place, state, table));
    place = room();
  }
}
