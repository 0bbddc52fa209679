/** The client's side: sends a question to other hosts, shows their answers, and names the hosts that did not answer. */
import { escapeText } from "../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import { type Severity, severities } from "../../doctor/rule.ts";
import { homeOf } from "../../enrich/users.ts";
import { fanOut, type HostOutcome } from "../../fleet/fan-out.ts";
import { HostListError, readHosts, readHostsFile, writeHosts } from "../../fleet/host-list.ts";
import { atText } from "../../fleet/past-comparison.ts";
import { type CutReason, PROTOCOL, type Question } from "../../fleet/protocol.ts";
import { openSsh, type Ssh } from "../../fleet/ssh.ts";
import { systemMessage } from "../../native/errno.ts";
import { readTime } from "../../store/time.ts";
import { EXIT_FOUND } from "../commands/doctor/settings.ts";
import type { HostChoice } from "../draft.ts";
import { isStop, type Stop, usageError } from "../getopt.ts";
import { halt } from "../halt.ts";
import type { World } from "../world.ts";
import { answersFor } from "./answers.ts";
import { between, showBetween } from "./between.ts";
import { isAskersOwn } from "./remote-options.ts";
import { followsHosts, type HostsTask, type OpenHosts } from "./task.ts";

/** Hosts that answer at a time, and hosts that connect or wait for their turn. */
const ANSWERING = 64;
const CONNECTING = 256;
/** Longest time for connecting to one host, in seconds. */
const CONNECT_SECONDS = 10;
/** Rows that one host may send. */
const MOST_ROWS = 1_000_000;
/** A time limit that is none: the longest that a timer takes, 24 days. */
const NO_LIMIT_MS = 2 ** 31 - 1;
/** Not all hosts gave a whole answer. */
const EXIT_INCOMPLETE = 1;

/** The hosts of a choice, each once. @returns a Stop if a list or a file cannot be read */
function hostsOf({ program, host }: World, { lists, files }: HostChoice): readonly string[] | Stop {
  const found = new Set<string>();
  try {
    for (const name of readHosts(lists.join(","))) found.add(name);
    for (const path of files)
      for (const name of readHostsFile(decodeBytes(host.files.read(path)))) found.add(name);
  } catch (error) {
    if (error instanceof HostListError) return usageError(`${program}: ${error.message}`);
    return usageError(`${program}: cannot read the hosts: ${systemMessage(error)}`);
  }
  return found.size > 0 ? [...found] : usageError(`${program}: no host is named`);
}

/** The question as it is sent: its options in full, without those for the client. @param atMs the time of --at */
function questionOf(
  { command, draft, steps, source }: HostsTask,
  form: Question["form"],
  atMs: number | undefined,
): Question {
  const args = steps
    .filter(({ long }) => !isAskersOwn(long))
    .map(({ long, value }) => {
      if (value === undefined) return `--${long}`;
      // The same moment, whatever the time zone there.
      return `--${long}=${long === "at" && atMs !== undefined ? atText(atMs) : value}`;
    });
  const { args: words, file } = source;
  return {
    protocol: PROTOCOL,
    args: command === undefined ? args : [command, ...args],
    words,
    ...(file === undefined ? {} : { filterFile: decodeBytes(file) }),
    form,
    maxRows: MOST_ROWS,
    // Events are followed until the run ends.
    budgetMs: followsHosts({ command, steps }) ? NO_LIMIT_MS : draft.hostTimeoutMs,
  };
}

/** Names joined by what was said of them: `web[1-2]: Connection refused`. */
function folded(lines: Iterable<readonly [host: string, text: string]>): string[] {
  const hosts = new Map<string, string[]>();
  for (const [host, text] of lines) {
    const known = hosts.get(text);
    if (known === undefined) hosts.set(text, [host]);
    else known.push(host);
  }
  return Array.from(hosts, ([text, names]) => `${writeHosts(names)}: ${text}`);
}

/** Why an answer is not whole, in words. */
const cutTexts: Readonly<Record<CutReason, string>> = {
  rows: "the answer was cut at the most rows that it may have",
  time: "the answer was cut at the time limit",
  cpu: "the answer was cut at the agent's limit of processor time",
  size: "the answer was cut at the most bytes that an agent keeps",
};

/** Says which hosts gave no answer, or not all of it. @returns the exit status */
export function conclude(
  { program, stderr }: World,
  outcomes: readonly HostOutcome[],
  notes: readonly (readonly [host: string, text: string])[],
): number {
  const say = (line: string) => stderr.write(encodeBytes(`${line}\n`));
  for (const line of folded(notes)) say(`${program}: ${line}`);
  const missing = outcomes.filter(({ failure }) => failure !== undefined);
  if (missing.length > 0) {
    say(`${program}: ${missing.length} of ${outcomes.length} hosts did not answer:`);
    for (const line of folded(missing.map(({ host, failure }) => [host, escapeText(failure!)])))
      say(`  ${line}`);
  }
  const cut = outcomes.flatMap((outcome) => {
    const reason = outcome.end?.cut;
    return reason === undefined ? [] : [[outcome.host, cutTexts[reason]] as const];
  });
  for (const line of folded(cut)) say(`${program}: ${line}`);
  const status = Math.max(...outcomes.map(({ end }) => end?.status ?? 0));
  return missing.length > 0 || cut.length > 0 ? Math.max(status, EXIT_INCOMPLETE) : status;
}

/** Options of the doctor with which the hosts are not compared: they choose its rules, or it never ends. */
const alone: ReadonlySet<string> = new Set(["watch", "rule", "explain", "list-rules"]);

function isAlone({ steps }: Pick<HostsTask, "steps">): boolean {
  return steps.some(({ long }) => alone.has(long));
}

/** Whether a finding of this severity fails the run: --fail-on. */
function fails({ steps }: HostsTask, severity: Severity): boolean {
  const wanted = steps.findLast(({ long }) => long === "fail-on")?.value;
  const least = severities.findIndex((each: string) => each === wanted);
  return least >= 0 && severities.indexOf(severity) >= least;
}

/**
 * The hosts of a command line, reached by ssh or over NATS.
 *
 * @returns a Stop if a list cannot be read, ssh cannot be prepared, or there is no connection
 */
export async function openHosts(
  world: World,
  task: Pick<HostsTask, "draft"> & Partial<Pick<HostsTask, "command" | "steps">>,
): Promise<OpenHosts | Stop> {
  const { draft } = task;
  const follows = followsHosts(task);
  const hosts = draft.hosts === undefined ? undefined : hostsOf(world, draft.hosts);
  if (hosts !== undefined && isStop(hosts)) return hosts;
  if (draft.fleet !== undefined) {
    const { openFleet } = await import("./open-fleet.ts");
    return openFleet(world, draft, draft.fleet, hosts);
  }
  if (hosts === undefined) return usageError(`${world.program}: no host is named`);
  const { hostTimeoutMs, sudo } = draft;
  const connectTimeoutS = Math.max(1, Math.min(CONNECT_SECONDS, Math.ceil(hostTimeoutMs / 3000)));
  let ssh: Ssh;
  try {
    const home = homeOf(world.host.files, String(process.getuid!())) ?? world.env["HOME"] ?? "/";
    ssh = openSsh({ program: "ssh", connectTimeoutS, sudo, home });
  } catch (error) {
    return usageError(`${world.program}: cannot write the settings for ssh: ${systemMessage(error)}`);
  }
  const limits = {
    answering: follows ? hosts.length : ANSWERING,
    connecting: CONNECTING,
    deadlineMs: follows ? NO_LIMIT_MS : hostTimeoutMs,
  };
  const interrupted = world.interrupted();
  return {
    hosts,
    ask: (some, question, take) => fanOut(some, ssh.connect, question, limits, take, interrupted),
    oneByOne: false,
    [Symbol.asyncDispose]: async () => ssh[Symbol.dispose](),
  };
}

/** Whether the doctor's findings of the hosts are followed by those between them. */
function comparesHosts({ command, draft, steps }: HostsTask): boolean {
  // The connections of a whole fleet are too many to join here.
  return command === "doctor" && draft.hosts !== undefined && !isAlone({ steps });
}

/** Queries other hosts, and shows their answers. @returns the exit status */
export async function askHosts(world: World, task: HostsTask): Promise<number> {
  const opened = await openHosts(world, task);
  if (isStop(opened)) return halt(world, opened);
  await using open = opened;
  const { draft } = task;
  const { hosts, ask } = open;
  const answers = await answersFor(world, task, open);
  if (isStop(answers)) return halt(world, answers);
  const notes: [host: string, text: string][] = [];
  // What is no time is refused by the hosts.
  const atMs = draft.at === undefined ? undefined : readTime(draft.at, Date.now());
  const question = questionOf({ ...task, steps: answers.steps ?? task.steps }, answers.form, atMs);
  const outcomes = await ask(hosts, question, (host, frame) => {
    if ("note" in frame) {
      for (const line of frame.note.split("\n")) if (line !== "") notes.push([host, escapeText(line)]);
    } else answers.take(host, frame);
  });
  answers.end();
  const status = conclude(world, outcomes, notes);
  const whole = outcomes.filter(({ failure }) => failure === undefined).map(({ host }) => host);
  if (!comparesHosts(task) || whole.length === 0 || world.interrupted().aborted) return status;
  if (draft.at !== undefined && atMs === undefined) return status;
  const found = await between(ask, { ...task, atMs }, whole);
  showBetween(world, draft.format === "table" ? "text" : "json", found, atMs);
  return found.findings.some(({ severity }) => fails(task, severity)) ? Math.max(status, EXIT_FOUND) : status;
}
