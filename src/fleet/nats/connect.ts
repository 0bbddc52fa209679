/**
 * Connects to a NATS server, or to one of a cluster.
 *
 * A connection that is lost is made again, for ever. Each attempt waits a random time, so that the agents of a fleet do
 * not all return in the same moment when their server restarts.
 */
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type Status,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";

/** The contents of the files that say who connects, and whom to trust. */
export interface BrokerFiles {
  /** A credentials file: a JWT and its NKey seed. */
  readonly creds?: Uint8Array;
  /** The seed of an NKey. */
  readonly nkey?: Uint8Array;
  /** `user:password`, or a token, in one line. */
  readonly login?: Uint8Array;
  /** Certificates of authorities, PEM. Default: those of the runtime. */
  readonly ca?: Uint8Array;
  /** The client's certificate, PEM. */
  readonly cert?: Uint8Array;
  /** The private key of that certificate, PEM. */
  readonly key?: Uint8Array;
}

/** Where to connect, and as whom. */
export interface BrokerOptions {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`; several of one cluster are separated by commas. */
  readonly url: string;
  readonly files: BrokerFiles;
  /** The name of the connection, which the server shows to its administrator. */
  readonly name: string;
  /** The subject below which answers to requests arrive, where the default `_INBOX` must not be read. */
  readonly inboxPrefix?: string;
  /** Takes each change of the connection. */
  readonly report?: (status: Status) => void;
}

/** What happened on a connection since it was opened. */
export interface BrokerCounts {
  disconnects: number;
  reconnects: number;
  /** Subscriptions whose queue here grew beyond their `slow`, and warnings of the server that it cut us off. */
  slowConsumers: number;
  /** Other errors that the server sent, such as a refused permission. */
  errors: number;
}

/** An open connection. */
export interface Broker {
  readonly connection: NatsConnection;
  readonly counts: Readonly<BrokerCounts>;
}

/** Why there is no connection, in one line. The text may contain what the server sent. */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
  /** Distinguishes this error from others. */
  readonly code = "broker";
  /** Whether another attempt may succeed: the server cannot be reached. False if it refuses us. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass: boolean, options?: ErrorOptions) {
    super(message, options);
    this.mayPass = mayPass;
  }
}

/** Longest time that one attempt to connect may take, and that a server may be silent before it counts as lost. */
const CONNECT_MS = 10_000;
const PING_MS = 60_000;
/** The first attempt after a loss waits up to this, each further one up to twice as long. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 30_000;

/** How long to wait before an attempt. @param failed attempts since the connection was lost @param random from 0 to 1 */
export function reconnectWaitMs(failed: number, random: number): number {
  return random * Math.min(FIRST_WAIT_MS * 2 ** failed, LONGEST_WAIT_MS);
}

const decoder = new TextDecoder();

/**
 * The addresses of servers.
 *
 * @throws BrokerError for anything that is not a `nats://` or `tls://` URL, and for a password in one
 */
export function readServers(url: string): { readonly servers: readonly string[]; readonly tls: boolean } {
  const schemes = new Set<string>();
  const servers = url.split(",").map((each) => {
    const [, scheme = "nats", rest = ""] = /^(?:([a-z]+):\/\/)?(.*?)\/?$/.exec(each.trim()) ?? [];
    if (scheme !== "nats" && scheme !== "tls")
      throw new BrokerError(`"${each}" is not a NATS server: use nats://HOST:PORT or tls://HOST:PORT`, false);
    if (rest.includes("@"))
      throw new BrokerError("a password must not stand on the command line: use --nats-login FILE", false);
    if (!/^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(rest))
      throw new BrokerError(`"${each}" is not a NATS server`, false);
    schemes.add(scheme);
    return rest;
  });
  if (schemes.size > 1) throw new BrokerError("use nats:// or tls:// for all servers", false);
  return { servers, tls: schemes.has("tls") };
}

/** What the files say to the client library. @throws BrokerError */
function identity({ creds, nkey, login }: BrokerFiles) {
  if ([creds, nkey, login].filter((each) => each !== undefined).length > 1)
    throw new BrokerError("use one of --nats-creds, --nats-nkey and --nats-login", false);
  if (creds !== undefined) return { authenticator: credsAuthenticator(creds) };
  if (nkey !== undefined) {
    const seed = /^S[A-Z2-7]{57}$/m.exec(decoder.decode(nkey))?.[0];
    if (seed === undefined) throw new BrokerError("the file of --nats-nkey has no seed of an NKey", false);
    return { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) };
  }
  if (login === undefined) return {};
  const line = decoder.decode(login).split("\n")[0]!.trim();
  const colon = line.indexOf(":");
  return colon < 0 ? { token: line } : { user: line.slice(0, colon), pass: line.slice(colon + 1) };
}

/** An error of the client library in one line. */
function brokerError(error: unknown, url: string): BrokerError {
  const refused = error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
  // The transport rejects with nothing if the server closes the connection before it says anything.
  const text = error instanceof Error && error.message !== "" ? error.message : "the connection was closed";
  const [line = ""] = text.split("\n");
  return new BrokerError(`${url}: ${line.trim()}`, !refused, { cause: error });
}

/** Counts what happens on a connection, and passes it on. */
async function follow(
  connection: NatsConnection,
  counts: BrokerCounts,
  take: (status: Status) => void,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") counts.disconnects++;
    else if (status.type === "reconnect") counts.reconnects++;
    else if (status.type === "slowConsumer") counts.slowConsumers++;
    else if (status.type === "error") {
      if (/slow consumer/i.test(status.error.message)) counts.slowConsumers++;
      else counts.errors++;
    }
    take(status);
  }
}

/**
 * Connects.
 *
 * @throws BrokerError if the first attempt fails
 */
export async function connectBroker(options: BrokerOptions): Promise<Broker> {
  const { url, files, name, inboxPrefix, report } = options;
  const { servers, tls } = readServers(url);
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decoder.decode(bytes));
  const certificates = { ca: text(files.ca), cert: text(files.cert), key: text(files.key) };
  const given = Object.fromEntries(Object.entries(certificates).filter(([, value]) => value !== undefined));
  let failed = -1;
  let opened = false;
  let connection: NatsConnection;
  try {
    connection = await connect({
      ...identity(files),
      servers: [...servers],
      name,
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      // Without it, the library would fall back to plain text if the server offers nothing else.
      ...(tls || Object.keys(given).length > 0 ? { tls: given } : {}),
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      // A server whose accounts are being changed may refuse us for a while.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => 0,
      reconnectToServer([server]) {
        if (!opened || server === undefined) return null;
        failed++;
        return { server, delay: reconnectWaitMs(failed, Math.random()) };
      },
    });
  } catch (error) {
    throw error instanceof BrokerError ? error : brokerError(error, url);
  }
  opened = true;
  const counts: BrokerCounts = { disconnects: 0, reconnects: 0, slowConsumers: 0, errors: 0 };
  void follow(connection, counts, (status) => {
    if (status.type === "reconnect") failed = -1;
    report?.(status);
  });
  return { connection, counts };
}
