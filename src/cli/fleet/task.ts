/** The client's work: a command line for other hosts, and what shows their answers. */
import type { FilterSource } from "../../filter/source.ts";
import type { Frame, Question } from "../../fleet/protocol.ts";
import type { AskAll } from "../../fleet/samples.ts";
import type { CommandWord } from "../commands/command-names.ts";
import type { Draft } from "../draft.ts";
import type { Parsed } from "../parse.ts";

/** A command line for other hosts. */
export interface HostsTask {
  /** The command; undefined for a listing. */
  readonly command?: CommandWord;
  readonly draft: Draft;
  /** The options, in order. */
  readonly steps: Parsed["steps"];
  readonly source: FilterSource;
}

/** Whether a command line follows the hosts until it is interrupted. */
export function followsHosts({
  command,
  steps = [],
}: {
  readonly command?: CommandWord | undefined;
  readonly steps?: HostsTask["steps"];
}): boolean {
  return command === "events" || (command === "doctor" && steps.some(({ long }) => long === "watch"));
}

/** What shows the answers. */
export interface Answers {
  /** What the answers consist of. */
  readonly form: Question["form"];
  /** The options of the question, where they differ from what was typed. */
  readonly steps?: HostsTask["steps"];
  /** Takes a part of a host's answer. @throws ProtocolError for one that cannot be shown */
  take(host: string, frame: Frame): void;
  /** Shows what is not shown yet. */
  end(): void;
}

/** Hosts that answer questions until they are disposed. */
export interface OpenHosts extends AsyncDisposable {
  /** Their names, each once. */
  readonly hosts: readonly string[];
  readonly ask: AskAll;
  /** Whether an answer is taken whole before the next one begins. */
  readonly oneByOne: boolean;
}
