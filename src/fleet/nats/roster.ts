/**
 * The roster: a bucket of JetStream with a key for every host whose agent has registered, so that a client knows which
 * hosts should answer. A host that has not registered for a week leaves it.
 *
 * Agents register on a subject of their own, and a stream publishes that again as the bucket's key: leaf nodes do not let
 * the bucket's subjects pass.
 */
import { DiscardPolicy, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import { hostOfToken, ROSTER, registration, rosterKey } from "./subjects.ts";

const DAY_MS = 86_400_000;
/** How long a host stays without registering again. */
const KEPT_MS = 7 * DAY_MS;
/** Longest entry, in bytes. */
const ENTRY_LIMIT = 4096;
/** Hosts that a roster may have. */
export const MOST_HOSTS = 100_000;

/** The stream behind the bucket, and the subject of all keys. */
const STREAM = `KV_${ROSTER}`;
const EVERY_KEY = rosterKey(">");
/** The stream that takes registrations. */
const INTAKE = "sockscope-roster";
/** Header of a key that was deleted. */
const OPERATION = "KV-Operation";

/** What a host writes about itself. */
export interface RosterEntry {
  readonly version: string;
  readonly instance: string;
}

/**
 * Makes the bucket, and the stream that fills it, if the server lets us.
 *
 * It is a bucket for every client of NATS, but for rollup headers: with one, the keys of all others can be deleted.
 *
 * @returns whether they exist now
 */
export async function makeRoster(connection: NatsConnection): Promise<boolean> {
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await manager.streams.add({
      name: STREAM,
      description: "Hosts with an agent of sockscope",
      subjects: [EVERY_KEY],
      max_msgs_per_subject: 1,
      max_age: nanos(KEPT_MS),
      max_msg_size: ENTRY_LIMIT,
      max_bytes: MOST_HOSTS * ENTRY_LIMIT,
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      deny_delete: true,
      allow_rollup_hdrs: false,
      allow_direct: true,
    });
    await manager.streams.add({
      name: INTAKE,
      description: "Registrations of agents of sockscope",
      subjects: [registration("*")],
      max_msgs_per_subject: 1,
      max_msg_size: ENTRY_LIMIT,
      max_bytes: MOST_HOSTS * ENTRY_LIMIT,
      storage: StorageType.File,
      republish: { src: registration(">"), dest: EVERY_KEY },
    });
    return true;
  } catch {
    return false;
  }
}

/**
 * Registers a host. Makes the bucket if there is none and the server allows it.
 *
 * @returns whether the host is registered
 */
export async function register(
  connection: NatsConnection,
  token: string,
  entry: RosterEntry,
): Promise<boolean> {
  const put = async () => {
    try {
      await jetstream(connection).publish(registration(token), JSON.stringify(entry));
      return true;
    } catch {
      // There is no bucket, or no JetStream.
      return false;
    }
  };
  return (await put()) || ((await makeRoster(connection)) && (await put()));
}

/** The hosts of the roster, sorted; undefined if there is no roster, or it may not be read. */
export async function readRoster(connection: NatsConnection): Promise<readonly string[] | undefined> {
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    const { state } = await manager.streams.info(STREAM, { subjects_filter: EVERY_KEY });
    const tokens = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(`$KV.${ROSTER}.`.length));
    const hosts = tokens.flatMap((token) => hostOfToken(token) ?? []);
    return hosts.slice(0, MOST_HOSTS).sort();
  } catch {
    return undefined;
  }
}

/** When a host last registered, in milliseconds since 1970; undefined if it was taken off the roster. */
export async function lastRegistered(connection: NatsConnection, token: string): Promise<number | undefined> {
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    const message = await manager.streams.getMessage(STREAM, { last_by_subj: rosterKey(token) });
    if (message === null || message.header.get(OPERATION) !== "") return undefined;
    return message.time.getTime();
  } catch {
    return undefined;
  }
}
