/** Finds the agents that are connected, where there is no roster. */
import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import { MOST_HOSTS } from "./roster.ts";
import { SERVICE } from "./service.ts";
import { hostToken } from "./subjects.ts";

/** The search ends when nobody else has answered for the first time, and at the latest after the second. */
const SILENCE_MS = 300;
const LONGEST_MS = 2000;
/** Longest answer of an agent. */
const ANSWER_LIMIT = 8 << 10;

/** The host that an answer to `$SRV.PING` names; undefined if it names none. */
function hostOf(data: Uint8Array): string | undefined {
  if (data.length > ANSWER_LIMIT) return undefined;
  try {
    const { name, metadata } = JSON.parse(new TextDecoder().decode(data));
    if (name !== SERVICE || typeof metadata?.host !== "string") return undefined;
    // A name that cannot be a token of a subject is nobody's.
    hostToken(metadata.host);
    return metadata.host;
  } catch {
    return undefined;
  }
}

/** The hosts whose agents answer to `$SRV.PING`, sorted. */
export function discover(connection: NatsConnection): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const hosts = new Set<string>();
  const inbox = createInbox();
  const end = () => {
    subscription.unsubscribe();
    clearTimeout(silence);
    clearTimeout(longest);
    resolve([...hosts].sort());
  };
  const subscription = connection.subscribe(inbox, {
    callback(error, { data, headers }) {
      // The server answers if there is no service at all.
      if (error !== null || headers?.hasError) return end();
      const host = hostOf(data);
      if (host !== undefined && hosts.size < MOST_HOSTS) hosts.add(host);
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS);
    },
  });
  let silence: ReturnType<typeof setTimeout> | undefined;
  const longest = setTimeout(end, LONGEST_MS);
  connection.publish(`$SRV.PING.${SERVICE}`, undefined, { reply: inbox });
  return promise;
}
