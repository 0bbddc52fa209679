/**
 * The NATS subjects of a fleet. Every subject of an agent contains its host as one token, so that the permissions of a
 * server can hold each agent to its own: docs/fleet.md.
 */

const ROOT = "sockscope.v1";

/** Longest name of a host, in characters of its token. */
const LONGEST_TOKEN = 255;
/** What a name consists of. It is printed before every row, and in lists of hosts. */
const NAME = /^[\p{L}\p{N}._@:-]+$/u;

/** Whether a text can be the name of a host. */
export function isHostName(host: string): boolean {
  return NAME.test(host) && escapedToken(host).length <= LONGEST_TOKEN;
}

function escapedToken(host: string): string {
  return host.replace(/[^\w-]/gu, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}

/**
 * A host's name as one token of a subject, and as a key of the roster. Letters, digits, `-` and `_` stand for
 * themselves, each byte of anything else is written as `=` and two hexadecimal digits: `db1.example` is `db1=2Eexample`.
 *
 * @throws RangeError for a name that is empty, too long, or has other characters than letters, digits and `._@:-`
 */
export function hostToken(host: string): string {
  if (!isHostName(host)) throw new RangeError(`"${host}" cannot be the name of a host`);
  return escapedToken(host);
}

/** The name that a token stands for; undefined for a token that {@link hostToken} does not make. */
export function hostOfToken(token: string): string | undefined {
  if (!/^(?:[\w-]|=[\dA-F]{2})+$/.test(token)) return undefined;
  try {
    const host = decodeURIComponent(token.replaceAll("=", "%"));
    return isHostName(host) && escapedToken(host) === token ? host : undefined;
  } catch {
    return undefined;
  }
}

/** Questions for every agent. */
export const queryAll = `${ROOT}.query`;

/** Questions for one agent. */
export function queryOne(token: string): string {
  return `${ROOT}.query.${token}`;
}

/** The pages that a client allows an agent to send. */
export function creditFor(token: string): string {
  return `${ROOT}.credit.${token}`;
}

/** An agent's answer to one question. @param id of the question; `*` for all, in a subscription */
export function replyFrom(token: string, id: string): string {
  return `${ROOT}.reply.${token}.${id}`;
}

/** The token of the agent that has sent a reply: the server allows only that agent to send on this subject. */
export function replyToken(subject: string): string | undefined {
  return subject.split(".")[3];
}

/** The subject below which an agent receives answers of JetStream, in place of the shared `_INBOX`. */
export function inboxOf(token: string): string {
  return `${ROOT}.inbox.${token}`;
}

/** An agent's events. @param last the last token, see `feedSubject` of stream.ts */
export function eventFrom(token: string, last: string): string {
  return `${ROOT}.event.${token}.${last}`;
}

/** An agent's findings. @param last the last token, see `feedSubject` of stream.ts */
export function findingFrom(token: string, last: string): string {
  return `${ROOT}.finding.${token}.${last}`;
}

/** The bucket that lists the hosts of the fleet, one key per host. */
export const ROSTER = "sockscope-hosts";

/** The subject of a host's key in that bucket. */
export function rosterKey(token: string): string {
  return `$KV.${ROSTER}.${token}`;
}

/** The subject on which an agent registers its host. */
export function registration(token: string): string {
  return `${ROOT}.roster.${token}`;
}
