/** One run of `who`. */
import { once } from "../../../enrich/once.ts";
import { readServices } from "../../../enrich/services.ts";
import { FilterError } from "../../../filter/errors.ts";
import type { Selection } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import { JsonWriter } from "../../../output/json.ts";
import { sourcesOf } from "../../../procfs/source.ts";
import { allParts } from "../../../query/all-parts.ts";
import { openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import type { Draft } from "../../draft.ts";
import { isStop, usageError } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseStates, chooseTables, select } from "../../select.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import type { Answer } from "./answer.ts";
import { gather } from "./gather.ts";
import { answerObject } from "./json.ts";
import { readTarget, type Target, type TypedTarget, targetSpelling, targetText } from "./target.ts";
import { answerText } from "./text.ts";

const encoder = new TextEncoder();

/** The exit status where nothing has the target. */
const EXIT_NOTHING = 1;
/** Columns of the text where there is no terminal, or its width is not known. */
const TEXT_COLUMNS = 80;
/** The tables that have ports and addresses. */
const INET_TABLES = "tcp,udp,mptcp,sctp,dccp";

/** The sockets that a target may be among. */
function selectionFor(world: World, { choice }: Draft, target: Target): Selection {
  const inet = target.kind === "process" || choice.made ? choice : chooseTables(choice, INET_TABLES);
  if ("illegal" in inet) throw new TypeError("these are tables");
  const selected = select(chooseStates(inet, stateGroups.all), [], world.program);
  if (isStop(selected)) throw new TypeError("tables and states were chosen");
  return selected.selection;
}

function isEmpty({ holders, clients, unowned }: Answer): boolean {
  return holders.length === 0 && clients.length === 0 && unowned.size === 0;
}

async function answerAbout({ world, host, draft }: Task<unknown>, target: Target): Promise<Answer> {
  const selection = selectionFor(world, draft, target);
  const plan = planOf(
    world,
    draft,
    selection,
    { args: [], file: undefined },
    { demands: ["owners", "peerNames"] },
  );
  let unreadable: readonly number[] = [];
  const report = (problem: Problem) => {
    if (problem.kind === "unreadable") unreadable = problem.pids;
    else world.stderr.write(encoder.encode(problemText(world, host, plan.sources, problem)));
  };
  const context = { host, report, parts: allParts, keep: true };
  using query = await openQuery(context, { ...plan, serviceNames: false });
  return await gather(query, {
    target,
    files: host.files,
    containers: draft.demands.has("containers"),
    unreadable: () => unreadable,
  });
}

/** The answer, with what a bare number may mean beside the port. */
async function answerBoth(task: Task<unknown>, { target, otherwise }: TypedTarget): Promise<Answer> {
  const answer = await answerAbout(task, target);
  if (otherwise === undefined) return answer;
  if (isEmpty(answer)) {
    const process = await answerAbout(task, otherwise);
    return isEmpty(process) ? answer : process;
  }
  if (otherwise.kind !== "process" || !exists(task, otherwise.pid)) return answer;
  const note = `There is a process ${otherwise.pid}, too: see pid=${otherwise.pid}.`;
  return { ...answer, notes: [...answer.notes, note] };
}

function exists({ world, host }: Task<unknown>, pid: number): boolean {
  try {
    return host.files.read(`${sourcesOf(world.env).root}/${pid}/stat`).length > 0;
  } catch {
    return false;
  }
}

/** Answers who has a port, an address or the sockets of a process. @returns the exit status */
export async function runWho(task: Task<unknown>): Promise<number> {
  const { world, host, draft, words } = task;
  const wrong = (message: string) => halt(world, usageError(`${world.program}: who: ${message}`));
  const [word, ...others] = words.args;
  if (words.file !== undefined || word === undefined || others.length > 0)
    return wrong(`one operand is needed: ${targetSpelling}`);
  const typed = readTarget(
    word,
    once(() => readServices(host.files)),
  );
  if (typed === undefined) return wrong(`"${word}" is not ${targetSpelling}`);
  let answer: Answer;
  try {
    answer = await answerBoth(task, typed);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return wrong(`"${word}" has no address, and is not ${targetSpelling}`);
  }
  if (draft.format === "table") {
    const columns = world.stdout.terminalColumns || TEXT_COLUMNS;
    if (isEmpty(answer))
      world.stderr.write(encoder.encode(`${world.program}: who: nothing has ${targetText(typed.target)}\n`));
    else world.stdout.write(encoder.encode(answerText(answer, columns)));
  } else {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write(answerObject(answer));
    json.end();
  }
  return isEmpty(answer) ? EXIT_NOTHING : 0;
}
