/**
 * What one direction of a connection shows: whether its bytes are stuck at the writer, in the network or at the reader.
 */
import type { End } from "./ends.ts";
import { bytes, endName, type FoundPair, type Moved } from "./pair-finding.ts";

/** Bytes from which a queue counts as stuck: less is a request on its way. */
const STUCK_BYTES = 4096;
/** Segments sent again between two samples that count as loss. */
const LOST_SEGMENTS = 3;
/** Share of the segments, too: a busy host retransmits a few of thousands because it is late. */
const LOST_SHARE = 0.002;
/** Retransmissions of one segment without an answer. */
const STUCK_RETRANSMITS = 2;
/** How many times slower than allowed a sender is that holds bytes back. Pacing alone halves the rate at most. */
const HELD_BACK = 20;
/** Percent of the time between the samples. */
const MOST_OF_THE_TIME = 80;
/** The same, from which the window counts as a limit. Pacing hides the rest of its time. */
const PART_OF_THE_TIME = 20;
/** A receive buffer below this was made small: net.ipv4.tcp_rmem begins with more, and auto-tuning only adds. */
const SMALL_BUFFER = 65_536;
/** Segments to which the kernel lowers the largest window when memory for TCP is short. */
const PRESSED_SEGMENTS = 4;
/** How many times more than that its buffer would allow. */
const PRESSED_SHARE = 4;
/** Bytes of options that the announced segment size does not include. */
const MSS_SLACK = 40;
/** Bytes by which the counters of both ends may differ: SYN and FIN are counted as data on one side. */
const COUNTER_SLACK = 2;

/** Grown by, or 0 where one of the samples has no number. */
function growth(before: number | undefined, now: number | undefined): number {
  return before === undefined || now === undefined ? 0 : Math.max(0, now - before);
}

/** Bytes that the program at an end has read between the samples; undefined if the kernel does not count them. */
function bytesRead({ before, now }: Moved): number | undefined {
  if (before.bytesReceived === undefined || now.bytesReceived === undefined) return undefined;
  return now.bytesReceived - before.bytesReceived - ((now.recvq ?? 0) - (before.recvq ?? 0));
}

/** Whether an end had bytes to send in both samples, and the peer's window had no room for a segment. */
function isShut({ before, now }: Moved): boolean {
  return [before, now].every(
    ({ sendq = 0, sndWndBytes, sndMssBytes = 1 }) =>
      sendq > 0 && sndWndBytes !== undefined && sndWndBytes < sndMssBytes,
  );
}

/** What one direction of a connection did between the samples. */
interface Direction {
  readonly sender: Moved;
  readonly receiver: Moved;
  readonly elapsedUs: number;
  /** Bytes that the sender has not sent, that are in the network, and that the receiving program has not read. */
  readonly unsent: number;
  readonly inFlight: number;
  readonly unread: number;
  /** Segments that the sender has sent again. */
  readonly resent: number;
  /** Segments of those that had not arrived. */
  readonly lost: number;
  /** Segments with data that the sender has sent. */
  readonly sent: number;
  /** Segments that had arrived, and for which the receiver had no memory. */
  readonly dropped: number;
  /** Bytes that have arrived. */
  readonly arrived: number;
}

/** A finding about one direction, without what all of them have in common. */
type DirectionFinding = Pick<FoundPair, "rule" | "title"> & {
  readonly values?: FoundPair["values"];
  /** Whether the receiver's end is shown first: it is the cause. */
  readonly receiverFirst?: boolean;
};

/** Share of the time between the samples, in percent. */
function percent(us: number, { elapsedUs }: Direction): number {
  return Math.min(100, Math.round((100 * us) / elapsedUs));
}

/** The receiving program reads nothing. */
function stuckReader({
  sender,
  receiver,
  unsent,
  inFlight,
  unread,
}: Direction): DirectionFinding | undefined {
  const then = receiver.before.recvq ?? 0;
  const waits = (unread >= STUCK_BYTES && then >= STUCK_BYTES) || (unread > 0 && then > 0 && isShut(sender));
  if (!waits || (bytesRead(receiver) ?? then - unread) > 0) return undefined;
  const queued = unsent + inFlight;
  const more = queued >= STUCK_BYTES ? `, and ${bytes(queued)} more wait on ${sender.now.host}` : "";
  const shut = isShut(sender) ? "; its window is closed" : "";
  return {
    rule: "reader-stuck",
    title: `${endName(receiver.now)} does not read: ${bytes(unread)} wait in its receive queue${more}${shut}`,
    values: { windowBytes: sender.now.sndWndBytes ?? 0 },
    receiverFirst: true,
  };
}

/** Share of the time in which the receiver's window stopped the sender, in percent. */
function windowLimited(direction: Direction): number {
  const { before, now } = direction.sender;
  return percent(growth(before.rwndLimitedUs, now.rwndLimitedUs), direction);
}

/** Bytes in a receive queue from which its program lags behind: fewer in a small buffer. */
function laggingBytes({ rcvbufBytes = Number.POSITIVE_INFINITY }: End): number {
  return Math.max(1, Math.min(STUCK_BYTES, rcvbufBytes / 8));
}

/** The receiving program reads, and so slowly that its window stops the sender. */
function slowReader(direction: Direction): DirectionFinding | undefined {
  const { sender, receiver, unread } = direction;
  const share = windowLimited(direction);
  const waits = Math.min(receiver.before.recvq ?? 0, unread) >= laggingBytes(receiver.now);
  if (!waits || share < MOST_OF_THE_TIME) return undefined;
  return {
    rule: "reader-slow",
    title: `${endName(receiver.now)} reads slower than ${endName(sender.now)} writes: its window stopped the sender for ${share}% of the time`,
    values: { windowLimitedPercent: share, readBytes: Math.max(0, bytesRead(receiver) ?? 0) },
    receiverFirst: true,
  };
}

/** Whether so many segments were sent again that it matters. */
function isLossy({ lost, sent }: Direction): boolean {
  return lost >= LOST_SEGMENTS && (sent === 0 || lost / sent >= LOST_SHARE);
}

/** How many segments were sent again, as titles write it. */
function lossText({ lost, sent }: Direction): string {
  const part = sent === 0 ? `${lost}` : `${lost} of ${sent} (${((100 * lost) / sent).toFixed(1)}%)`;
  return `${part} were sent again`;
}

/** Whether an end has bytes to send, and the peer's window holds fewer than the congestion window. */
function waitsForWindow({ notsentBytes = 0, sndWndBytes, sndCwnd = 0, sndMssBytes = 0 }: End): boolean {
  return notsentBytes >= STUCK_BYTES && sndWndBytes !== undefined && sndWndBytes < sndCwnd * sndMssBytes;
}

/** Whether a host offers far less than a receive buffer allows: memory for TCP is short. */
function isPressed({ rcvbufBytes = 0, rcvSsthreshBytes, advmssBytes }: End): boolean {
  if (rcvSsthreshBytes === undefined || advmssBytes === undefined) return false;
  // On loopback four segments are more than the first window of a healthy connection.
  const isLow = rcvSsthreshBytes <= PRESSED_SEGMENTS * (advmssBytes + MSS_SLACK);
  return isLow && rcvSsthreshBytes * PRESSED_SHARE < rcvbufBytes;
}

/** The receiving program keeps up, and its host offers a small window nevertheless. */
function smallWindow(direction: Direction): DirectionFinding | undefined {
  const { sender, receiver, unread, dropped } = direction;
  const { rcvbufBytes, rcvSsthreshBytes } = receiver.now;
  const lags = Math.min(receiver.before.recvq ?? 0, unread) >= laggingBytes(receiver.now);
  if (lags || rcvbufBytes === undefined) return undefined;
  const share = windowLimited(direction);
  const isLimited = waitsForWindow(sender.before) && waitsForWindow(sender.now) && share >= PART_OF_THE_TIME;
  const window = sender.now.sndWndBytes ?? 0;
  const found = (rule: FoundPair["rule"], title: string): DirectionFinding => ({
    rule,
    title,
    values: {
      windowLimitedPercent: share,
      windowBytes: window,
      receiveBufferBytes: rcvbufBytes,
      ...(rcvSsthreshBytes === undefined ? {} : { windowLimitBytes: rcvSsthreshBytes }),
      droppedSegments: dropped,
    },
    receiverFirst: true,
  });
  if (isLimited && rcvbufBytes < SMALL_BUFFER)
    return found(
      "buffer-small",
      `a receive buffer of ${bytes(rcvbufBytes)} lets only ${bytes(window)} be on the way from ${endName(sender.now)}, though ${endName(receiver.now)} reads everything`,
    );
  const rule = "memory-pressure";
  const cause = `${receiver.now.host} is short of memory for TCP: it`;
  if (isLimited && isPressed(receiver.before) && isPressed(receiver.now))
    return found(rule, `${cause} offers ${endName(sender.now)} a window of ${bytes(window)}`);
  // Losses between the samples may be due to what the receiver dropped before the first.
  const { drops = 0 } = receiver.now;
  const { dsackDups = 0, totalRetrans = 0 } = sender.now;
  if (!isLossy(direction) || (drops - dsackDups) * 2 < totalRetrans) return undefined;
  return found(rule, `${cause} drops segments from ${endName(sender.now)}, ${lossText(direction)}`);
}

/** What the sender sent has arrived, and the sender does not learn it. */
function lostAcknowledgements({ sender, receiver }: Direction): DirectionFinding | undefined {
  const waits = (sender.now.sendq ?? 0) > 0 && (sender.before.sendq ?? 0) > 0;
  const acknowledged = growth(sender.before.bytesAcked, sender.now.bytesAcked);
  const isRetrying = (sender.now.retransmits ?? 0) >= STUCK_RETRANSMITS;
  if (!waits || acknowledged > 0 || !isRetrying || sender.now.bytesAcked === undefined) return undefined;
  const known = (receiver.before.bytesReceived ?? 0) - sender.now.bytesAcked;
  if (known <= COUNTER_SLACK) return undefined;
  return {
    rule: "acks-lost",
    title: `bytes from ${endName(sender.now)} arrive at ${endName(receiver.now)}, and the acknowledgements do not come back`,
    values: { arrivedBytes: known, segmentRetransmits: sender.now.retransmits ?? 0 },
  };
}

/** Nothing of what the sender sends arrives. */
function stuckPath({ sender, receiver, unsent, inFlight, arrived }: Direction): DirectionFinding | undefined {
  const waits = (sender.now.sendq ?? 0) > 0 && (sender.before.sendq ?? 0) > 0;
  if (!waits || arrived > 0 || (sender.now.retransmits ?? 0) < STUCK_RETRANSMITS) return undefined;
  return {
    rule: "path-stuck",
    title: `${bytes(unsent + inFlight)} from ${endName(sender.now)} do not reach ${endName(receiver.now)}: sent again ${sender.now.retransmits} times, and nothing arrives`,
    values: { segmentRetransmits: sender.now.retransmits ?? 0 },
  };
}

/** Segments are lost on the way. */
function lossyPath(direction: Direction): DirectionFinding | undefined {
  if (!isLossy(direction)) return undefined;
  const { sender, receiver, lost, sent } = direction;
  return {
    rule: "path-loss",
    title: `segments from ${endName(sender.now)} to ${endName(receiver.now)} are lost: ${lossText(direction)}`,
    values: { lostSegments: lost, sentSegments: sent },
  };
}

/** Bytes per second that the window and the congestion window of a sender allow; undefined if it has not measured. */
function allowedRate({ sndCwnd, sndMssBytes, sndWndBytes, rttUs }: End): number | undefined {
  if (sndCwnd === undefined || sndMssBytes === undefined || sndWndBytes === undefined || !rttUs)
    return undefined;
  return (Math.min(sndCwnd * sndMssBytes, sndWndBytes) * 1e6) / rttUs;
}

/** Bytes wait at the sender, which sends far fewer than both windows allow. */
function heldBytes({
  sender,
  receiver,
  elapsedUs,
  unread,
  unsent,
  resent,
}: Direction): DirectionFinding | undefined {
  const waits = [sender.before, sender.now].every(({ notsentBytes = 0 }) => notsentBytes >= STUCK_BYTES);
  const allowed = Math.min(...[sender.before, sender.now].map((end) => allowedRate(end) ?? 0));
  const rate = (growth(sender.before.bytesAcked, sender.now.bytesAcked) * 1e6) / elapsedUs;
  if (!waits || resent > 0 || unread >= STUCK_BYTES || rate * HELD_BACK >= allowed) return undefined;
  const { pacingRate } = sender.now;
  const limit = pacingRate === undefined ? "" : ` (pacing rate ${bytes(pacingRate)}/s)`;
  return {
    rule: "writer-held",
    title: `${bytes(unsent)} for ${endName(receiver.now)} wait on ${endName(sender.now)}, and its own host does not send them${limit}`,
    values: {
      sentBytesPerSecond: Math.round(rate),
      allowedBytesPerSecond: Math.round(allowed),
      ...(pacingRate === undefined ? {} : { pacingBytesPerSecond: pacingRate }),
    },
  };
}

/** The rules of one direction. The first that finds something counts: the later ones are its consequences. */
const directionRules = [
  lostAcknowledgements,
  stuckReader,
  slowReader,
  smallWindow,
  stuckPath,
  lossyPath,
  heldBytes,
] as const;

/** What one direction of a connection shows in both samples. @param elapsedUs microseconds between them */
export function directionFinding(sender: Moved, receiver: Moved, elapsedUs: number): FoundPair | undefined {
  if (sender.now.state.startsWith("SYN-")) return undefined;
  const unsent = sender.now.notsentBytes ?? 0;
  const resent = growth(sender.before.totalRetrans, sender.now.totalRetrans);
  const duplicates = growth(sender.before.dsackDups, sender.now.dsackDups);
  const direction: Direction = {
    sender,
    receiver,
    elapsedUs,
    unsent,
    inFlight: Math.max(0, (sender.now.sendq ?? 0) - unsent),
    unread: receiver.now.recvq ?? 0,
    resent,
    lost: Math.max(0, resent - duplicates),
    sent: growth(sender.before.dataSegsOut, sender.now.dataSegsOut),
    dropped: Math.max(0, growth(receiver.before.drops, receiver.now.drops) - duplicates),
    arrived: growth(receiver.before.bytesReceived, receiver.now.bytesReceived),
  };
  for (const rule of directionRules) {
    const found = rule(direction);
    if (found === undefined) continue;
    const { rule: name, title, values = {}, receiverFirst = false } = found;
    const ends = [sender.now, receiver.now];
    return {
      rule: name,
      title,
      ends: receiverFirst ? ends.reverse() : ends,
      connections: 1,
      values: {
        writerQueueBytes: direction.unsent,
        networkBytes: direction.inFlight,
        readerQueueBytes: direction.unread,
        retransmits: direction.resent,
        arrivedBytes: direction.arrived,
        ...values,
      },
    };
  }
  return undefined;
}
