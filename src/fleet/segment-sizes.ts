/** Finds differences between the segment sizes of both ends. RFC 9293 3.7.1. */
import type { End } from "./ends.ts";
import type { Pair } from "./join.ts";
import { endName } from "./pair-finding.ts";

/** Bytes by which segment sizes may differ: options take some of each. */
const MSS_SLACK = 40;
/** Windows of the peer below which a sender keeps its segments small, in segments. */
const SMALL_WINDOW = 4;

/** The largest segment that an end should send, from what the peer announces and the path allows. */
function segmentLimit(sender: End, receiver: End): number | undefined {
  const { advmssBytes: announced } = receiver;
  const { pmtuBytes } = sender;
  if (announced === undefined || pmtuBytes === undefined) return undefined;
  const headers = sender.local.address.includes(":") ? 60 : 40;
  return Math.min(announced, pmtuBytes - headers);
}

/** Why the segment sizes of a pair differ; undefined if they fit. */
export function segmentSizes({ client, server }: Pair): string | undefined {
  if (client.host === server.host) return undefined;
  const [mine, theirs] = [client.advmssBytes, server.advmssBytes];
  if (mine === undefined || theirs === undefined) return undefined;
  if (Math.abs(mine - theirs) > MSS_SLACK)
    return `${endName(client)} announces segments of ${mine} bytes, and ${endName(server)} of ${theirs}`;
  const [there, back] = [client.pmtuBytes ?? 0, server.pmtuBytes ?? 0];
  if (Math.abs(there - back) > MSS_SLACK)
    return `packets of ${there} bytes pass from ${endName(client)} to ${endName(server)}, and of ${back} bytes back`;
  for (const [sender, receiver] of [
    [client, server],
    [server, client],
  ] as const) {
    const limit = segmentLimit(sender, receiver);
    const { sndMssBytes: sent, sndWndBytes: window = 0 } = sender;
    if (limit === undefined || sent === undefined || window < SMALL_WINDOW * limit) continue;
    if (sent + MSS_SLACK < limit)
      return `${endName(sender)} sends segments of ${sent} bytes, though ${endName(receiver)} and the path take ${limit}`;
  }
  return undefined;
}
