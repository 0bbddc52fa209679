/** Opens the connection to NATS that a command line describes. */
import { escapeText } from "../../bytes/terminal.ts";
import {
  type Broker,
  BrokerError,
  type BrokerFiles,
  type BrokerOptions,
  connectBroker,
} from "../../fleet/nats/connect.ts";
import { systemMessage } from "../../native/errno.ts";
import type { Draft } from "../draft.ts";
import { isStop, type Stop, usageError } from "../getopt.ts";
import type { World } from "../world.ts";

/** Bytes of a file of keys or certificates that are read: the authorities of a whole distribution are 250 KiB. */
const FILE_LIMIT = 1 << 20;
/** The exit status if there is no connection. */
const EXIT_UNCONNECTED = 1;

/** A small file that an option names. @param option for the message @returns a Stop if it cannot be read */
export function optionFile({ program, host }: World, option: string, path: string): Uint8Array | Stop {
  try {
    const bytes = host.files.read(path, { limit: FILE_LIMIT });
    return bytes.length <= FILE_LIMIT ? bytes : usageError(`${program}: --${option}: ${path} is too long`);
  } catch (error) {
    return usageError(`${program}: --${option}: cannot read ${path}: ${systemMessage(error)}`);
  }
}

/** The contents of the files that the options name. @returns a Stop if one cannot be read */
export function brokerFiles(world: World, { natsFiles }: Pick<Draft, "natsFiles">): BrokerFiles | Stop {
  const files: Record<string, Uint8Array> = {};
  for (const [field, path] of Object.entries(natsFiles)) {
    const bytes = optionFile(world, `nats-${field}`, path);
    if ("kind" in bytes) return bytes;
    files[field] = bytes;
  }
  return files;
}

/** A failure of a connection as the end of the run. */
export function brokerStop(program: string, error: unknown): Stop {
  if (!(error instanceof BrokerError)) throw error;
  // The message may be the server's own.
  const message = `${program}: ${escapeText(error.message)}`;
  return { kind: "error", message, usage: false, status: EXIT_UNCONNECTED };
}

/**
 * Connects, and keeps the client library from printing what a server sent: it reports broken messages on the console.
 *
 * @throws BrokerError
 */
export function connectQuietly(options: BrokerOptions): Promise<Broker> {
  for (const method of ["log", "error", "trace", "info"] as const) console[method] = () => undefined;
  return connectBroker(options);
}

/**
 * Connects to the NATS servers of a command line.
 *
 * @returns a Stop if a file cannot be read, or there is no connection
 */
export async function openBroker(
  world: World,
  draft: Pick<Draft, "natsFiles">,
  options: Omit<BrokerOptions, "files">,
): Promise<Broker | Stop> {
  const files = brokerFiles(world, draft);
  if (isStop(files)) return files;
  try {
    return await connectQuietly({ ...options, files });
  } catch (error) {
    return brokerStop(world.program, error);
  }
}
