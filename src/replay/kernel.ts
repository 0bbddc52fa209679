/**
 * A transport that replays the kernel of a recording. It turns a recorded answer into the answer to the current request,
 * which may want less than the recorded one.
 *
 * Recorded answers to the same kind of request are given in turn; the last one is repeated. A run that lists again and
 * again thus sees what the recorded run saw.
 */
import {
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
  NLM_F_ACK,
  NLM_F_CAPPED,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLM_F_ROOT,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  RTM_GETLINK,
} from "../netlink/constants.ts";
import { align4, encodeMessage, u32Payload } from "../netlink/message.ts";
import type { NetlinkSocket, Recall, Transport } from "../netlink/transport.ts";
import { isHeard } from "./groups.ts";
import { dataView, headerField, messageEnd } from "./header.ts";
import { readLinks, wantedLink } from "./links.ts";
import { keepAll, type Plan, planOf } from "./plan.ts";
import { recallFrom } from "./recall.ts";
import { type Answer, diagConversations, diagRequest, type Recording, requestKey } from "./recording.ts";
import { type Moves, type Requester, rewriteDatagram } from "./rewrite.ts";

/** The port id of every replayed socket. */
export const REPLAY_PORT = 4242;

const ENOENT = 2;
const ENODEV = 19;
const EINVAL = 22;

/** An answer as it is received. */
interface Played extends Iterable<Uint8Array> {
  readonly recall?: Recall;
}

/** Answers requests of one netlink protocol. */
type Player = (request: Uint8Array, requester: Requester) => Played;

/**
 * Plays a recording.
 *
 * `receive` returns an empty datagram after the last answer. A socket that joined groups first receives the recorded
 * multicasts. Errors are NLMSG_ERROR messages: ENOENT for a request that was not recorded, EINVAL for a malformed one,
 * ENODEV for an unknown interface.
 */
export function replayTransport(recording: Recording): Transport {
  const players = new Map<number, Player>([
    [NETLINK_SOCK_DIAG, diagPlayer(recording)],
    [NETLINK_ROUTE, linkPlayer(recording)],
  ]);
  return {
    familyByFamily: true,
    open(protocol, groups = 0) {
      const multicasts = groups === 0 ? [] : (recording.get(protocol)?.multicasts ?? []);
      const heard =
        protocol === NETLINK_SOCK_DIAG
          ? multicasts.filter((datagram) => isHeard(datagram, groups))
          : multicasts;
      return replaySocket(players.get(protocol) ?? refuseAll, heard);
    },
  };
}

/** A socket whose answers come from a player. */
function replaySocket(player: Player, multicasts: readonly Uint8Array[]): NetlinkSocket {
  let pending: { readonly datagrams: Iterator<Uint8Array>; readonly recall?: Recall | undefined }[] = [
    { datagrams: multicasts.values() },
  ];
  return {
    portId: REPLAY_PORT,
    get recall() {
      return pending[0]?.recall;
    },
    send(datagram) {
      const data = dataView(datagram);
      if (messageEnd(data, 0) < 0 || (headerField("flags", data, 0) & NLM_F_REQUEST) === 0) return;
      const requester = { sequence: headerField("sequence", data, 0), portId: REPLAY_PORT };
      const played = player(datagram.slice(), requester);
      pending.push({ datagrams: played[Symbol.iterator](), recall: played.recall });
    },
    receive(allocate) {
      for (let first = pending[0]; first !== undefined; first = pending[0]) {
        const { value, done } = first.datagrams.next();
        if (!done && value.length > 0) {
          const buffer = allocate(value.length).subarray(0, value.length);
          buffer.set(value);
          return buffer;
        }
        if (done) pending.shift();
      }
      return new Uint8Array(0);
    },
    close() {
      for (const { datagrams } of pending) datagrams.return?.();
      pending = [];
    },
  };
}

const refuseAll: Player = (request, requester) => [errorMessage(request, requester, ENOENT)];

/** Answers sock_diag: dumps and SOCK_DESTROY. */
function diagPlayer(recording: Recording): Player {
  const conversations = diagConversations(recording);
  const turns = new Map<string, number>();
  return (request, requester) => {
    const header = diagRequest(dataView(request));
    const key = requestKey(request);
    if (header === undefined || key === undefined) return [errorMessage(request, requester, EINVAL)];
    const recorded = conversations.get(key);
    if (recorded === undefined) return [errorMessage(request, requester, ENOENT)];
    const plan = planOf(request, header);
    if (plan === undefined) return [errorMessage(request, requester, EINVAL)];
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return play(recorded[Math.min(turn, recorded.length - 1)]!.answer, plan, requester);
  };
}

/** Answers RTM_GETLINK: dumps, and requests by index or name. */
function linkPlayer(recording: Recording): Player {
  const links = readLinks(recording);
  return (request, requester) => {
    const data = dataView(request);
    if (headerField("type", data, 0) !== RTM_GETLINK) return refuseAll(request, requester);
    const flags = headerField("flags", data, 0);
    if (flags & NLM_F_ROOT)
      return links.dump === undefined ? refuseAll(request, requester) : play(links.dump, keepAll, requester);
    const { index, name } = wantedLink(request);
    const link = links.find(index, name);
    if (link === undefined) return [errorMessage(request, requester, ENODEV)];
    const acknowledgement = flags & NLM_F_ACK ? [errorMessage(request, requester, 0)] : [];
    return [addressed(link, requester), ...acknowledgement];
  };
}

/** Plays an answer, and lets its messages be read again if they stay in their file. */
function play(answer: Answer, plan: Plan, requester: Requester): Played {
  const { file } = answer;
  if (file === undefined) return rewritten(answer, plan, requester);
  const moves: Moves = [];
  return {
    [Symbol.iterator]: () => rewritten(answer, plan, requester, moves),
    recall: recallFrom(file, plan, moves),
  };
}

/** Rewrites an answer. Each datagram is valid until the next. NLMSG_DONE is added if the recording has no end. */
function* rewritten(answer: Answer, plan: Plan, requester: Requester, moves?: Moves): Generator<Uint8Array> {
  let out = new Uint8Array(0);
  let ended = false;
  for (const datagram of answer) {
    if (datagram.length > out.length) out = new Uint8Array(align4(datagram.length));
    ended ||= isLast(datagram);
    yield out.subarray(0, rewriteDatagram(datagram, plan, requester, out, moves));
  }
  if (!ended) yield encodeMessage({ type: NLMSG_DONE, flags: NLM_F_MULTI, ...requester }, u32Payload(0));
}

/** One recorded message, addressed to the requester. */
function addressed(message: Uint8Array, requester: Requester): Uint8Array {
  const out = new Uint8Array(align4(message.length));
  return out.subarray(0, rewriteDatagram(message, keepAll, requester, out));
}

/** Whether a datagram contains the end of an answer: NLMSG_DONE or NLMSG_ERROR. */
function isLast(datagram: Uint8Array): boolean {
  const data = dataView(datagram);
  for (let at = 0, end = messageEnd(data, 0); end >= 0; at = align4(end), end = messageEnd(data, at)) {
    const type = headerField("type", data, at);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) return true;
  }
  return false;
}

/** NLMSG_ERROR with only the header of the request, as with NETLINK_CAP_ACK. errno 0 is an acknowledgement. */
function errorMessage(request: Uint8Array, requester: Requester, errno: number): Uint8Array {
  const payload = new Uint8Array(4 + NLMSG_HDRLEN);
  payload.set(u32Payload(-errno));
  payload.set(request.subarray(0, NLMSG_HDRLEN), 4);
  return encodeMessage({ type: NLMSG_ERROR, flags: NLM_F_CAPPED, ...requester }, payload);
}
