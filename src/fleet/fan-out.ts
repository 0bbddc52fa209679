/**
 * Puts one question to many hosts: a few answer at a time, and a host that is slow to connect does not hold them up.
 */
import {
  type End,
  type Frame,
  type Hello,
  PROTOCOL,
  ProtocolError,
  type Question,
  readFrame,
  writeLine,
} from "./protocol.ts";

/** A connection to a host's agent, as lines of text. */
export interface Connection {
  /** What the agent sends; ends when the connection does. @throws ProtocolError for a line that is too long */
  readonly lines: AsyncIterable<string>;
  /** Sends the question. Nothing follows it. */
  send(line: string): void;
  /** Why the connection has ended, in a few words. Resolves once it has. */
  failure(): Promise<string>;
  /** Ends the connection at once. A second call does nothing. */
  close(): void;
}

/** Begins to connect to a host. */
export type Connect = (host: string) => Connection;

/** How many hosts answer at a time, and for how long. */
export interface FanOutLimits {
  /** Hosts that answer at a time. */
  readonly answering: number;
  /** Hosts that connect, or have connected and wait for their turn. */
  readonly connecting: number;
  /** Milliseconds until the run ends, whatever is missing. */
  readonly deadlineMs: number;
}

/** What became of a host. */
export interface HostOutcome {
  readonly host: string;
  /** What the agent said of itself; undefined if it did not. */
  readonly hello: Hello | undefined;
  /** The host's clock when it began to answer. Undefined if there was no answer. */
  readonly clock:
    | {
        /** Its own time in milliseconds since 1970, and since its boot. */
        readonly wallMs: number;
        readonly bootMs: number;
        /** How far it is ahead of ours, in milliseconds. */
        readonly aheadMs: number;
        /** How much that may be off: half the time between question and answer. */
        readonly errorMs: number;
      }
    | undefined;
  /** The IP addresses of its interfaces, as far as it said. */
  readonly addresses: readonly string[];
  /** The end of its answer; undefined if it did not get there. */
  readonly end: End | undefined;
  /** Why there is no whole answer, in a few words; undefined if there is one. */
  readonly failure: string | undefined;
}

/** Text that may come before an agent's first line: what a shell's startup file prints. */
const PREAMBLE_LIMIT = 64 << 10;

/** Lets at most so many in at a time, in the order in which they came. */
function gate(places: number): { enter(): Promise<void>; leave(): void } {
  let free = places;
  const waiting: (() => void)[] = [];
  return {
    async enter() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    },
  };
}

/** The frames of an agent. Lines before the first frame are skipped. @throws ProtocolError */
async function* framesOf(lines: AsyncIterable<string>): AsyncGenerator<Frame> {
  let preamble = 0;
  let begun = false;
  for await (const line of lines) {
    let frame: Frame;
    try {
      frame = readFrame(line);
    } catch (error) {
      preamble += line.length + 1;
      if (begun || preamble > PREAMBLE_LIMIT) throw error;
      continue;
    }
    begun = true;
    yield frame;
  }
}

/** Why an agent of another version cannot be understood; undefined if it can. */
export function versionProblem({ version, protocols }: Hello): string | undefined {
  if (protocols.includes(PROTOCOL)) return undefined;
  return `its sockscope ${version} speaks protocol ${protocols.join(", ") || "none"}, and this one ${PROTOCOL}`;
}

/**
 * Queries hosts.
 *
 * @param take takes the frames of an answer: rows, output, notes
 * @param interrupted ends the run when it is aborted
 * @param now milliseconds of a wall clock
 * @returns what became of each host, in the order of the list
 */
export async function fanOut(
  hosts: readonly string[],
  connect: Connect,
  question: Question,
  limits: FanOutLimits,
  take: (host: string, frame: Frame) => void,
  interrupted: AbortSignal,
  now: () => number = Date.now,
): Promise<readonly HostOutcome[]> {
  const connecting = gate(limits.connecting);
  const answering = gate(limits.answering);
  const open = new Set<Connection>();
  let late = false;
  const giveUp = () => {
    late = true;
    for (const connection of open) connection.close();
  };
  const timer = setTimeout(giveUp, limits.deadlineMs);
  interrupted.addEventListener("abort", giveUp);
  const seconds = `${limits.deadlineMs / 1000} s`;

  async function ask(host: string): Promise<HostOutcome> {
    let hello: Hello | undefined;
    let clock: HostOutcome["clock"];
    let addresses: readonly string[] = [];
    const outcome = (end: End | undefined, failure: string | undefined): HostOutcome => ({
      host,
      hello,
      clock,
      addresses,
      end,
      failure,
    });
    const failed = (failure: string) => outcome(undefined, failure);
    await connecting.enter();
    let waits = true;
    let answers = false;
    if (late) {
      connecting.leave();
      return failed(`not queried within ${seconds}`);
    }
    const connection = connect(host);
    open.add(connection);
    const frames = framesOf(connection.lines);
    try {
      let askedMs = 0;
      for (;;) {
        const { value: frame, done } = await frames.next();
        if (done === true) break;
        if ("hello" in frame) {
          if (hello !== undefined) throw new ProtocolError("a second hello");
          hello = frame.hello;
          const problem = versionProblem(hello);
          if (problem !== undefined) return failed(problem);
          await answering.enter();
          answers = true;
          connecting.leave();
          waits = false;
          if (late) break;
          askedMs = now();
          connection.send(writeLine(question));
        } else if (hello === undefined) throw new ProtocolError("an answer without a hello");
        else if ("begin" in frame) {
          const nowMs = now();
          const { wallMs, bootMs } = frame.begin;
          addresses = frame.begin.addresses;
          const errorMs = (nowMs - askedMs) / 2;
          clock = { wallMs, bootMs, aheadMs: wallMs - askedMs - errorMs, errorMs };
        } else if ("end" in frame) return outcome(frame.end, undefined);
        else take(host, frame);
      }
      if (late)
        return failed(
          hello === undefined ? `not connected within ${seconds}` : `no whole answer within ${seconds}`,
        );
      return failed(await connection.failure());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return failed(`its answer is malformed: ${error.message}`);
    } finally {
      // First: a generator that still waits for its stream ends only when the stream does.
      connection.close();
      frames.return(undefined).catch(() => undefined);
      open.delete(connection);
      if (waits) connecting.leave();
      if (answers) answering.leave();
    }
  }

  try {
    return await Promise.all(hosts.map(ask));
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener("abort", giveUp);
  }
}
