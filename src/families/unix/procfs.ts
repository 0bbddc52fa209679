/** Parses the lines of /proc/net/unix. proc(5). */

import type { Origin } from "../../diag/message.ts";
import { AF_UNIX, SOCK_DGRAM } from "../../model/family.ts";
import { SS_CLOSE, SS_CLOSING, SS_ESTABLISHED, SS_LISTEN, SS_SYN_SENT } from "../../model/state.ts";
import { type AttributeToWrite, u32Payload } from "../../netlink/message.ts";
import { encodeAnswer, encodeStruct } from "../../procfs/messages.ts";
import { ProcText } from "../../procfs/text.ts";
import { UNIX_DIAG_MESSAGE_SIZE, unixAttributes, unixDiagMessage } from "./layout.ts";
import type { ProcUnixDetails } from "./socket.ts";
import { UnixSocket } from "./socket.ts";

const COLON = 0x3a;
const AT = 0x40;
/** __SO_ACCEPTCON in the flags: the socket listens. linux/net.h. */
const ACCEPTS = 1 << 16;
/** SS_UNCONNECTED. A datagram socket keeps this state even with a peer. linux/net.h. */
const UNCONNECTED = 1;
/** TCP state numbers by the kernel's `enum socket_state`. Other numbers are unchanged. linux/net.h. */
const stateOf: Readonly<Record<number, number>> = {
  [UNCONNECTED]: SS_CLOSE,
  2: SS_SYN_SENT,
  3: SS_ESTABLISHED,
  4: SS_CLOSING,
};
/** Number of sockets that ss sorts at a time: as many of its records as fit into a megabyte. */
const SORTED_TOGETHER = 1681;
/** A heading that begins with this word has columns for the peer and the queues. */
const PEER_HEADING = "Peer";
const nothing = new Uint8Array(0);
const unknownPeer = Uint8Array.of(0x3f);
const decoder = new TextDecoder();

/** A socket from /proc/net/unix. */
class ProcUnixSocket extends UnixSocket {
  override readonly procfs: ProcUnixDetails;

  constructor(place: ReturnType<typeof encodeAnswer>, origin: Origin, procfs: ProcUnixDetails) {
    super(place.data, place.offset, place.length, origin);
    this.procfs = procfs;
  }
}

/** A name in the form that netlink sends: the leading `@` of an abstract name becomes NUL. */
function nameOf(shown: Uint8Array): Uint8Array {
  if (shown[0] !== AT) return shown;
  const name = shown.slice();
  name[0] = 0;
  return name;
}

function queuesPayload(rqueue: number, wqueue: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(rqueue, wqueue).buffer);
}

/** Reads one line; undefined if it is malformed or its state is not selected. */
function readSocket(
  text: ProcText,
  withPeers: boolean,
  states: number,
  origin: Origin,
  peerName: (inode: number) => Uint8Array,
): UnixSocket | undefined {
  const peer = text.hex();
  text.literal(COLON);
  const [rqueue, wqueue] = [text.hex(), text.hex()];
  const flags = text.hex();
  const type = text.hex();
  const number = text.hex();
  const inode = text.decimal();
  if (text.missing) return undefined;
  // ss reads the first column as the peer, even if it is the socket's kernel address, which root can see.
  const connected = peer !== 0 && type === SOCK_DGRAM && number === UNCONNECTED;
  const unaccepting = connected ? SS_ESTABLISHED : (stateOf[number] ?? number);
  const state = (flags & ACCEPTS) === 0 ? unaccepting : SS_LISTEN;
  if (state > 31 || (states & (1 << state)) === 0) return undefined;
  const path = text.word();
  const attributes: AttributeToWrite[] = [];
  if (path.length > 0) attributes.push({ type: unixAttributes.name.id, payload: nameOf(path) });
  if (withPeers) {
    if (peer !== 0) attributes.push({ type: unixAttributes.peer.id, payload: u32Payload(peer) });
    attributes.push({ type: unixAttributes.rqlen.id, payload: queuesPayload(rqueue, wqueue) });
  }
  const values = { familyNumber: AF_UNIX, type, stateNumber: state, inode };
  const struct = encodeStruct(unixDiagMessage, UNIX_DIAG_MESSAGE_SIZE, values);
  return new ProcUnixSocket(encodeAnswer(struct, attributes), origin, {
    peerName: withPeers && peer !== 0 ? peerName(peer) : undefined,
  });
}

function byTypeAndInode(a: UnixSocket, b: UnixSocket): number {
  return a.type - b.type || (a.inode | 0) - (b.inode | 0);
}

/**
 * The sockets of a file in batches. Like ss, sorts each batch by type and inode. Malformed lines are skipped.
 *
 * @param bytes contents of the file
 * @param states mask of the selected states
 * @param accepts whether a socket matches the filter
 */
export function* readUnix(
  bytes: Uint8Array,
  states: number,
  origin: Origin,
  accepts: (socket: UnixSocket) => boolean,
): Generator<UnixSocket[]> {
  const text = new ProcText(bytes);
  if (!text.nextLine()) return;
  const withPeers = decoder.decode(bytes.subarray(0, PEER_HEADING.length)) === PEER_HEADING;
  let batch: UnixSocket[] = [];
  const names = new Map<number, Uint8Array>();
  const peerName = (inode: number) => names.get(inode) ?? unknownPeer;
  while (text.nextLine()) {
    const socket = readSocket(text, withPeers, states, origin, peerName);
    if (socket === undefined || !accepts(socket)) continue;
    batch.push(socket);
    if (withPeers) names.set(socket.inode, socket.name ?? nothing);
    if (batch.length < SORTED_TOGETHER) continue;
    yield batch.sort(byTypeAndInode);
    batch = [];
    names.clear();
  }
  yield batch.sort(byTypeAndInode);
}
