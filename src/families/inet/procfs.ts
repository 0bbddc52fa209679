/** Parses the lines of /proc/net/{tcp,udp,raw}[6]. proc(5), Documentation/networking/proc_net_tcp.rst. */
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
/** Number of the retransmission timer. With any other timer, the line counts probes. */
const TIMER_RETRANSMIT = 1;
/** ss's congestion window for a line without one, such as a TIME-WAIT socket's. */
const CWND_UNKNOWN = 2;
/** The slow start threshold is not set. */
const SSTHRESH_NONE = -1;
/** Hexadecimal digits of each word of an IPv6 address. */
const WORD_DIGITS = 8;

/** A socket from /proc/net/{tcp,udp,raw}[6]. */
class ProcInetSocket extends InetSocket {
  override readonly procfs: ProcInetDetails;

  constructor({ data, offset, length }: MessagePlace, origin: Origin, procfs: ProcInetDetails) {
    super(data, offset, length, origin);
    this.procfs = procfs;
  }

  /** IP protocol. A raw socket has it in place of the local port. */
  override get protocol(): number {
    return this.origin.protocol === IPPROTO_RAW ? this.sport : this.origin.protocol;
  }
}

/** What to read from the file of a table. */
export interface ProcInetTable {
  /** AF_INET or AF_INET6, which selects one of the two files. */
  readonly family: number;
  /** Mask of the selected states. */
  readonly states: number;
  /** Whether to decode the fields of tcp_info. */
  readonly info: boolean;
  readonly origin: Origin;
}

/** Reads ADDRESS:PORT, both hexadecimal. @returns false if the text has another form */
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
  // The kernel prints each word of the address as a number in host byte order.
  if (family === AF_INET) data.setUint32(address, text.hex(), true);
  else for (let word = 0; word < 4; word++) data.setUint32(address + word * 4, text.hex(WORD_DIGITS), true);
  text.literal(COLON);
  writeField(portField, data, offset, text.hex());
  text.resume(end);
  return true;
}

/** Reads the end of a line of /proc/net/tcp, which is shorter for TIME-WAIT and SYN-RECV sockets. */
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
    // For a listener, this column has the limit of TCP Fast Open requests.
    ...(listens || details.ssthresh === SSTHRESH_NONE ? {} : { sndSsthresh: details.ssthresh }),
  };
  return { ...details, info: info ? known : undefined, options: text.rest() };
}

/** Reads the fields after the addresses. */
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
 * The sockets of a file that have a selected state. A malformed line ends the file.
 *
 * @param bytes contents of the file
 * @returns false if a line makes ss stop reading the whole table: a line that is too long or has no newline
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
