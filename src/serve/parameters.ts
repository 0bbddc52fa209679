/** Parameters that several routes share: their documentation, and how they are read. */
import { allTables, defaultTables, type Table, type TableRow, tables } from "../model/selection.ts";
import { stateGroups, stateMask, states } from "../model/state.ts";
import { wrongParameter } from "./problem.ts";
import type { Parameter } from "./route.ts";

/** A parameter of the query. */
export function queryParameter(
  name: string,
  doc: string,
  schema: Parameter["schema"] = { type: "string" },
): Parameter {
  return { name, in: "query", doc, schema };
}

/** The words for tables: `all`, kinds with several tables, and each table by all of its names. */
export const tableWords: Readonly<Record<string, readonly Table[]>> = Object.fromEntries([
  ["all", defaultTables],
  ...allTables.flatMap((table) => {
    const { kind, words = [] }: TableRow = tables[table];
    const group = allTables.filter((each) => tables[each].kind === kind);
    const own = [table, ...words].map((word) => [word, [table]] as const);
    return group[0] === table && group.length > 1 ? [[kind, group] as const, ...own] : own;
  }),
]);

/** The words for states and groups of states. */
export const stateWords: readonly string[] = [
  ...Object.keys(stateGroups),
  ...states.flatMap(({ words }) => [...words]),
];

/** The most words in a list. */
const MOST_WORDS = 64;

/** The words of a comma-separated list. @throws Refusal */
export function listOf(name: string, text: string): readonly string[] {
  const words = text.split(",").filter((word) => word !== "");
  if (words.length === 0) throw wrongParameter(name, "The list is empty.");
  if (words.length > MOST_WORDS) throw wrongParameter(name, `The list has more than ${MOST_WORDS} words.`);
  return words;
}

/** Reads `tables`. @throws Refusal */
export function readTables(text = "inet"): ReadonlySet<Table> {
  return new Set(
    listOf("tables", text).flatMap((word) => {
      if (!Object.hasOwn(tableWords, word))
        throw wrongParameter("tables", `"${word}" is not a socket table.`);
      return tableWords[word]!;
    }),
  );
}

/** Reads `state`: a mask. @throws Refusal */
export function readStates(text = "all"): number {
  return listOf("state", text).reduce((mask, word) => {
    const named = stateMask(word);
    if (named === undefined) throw wrongParameter("state", `"${word}" is not a state.`);
    return mask | named;
  }, 0);
}

/** Reads a number of a range. @throws Refusal */
export function readNumber(
  name: string,
  text: string | undefined,
  range: { readonly least: number; readonly most: number; readonly otherwise: number },
): number {
  if (text === undefined) return range.otherwise;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= range.least && number <= range.most))
    throw wrongParameter(name, `"${text}" is not a number from ${range.least} to ${range.most}.`);
  return number;
}

/** Reads a word out of a few. @throws Refusal */
export function readWord<Word extends string>(
  name: string,
  text: string | undefined,
  words: readonly Word[],
  otherwise: Word,
): Word {
  if (text === undefined) return otherwise;
  const found = words.find((word) => word === text);
  if (found === undefined) throw wrongParameter(name, `"${text}" is not one of ${words.join(", ")}.`);
  return found;
}

/** The most rows of one answer. */
export const MOST_ROWS = 1000;

/** Parameters that select sockets. */
export const selecting: readonly Parameter[] = [
  queryParameter("tables", "Socket tables, with the words of -A; by default inet."),
  queryParameter("state", "States, with the words of the filter language; by default all."),
  queryParameter("filter", "A filter in the filter language, without states.", {
    type: "string",
    maxLength: 4096,
  }),
];

/** Parameters that show a part of the rows. */
export const windowing: readonly Parameter[] = [
  queryParameter("columns", "Names of columns, as /api/fields lists them."),
  queryParameter("sort", "The column to sort by; a leading - sorts the largest value first."),
  queryParameter("offset", "Rows to skip.", { type: "integer", minimum: 0 }),
  queryParameter("limit", "Rows to show.", { type: "integer", minimum: 0, maximum: MOST_ROWS }),
];

/** A time in the past: a moment or a span. */
export const pastParameters: readonly Parameter[] = [
  queryParameter("at", "A moment in the past, as --at takes it."),
  queryParameter("since", "The beginning of a span in the past, as --since takes it; by default -1h."),
  queryParameter("until", "The end of the span; by default now."),
];
