/** One run of `agent`. */
import { decodeBytes, encodeBytes } from "../../../bytes/text.ts";
import { cpuAllowance, processorMs, unlimited } from "../../../fleet/allowance.ts";
import { type Frame, ProtocolError, readQuestion, writeLine } from "../../../fleet/protocol.ts";
import { systemClock } from "../../../store/clock.ts";
import { answer, ownLimits } from "../../fleet/answer.ts";
import { usageError } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { Task } from "../command.ts";
import { beginNow, helloOf } from "./identity.ts";
import type { AgentSettings } from "./settings.ts";

/** Runs the agent. @returns the exit status */
export async function runAgent(task: Task<AgentSettings>): Promise<number> {
  const { world, settings, words } = task;
  const stop = (message: string) => halt(world, usageError(`${world.program}: agent: ${message}`));
  if (words.args.length > 0 && settings.feeds.events === undefined)
    return stop("it takes no filter: questions bring their own");
  const { stdio, nats, makeKey } = settings;
  const modes = [stdio, nats !== undefined, makeKey !== undefined].filter(Boolean).length;
  if (modes !== 1) return stop("use one of --stdio, --nats and --make-key");
  const { events, findings } = settings.feeds;
  if (nats === undefined && (events !== undefined || findings))
    return stop(`${events === undefined ? "--findings" : "--events"} needs --nats`);
  if (makeKey !== undefined) return (await import("./make-key.ts")).writeKey(world, makeKey);
  if (nats !== undefined) return (await import("./nats.ts")).serveFleet(task, nats);
  return answerOnce(task, stop);
}

/** Answers one question from standard input. @returns the exit status */
async function answerOnce(
  { world: here, host, settings }: Task<AgentSettings>,
  stop: (message: string) => Promise<number>,
): Promise<number> {
  const world = { ...here, host };
  const send = (frame: Frame) => world.stdout.write(encodeBytes(writeLine(frame)));
  send({ hello: helloOf(world.host.files) });
  const [line = ""] = decodeBytes(world.readStdin()).split("\n");
  // The client has left: it has enough answers, or does not speak this version.
  if (line === "") return 0;
  try {
    const question = readQuestion(line);
    send({ begin: beginNow() });
    const { maxRows, maxCpuShare } = settings;
    const awakeMs = () => systemClock.awakeMs();
    const allowance = maxCpuShare === undefined ? unlimited : cpuAllowance(maxCpuShare, awakeMs, processorMs);
    allowance.begin();
    await answer(world, question, send, {
      ...ownLimits(awakeMs),
      maxRows,
      reached: () => (allowance.leftMs() > 0 ? undefined : "cpu"),
    });
    return 0;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return stop(error.message);
  }
}
