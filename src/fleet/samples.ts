/** Samples of the TCP sockets of many hosts. */
import { askedColumns, type End, readEnd } from "./ends.ts";
import type { HostOutcome } from "./fan-out.ts";
import type { HostAddresses } from "./join.ts";
import { type Frame, PROTOCOL, ProtocolError, type Question } from "./protocol.ts";

/** Puts a question to hosts. */
export type AskAll = (
  hosts: readonly string[],
  question: Question,
  take: (host: string, frame: Frame) => void,
) => Promise<readonly HostOutcome[]>;

/** What to ask of each host. */
export interface EndsRequest {
  /** Whether every network namespace is listed. */
  readonly allNetns: boolean;
  readonly containers: boolean;
  /** The filter. */
  readonly words: readonly string[];
  /** The contents of the filter file. */
  readonly filterFile?: string;
  /** Milliseconds that an answer may take. */
  readonly budgetMs: number;
}

/** What the hosts that answered whole have. */
export interface Sample {
  readonly ends: readonly End[];
  readonly addresses: HostAddresses;
  readonly outcomes: readonly HostOutcome[];
}

/** Ends that one host may send. */
const MOST_ENDS = 500_000;

/** The question for the ends of a host's TCP connections. */
function endsQuestion({ allNetns, containers, words, filterFile, budgetMs }: EndsRequest): Question {
  const columns = `--columns=${askedColumns(containers).join(",")}`;
  return {
    protocol: PROTOCOL,
    args: ["--tcp", "--all", "--numeric", ...(allNetns ? ["--all-netns"] : []), columns],
    words,
    ...(filterFile === undefined ? {} : { filterFile }),
    form: "rows",
    maxRows: MOST_ENDS,
    budgetMs,
  };
}

/** Takes one sample. Hosts whose answer is not whole are left out: other ends would look missing. */
export async function sampleEnds(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
): Promise<Sample> {
  const found = new Map<string, End[]>(hosts.map((host) => [host, []]));
  const width = askedColumns(request.containers).length;
  const outcomes = await ask(hosts, endsQuestion(request), (host, frame) => {
    if (!("rows" in frame)) return;
    const ends = found.get(host)!;
    for (const { values } of frame.rows) {
      if (values?.length !== width) throw new ProtocolError("a row of another shape");
      const end = readEnd(host, values);
      if (end !== undefined) ends.push(end);
    }
  });
  const whole = outcomes.filter(({ end }) => end?.status === 0 && end.cut === undefined);
  return {
    ends: whole.flatMap(({ host }) => found.get(host)!),
    addresses: new Map(whole.map(({ host, addresses }) => [host, addresses])),
    outcomes,
  };
}
