/** What `--columns`, `--by`, `--sort` and `--top` make of a run: columns by their names, and what these need. */
import type { CatalogColumn } from "../catalogue/catalog.ts";
import { COUNT, everyColumn } from "./columns.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import { type Draft, type Option, options } from "./options.ts";

/** A name to sort by. */
export interface SortName {
  readonly name: string;
  readonly descending: boolean;
}

/** How the sockets of a run are viewed. */
export interface View {
  /** The options with those that the columns need: what is asked of the kernel, /proc and the resolver. */
  readonly needs: Draft;
  /** What is sorted by, the first counts most. */
  readonly sort: readonly SortName[];
  /** Names of the columns to show; undefined for what the format has without being told. */
  readonly columns?: readonly string[];
  /** Names of the columns to group by; undefined for sockets. */
  readonly by?: readonly string[];
  /** How many rows are shown at most. */
  readonly top?: number;
  /** Tells what limits TCP connections, if that is needed. */
  readonly explainer?: Explainer;
}

/** What `--explain` needs, loaded with it. */
export type Explainer = Pick<typeof import("../output/explain.ts"), "explanationOf" | "explanationText">;

/** What is added up unless columns are named: what waits in the queues, and with -i what has gone through. */
const usualSums = ["recvq", "sendq"];
const usualInfoSums = ["bytes_sent", "bytes_received"];

/** An option by `-x` or `--name`. */
function optionOf(text: string): Option | undefined {
  const name = text.replace(/^--?/, "");
  return options.find(({ shorts, longs }) =>
    text.startsWith("--") ? longs.includes(name) : shorts?.includes(name),
  );
}

/** The draft with an option, unless that cannot be. */
function withOption(draft: Draft, option: Option): Draft {
  const next = option.apply(draft, "", "");
  return "kind" in next ? draft : next;
}

/** The options that ask for a column. */
function optionsOf({ option }: Pick<CatalogColumn, "option">): readonly Option[] {
  return option === undefined ? [] : option.split(", ").flatMap((text) => optionOf(text) ?? []);
}

/** The draft with the details that `--explain` judges by. */
export function withEvidence(draft: Draft): Draft {
  return draft.explain ? { ...draft, info: true, memory: true } : draft;
}

/** Whether the options have asked for a column. */
export function isAsked(draft: Draft, column: Pick<CatalogColumn, "option">): boolean {
  const askers = optionsOf(column);
  return (
    askers.length === 0 ||
    askers.some((option) => {
      const next = withOption(draft, option);
      return (Object.keys(next) as (keyof Draft)[]).every((key) => next[key] === draft[key]);
    })
  );
}

/** The draft with the options that columns need, but for those that would bring in other sockets. */
function withNeeds(draft: Draft, columns: readonly CatalogColumn[]): Draft {
  let needs = draft;
  for (const column of columns) {
    const option = optionsOf(column).find(({ category }) => category === "details" || category === "output");
    if (option !== undefined && !isAsked(needs, column)) needs = withOption(needs, option);
  }
  return needs;
}

function sortName(text: string): SortName {
  return text.startsWith("-") ? { name: text.slice(1), descending: true } : { name: text, descending: false };
}

/** The sums of groups, by name. */
function sumNames(draft: Draft): readonly string[] {
  return draft.columns ?? [...usualSums, ...(draft.info ? usualInfoSums : [])];
}

/** Options that cannot be together, each with the reason. */
function conflict({ by, sort, top, events, kill, format, summary, columns }: Draft): string | undefined {
  if (events && (by ?? sort ?? top) !== undefined)
    return "--by, --sort and --top need all sockets first, and --events never has them";
  if (kill && (by ?? top) !== undefined)
    return "--kill shows each socket that it closes: not with --by or --top";
  if (summary && format === "csv") return "--summary has no CSV";
  if (columns?.length === 0 || by?.length === 0 || sort?.length === 0) return "an empty list of columns";
  return undefined;
}

/** Finds out how the sockets are to be viewed. @returns a Stop for a name that is no column's and the like */
export function viewOf(draft: Draft, program: string): View | Stop {
  const stop = (message: string): Stop => ({
    kind: "error",
    message: `${program}: ${message}`,
    usage: false,
    status: EXIT_USAGE,
  });
  const problem = conflict(draft);
  if (problem !== undefined) return stop(problem);
  const { by, top, columns } = draft;
  const sort = draft.sort?.map(sortName) ?? [];
  if (by === undefined && columns === undefined && sort.length === 0)
    return { needs: withEvidence(draft), sort, ...(top === undefined ? {} : { top }) };

  const { find } = everyColumn();
  const sums = by === undefined ? [] : sumNames(draft);
  const sorted = sort.map(({ name }) => name).filter((name) => by === undefined || name !== COUNT);
  const chosen: CatalogColumn[] = [];
  for (const name of [...(columns ?? []), ...(by ?? []), ...sums, ...sorted]) {
    const found = find(name);
    if (found === undefined) return stop(`"${name}" is no column: --columns help lists them`);
    chosen.push(...found);
  }
  const several = [...(by ?? []), ...sorted].find((name) => find(name)!.length > 1);
  if (several !== undefined)
    return stop(
      `"${several}" is several columns: ${find(several)!
        .map(({ key }) => key)
        .join(", ")}`,
    );
  for (const name of sums)
    for (const { key, type } of find(name)!)
      if (type !== "integer" && type !== "number")
        return stop(`"${key}" is no number: with --by, --columns are the numbers to add up`);
  if (by !== undefined) {
    const keys = new Set([...by, ...sums].flatMap((name) => find(name)!).map(({ key }) => key));
    const lost = sorted.find((name) => !keys.has(find(name)![0]!.key));
    if (lost !== undefined) return stop(`"${lost}" is neither in --by nor added up nor ${COUNT}`);
  }
  return {
    needs: withEvidence(withNeeds(draft, chosen)),
    sort,
    ...(top === undefined ? {} : { top }),
    ...(by === undefined ? {} : { by }),
    ...(by !== undefined ? { columns: sums } : columns === undefined ? {} : { columns }),
  };
}
