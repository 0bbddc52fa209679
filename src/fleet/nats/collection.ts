/** The state of a question whose answers are collected: what is known of each host, and what is still awaited. */
import type { NatsConnection } from "@nats-io/transport-node";
import type { Frame } from "../protocol.ts";
import { type FarHost, isDone } from "./far-host.ts";
import { writeCredit } from "./messages.ts";
import { creditFor } from "./subjects.ts";

/** Answers that are collected. */
export interface Collection {
  readonly connection: NatsConnection;
  /** The name of the question. */
  readonly id: string;
  /** The hosts, in the order of the list. */
  readonly fars: readonly FarHost[];
  /** Takes the frames of the answers: all of one host, then all of the next. */
  readonly take: (host: string, frame: Frame) => void;
  /** Milliseconds of a wall clock. */
  readonly now: () => number;
  /** Hosts whose pages are pulled, in this order. The first is read, the others are read ahead. */
  readonly queue: FarHost[];
  /** Hosts without a whole answer that have not failed either. */
  unfinished: number;
  /** Hosts without a summary that have not failed either. */
  silent: number;
  /** Whether pages are pulled: all hosts have been heard of, or there was time enough. */
  started: boolean;
  /** Whether there is no more time: what has come is shown, whatever it waits for. */
  isLate: boolean;
}

/** Allows a host to send pages, and says which were read. */
export function credit(
  { connection, id }: Collection,
  far: FarHost,
  from: number,
  until: number,
  done = far.next,
): void {
  connection.publish(creditFor(far.token), writeCredit({ id, done, from, until }));
}

/** Ends the answer of a host. @param failure why it is not whole */
export function finish(collection: Collection, far: FarHost, failure?: string): void {
  if (far.failure !== undefined) return;
  const { summary } = far;
  if (summary === undefined) collection.silent--;
  collection.unfinished--;
  if (failure !== undefined) far.failure = failure;
  far.early.clear();
  // The agent may forget the answer.
  if (summary !== undefined && !summary.inline) credit(collection, far, 0, 0, summary.pages);
}

/** Begins to pull the pages of the hosts that have been heard of. */
export function start(collection: Collection): void {
  if (collection.started) return;
  collection.started = true;
  collection.queue.push(...collection.fars.filter((far) => far.summary !== undefined && !isDone(far)));
}
