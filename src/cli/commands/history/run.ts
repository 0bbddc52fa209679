/** One run of `history`. */
import { type Span, StoreReader } from "../../../store/reader.ts";
import { halt } from "../../halt.ts";
import { storeFolder } from "../../past.ts";
import type { Task } from "../command.ts";
import { writeLines, writeObject } from "./answer.ts";
import { listConnections } from "./connections.ts";
import { coverageLine, coverageLines, coverageObject } from "./coverage.ts";
import { showChanges } from "./diff.ts";
import { exportMoment } from "./export.ts";
import { showFindings } from "./findings.ts";
import { showNews } from "./news.ts";
import type { HistorySettings } from "./settings.ts";
import { spanOf, usageStop } from "./span.ts";

const encoder = new TextEncoder();

/** A question other than the list of connections. */
interface Question {
  /** How many words may follow, and what they are. */
  readonly words: readonly [most: number, what: string];
  /** Whether the words are times, in place of --since and --until. */
  readonly times?: true;
  /** Whether the answer itself is the coverage. */
  readonly isCoverage?: true;
  answer(
    task: Task<HistorySettings>,
    reader: StoreReader,
    span: Span,
    words: readonly string[],
  ): Promise<number>;
}

const questions: Readonly<Record<string, Question>> = {
  coverage: { words: [0, "no filter"], isCoverage: true, answer: showCoverage },
  diff: { words: [2, "two times"], times: true, answer: showChanges },
  findings: { words: [64, "rules"], answer: showFindings },
  new: { words: [3, "listener, server and client"], answer: showNews },
};

/** Lists the past, or says how much of it is known. @returns the exit status */
export async function runHistory(task: Task<HistorySettings>): Promise<number> {
  const { world, settings, words, draft } = task;
  const [first = "", ...rest] = words.args;
  const question = Object.hasOwn(questions, first) ? questions[first] : undefined;
  if (question !== undefined && rest.length > question.words[0])
    return halt(
      world,
      usageStop(world.program, `"${first}" takes ${question.words[1]}, not "${rest.join(" ")}"`),
    );
  if (settings.at !== undefined && first !== "export")
    return halt(
      world,
      usageStop(world.program, "--at goes with export; without a command, --at lists a moment"),
    );
  if (first === "export" && world.remote !== undefined)
    return halt(world, usageStop(world.program, "export cannot be sent to another host: it writes a folder"));
  if (first === "export") return exportMoment(task, rest);
  const span = spanOf(world, settings, question?.times ? rest : []);
  if ("kind" in span) return halt(world, span);
  const reader = new StoreReader(storeFolder(world, settings.store));
  const status = await (question?.answer(task, reader, span, rest) ?? listConnections(task, reader, span));
  // Programs find it in the answer.
  const isWithin = question !== undefined && draft.format !== "table";
  if (status === 0 && !isWithin && !question?.isCoverage)
    world.stderr.write(encoder.encode(`${world.program}: history: ${coverageLine(reader.coverage(span))}\n`));
  return status;
}

/** `history coverage`. */
async function showCoverage(task: Task<HistorySettings>, reader: StoreReader, span: Span): Promise<number> {
  const coverage = reader.coverage(span);
  if (task.draft.format === "table") writeLines(task, coverageLines(coverage));
  else writeObject(task, coverageObject(coverage));
  return 0;
}
