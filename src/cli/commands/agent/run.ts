/** One run of `agent`. */
import { networkInterfaces } from "node:os";
import packageJson from "../../../../package.json" with { type: "json" };
import { type Frame, PROTOCOL, ProtocolError, readQuestion, writeLine } from "../../../fleet/protocol.ts";
import type { Files } from "../../../host/host.ts";
import { systemClock } from "../../../store/clock.ts";
import { answer } from "../../fleet/answer.ts";
import { usageError } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import type { AgentSettings } from "./settings.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The text of a small file of /proc, in one line; empty if it cannot be read. */
function lineOf(files: Files, path: string): string {
  try {
    return decoder.decode(files.read(path)).trim();
  } catch {
    return "";
  }
}

/** What this host says of itself. */
function helloOf({ host: { files } }: World): Frame {
  return {
    hello: {
      version: packageJson.version,
      protocols: [PROTOCOL],
      host: lineOf(files, "/proc/sys/kernel/hostname"),
      bootId: lineOf(files, "/proc/sys/kernel/random/boot_id"),
    },
  };
}

/** The IP addresses of this host's interfaces. */
function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .map(({ address }) => address);
}

/** Answers one question. @returns the exit status */
export async function runAgent({ world: here, host, settings, words }: Task<AgentSettings>): Promise<number> {
  const world = { ...here, host };
  const stop = (message: string) => halt(world, usageError(`${world.program}: agent: ${message}`));
  if (words.args.length > 0) return stop("it takes no filter: questions bring their own");
  if (!settings.stdio) return stop("--stdio is missing");
  const send = (frame: Frame) => world.stdout.write(encoder.encode(writeLine(frame)));
  send(helloOf(world));
  const [line = ""] = decoder.decode(world.readStdin()).split("\n");
  // The asker has left: it has enough answers, or does not speak this version.
  if (line === "") return 0;
  try {
    const question = readQuestion(line);
    send({ begin: { wallMs: systemClock.wallMs(), bootMs: systemClock.bootMs(), addresses: addresses() } });
    const maxRows = Math.min(question.maxRows, settings.maxRows);
    await answer(world, { ...question, maxRows }, send, () => systemClock.awakeMs());
    return 0;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return stop(error.message);
  }
}
