/**
 * An agent as a NATS micro service, so that `nats micro ls` and other tools for services list it: ADR-32 of NATS.
 *
 * A tool sends a request on `$SRV.PING`, `$SRV.INFO` or `$SRV.STATS`, to all services, to those of a name, or to one by its
 * id, and every service answers.
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Json } from "../../model/json.ts";
import { queryAll, queryOne } from "./subjects.ts";

/** The name of the service: all agents have it. */
export const SERVICE = "sockscope";

/** What the service says of itself. */
export interface ServiceIdentity {
  /** Unique to the agent's process. */
  readonly id: string;
  /** Version of the program, as semantic versioning has it. */
  readonly version: string;
  /** The host, and its token in subjects. */
  readonly host: string;
  readonly token: string;
}

/** What is counted of one endpoint. */
export interface EndpointStats {
  /** Questions that came. */
  requests: number;
  /** Questions that were refused or could not be answered. */
  errors: number;
  /** Why the last of them was. */
  lastError: string;
  /** Milliseconds that all answers took. */
  processingMs: number;
}

/** Where questions come in: those for every host, and those for this one alone. */
export type Endpoint = "all" | "host";

/** What an agent counts. */
export type ServiceStats = Readonly<Record<Endpoint, EndpointStats>>;

/** Counts of an agent that has just started. */
export function blankStats(): ServiceStats {
  const blank = (): EndpointStats => ({ requests: 0, errors: 0, lastError: "", processingMs: 0 });
  return { all: blank(), host: blank() };
}

const NS_PER_MS = 1e6;

type Verb = "PING" | "INFO" | "STATS";

/** The answers, by the request. The names of the keys are those of ADR-32. */
function answers(
  { id, version, host, token }: ServiceIdentity,
  stats: ServiceStats,
  started: string,
): Readonly<Record<Verb, () => Json>> {
  const identity = { name: SERVICE, id, version, metadata: { host } };
  // Every agent answers, so there is no queue group.
  const endpoints = [
    { name: "all", subject: queryAll, queue_group: "" },
    { name: "host", subject: queryOne(token), queue_group: "" },
  ] as const;
  return {
    PING: () => ({ type: "io.nats.micro.v1.ping_response", ...identity }),
    INFO: () => ({
      type: "io.nats.micro.v1.info_response",
      ...identity,
      description: "Lists the sockets of a host",
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, metadata: {} })),
    }),
    STATS: () => ({
      type: "io.nats.micro.v1.stats_response",
      ...identity,
      started,
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, ...counted(stats[endpoint.name]) })),
    }),
  };
}

/** The counts of an endpoint with the names and units of ADR-32. */
function counted({ requests, errors, lastError, processingMs }: EndpointStats) {
  const time = Math.round(processingMs * NS_PER_MS);
  return {
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: time,
    average_processing_time: Math.round(time / Math.max(1, requests)),
  };
}

/** The subject below which clients receive answers to requests. */
const INBOX = "_INBOX.";

/**
 * Answers a request for what the service is.
 *
 * The server lets an agent publish on whatever subject a request names for its answer. So the agent itself answers only
 * to inboxes: otherwise anybody could make it publish on subjects of others.
 */
function respond({ reply }: Msg, connection: NatsConnection, answer: () => Json): void {
  if (reply?.startsWith(INBOX)) connection.publish(reply, JSON.stringify(answer()));
}

/**
 * Subscribes to what tools ask of services.
 *
 * @param started when the agent started, in milliseconds since 1970
 * @param accepts whether the agent has time for a request
 */
export function startService(
  connection: NatsConnection,
  identity: ServiceIdentity,
  stats: ServiceStats,
  started: number,
  accepts: () => boolean,
): readonly Subscription[] {
  const table = answers(identity, stats, new Date(started).toISOString());
  return (Object.keys(table) as Verb[]).flatMap((verb) =>
    ["", `.${SERVICE}`, `.${SERVICE}.${identity.id}`].map((rest) =>
      connection.subscribe(`$SRV.${verb}${rest}`, {
        callback(error, message) {
          if (error === null && accepts()) respond(message, connection, table[verb]);
        },
      }),
    ),
  );
}
