/** `agent --nats`: answers the questions that a NATS server delivers, until it is interrupted. */
import { randomBytes } from "node:crypto";
import { expectLongRun } from "#libc";
import { escapeText } from "../../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../../bytes/text.ts";
import { cpuAllowance, processorMs } from "../../../fleet/allowance.ts";
import { type AgentOptions, startAgent } from "../../../fleet/nats/agent.ts";
import {
  type Broker,
  BrokerError,
  type BrokerOptions,
  reconnectWaitMs,
} from "../../../fleet/nats/connect.ts";
import { KeyError, readTrusted } from "../../../fleet/nats/nkey.ts";
import { hostToken, inboxOf } from "../../../fleet/nats/subjects.ts";
import { systemClock } from "../../../store/clock.ts";
import { type AnswerLimits, answer } from "../../fleet/answer.ts";
import { brokerFiles, brokerStop, connectQuietly, optionFile } from "../../fleet/broker.ts";
import { isStop, type Stop, usageError } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { takeTurns } from "../turns.ts";
import { beginNow, helloOf } from "./identity.ts";
import { stayingAgent } from "./limits.ts";
import type { AgentSettings } from "./settings.ts";
import { startFeeds } from "./start-feeds.ts";

/** Share of one core that answers may use. */
const CPU_SHARE = 0.25;
/** Characters of random bytes that tell this process from others. */
const INSTANCE_BYTES = 12;
/** The same message is printed once in this time. */
const REPEAT_MS = 60_000;
/** Different messages whose time is kept. */
const MOST_MESSAGES = 100;

/** The keys of `--trust`; undefined if there are none. @returns a Stop if the file cannot be read */
function trustedKeys(world: World, path: string | undefined): AgentOptions["trusted"] | Stop {
  if (path === undefined) return undefined;
  const file = optionFile(world, "trust", path);
  if ("kind" in file) return file;
  try {
    return readTrusted(decodeBytes(file));
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return usageError(`${world.program}: --trust: ${path}: ${error.message}`);
  }
}

/** Makes the function that prints messages, each at most once a minute. */
function reporter({ program, stderr }: World): (line: string) => void {
  const printed = new Map<string, number>();
  return (line) => {
    const now = systemClock.awakeMs();
    if (now - (printed.get(line) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    if (printed.size >= MOST_MESSAGES) printed.clear();
    printed.set(line, now);
    stderr.write(encodeBytes(`${program}: agent: ${escapeText(line)}\n`));
  };
}

/** Waits. Returns at once when the run is interrupted. */
async function pause(ms: number, interrupted: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  interrupted.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

/**
 * Connects, and tries again while the servers cannot be reached.
 *
 * @returns undefined if the run is interrupted
 * @throws BrokerError if a server refuses us
 */
async function connectPatiently(
  options: BrokerOptions,
  report: (line: string) => void,
  interrupted: AbortSignal,
): Promise<Broker | undefined> {
  for (let failed = 0; !interrupted.aborted; failed++) {
    try {
      return await connectQuietly(options);
    } catch (error) {
      if (!(error instanceof BrokerError) || !error.mayPass) throw error;
      report(`${error.message}: trying again`);
      await pause(reconnectWaitMs(failed, Math.random()), interrupted);
    }
  }
  return undefined;
}

/** Runs the agent. @returns the exit status */
export async function serveFleet(task: Task<AgentSettings>, url: string): Promise<number> {
  expectLongRun();
  const { world: here, host, draft, settings } = task;
  const world = { ...here, host };
  const known = helloOf(host.files);
  const hello = { ...known, host: settings.name ?? known.host };
  let token: string;
  try {
    token = hostToken(hello.host);
  } catch (error) {
    return halt(world, usageError(`${world.program}: agent: ${(error as RangeError).message}: use --name`));
  }
  const trusted = trustedKeys(here, settings.trust);
  if (trusted !== undefined && "kind" in trusted) return halt(world, trusted);
  const files = brokerFiles(here, draft);
  if (isStop(files)) return halt(world, files);
  const report = reporter(world);
  const interrupted = world.interrupted();
  let reconnected: () => void = () => undefined;
  const options: BrokerOptions = {
    url,
    files,
    name: `sockscope agent ${hello.host}`,
    inboxPrefix: inboxOf(token),
    report(status) {
      if (status.type === "disconnect") report(`lost the connection to ${status.server}`);
      else if (status.type === "error") report(status.error.message);
      else if (status.type === "reconnect") {
        report(`connected again to ${status.server}`);
        reconnected();
      }
    },
  };
  const feeds = await startFeeds(task, hello, report);
  if ("kind" in feeds) return halt(world, feeds);
  let broker: Broker | undefined;
  try {
    broker = await connectPatiently(options, report, interrupted);
  } catch (error) {
    await feeds.end();
    return halt(world, brokerStop(world.program, error));
  }
  if (broker === undefined) {
    await feeds.end();
    return Number(interrupted.reason);
  }
  const { connection } = broker;
  const now = () => systemClock.awakeMs();
  const { maxRows } = settings;
  // So that the agent hears its server while it answers.
  const pause = takeTurns(now, new AbortController().signal);
  const agent = startAgent({
    connection,
    hello,
    instance: randomBytes(INSTANCE_BYTES).toString("base64url"),
    begin: beginNow,
    answer(question, send, { reached, signal }) {
      const limits: AnswerLimits = { ...stayingAgent, now, maxRows, reached, pause };
      return answer(world, question, send, signal === undefined ? limits : { ...limits, signal });
    },
    trusted,
    allowance: cpuAllowance(settings.maxCpuShare ?? CPU_SHARE, now, processorMs),
    wallMs: () => systemClock.wallMs(),
    awakeMs: now,
    report,
  });
  feeds.connected(connection);
  reconnected = () => {
    agent.reconnected();
    feeds.reconnected();
  };
  report(`answers as ${hello.host} at ${connection.getServer()}`);
  if (trusted === undefined)
    report("answers every client that the server lets ask: --trust requires signatures");
  const interruption = new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener("abort", () => resolve(), { once: true });
  });
  const closed = await Promise.race([
    connection.closed().then((error) => error ?? true),
    interruption,
    feeds.failed,
  ]);
  agent.stop();
  await feeds.end();
  if (typeof closed === "number") {
    await connection.close();
    return closed;
  }
  if (closed === undefined) {
    await connection.close();
    return Number(interrupted.reason);
  }
  report(`the connection is closed${closed instanceof Error ? `: ${closed.message}` : ""}`);
  return 1;
}
