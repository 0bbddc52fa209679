/** From what options and leading words choose to the sockets that are asked for. */
import {
  allTables,
  defaultTables,
  type Family,
  families,
  type Selection,
  type Table,
  type TableRow,
  tables,
} from "../model/selection.ts";
import { DEFAULT_STATES, stateGroups, stateMask } from "../model/state.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";

/** What the options have chosen so far; a later option sees what an earlier one left. */
export interface Choice {
  readonly tables: ReadonlySet<Table>;
  /** AF_* numbers. */
  readonly families: ReadonlySet<number>;
  /** States that the chosen tables and families bring along. */
  readonly states: number;
  /** States asked for by name, which replace `states`; 0 if none are. */
  readonly stateFilter: number;
  /** The AF_* of the last family chosen. */
  readonly preferred: number | undefined;
  /** Whether a list of tables was given, the first of which discards tables chosen before it. */
  readonly queried: boolean;
  /** Whether any option chose a table or a family. */
  readonly made: boolean;
}

/** The choice before any option. */
export const nothingChosen: Choice = {
  tables: new Set(),
  families: new Set(),
  states: 0,
  stateFilter: 0,
  preferred: undefined,
  queried: false,
  made: false,
};

/** The tables of a kind, in ss's order. */
function ofKind(kind: string): readonly Table[] {
  return allTables.filter((table) => tables[table].kind === kind);
}

/**
 * The words of a list of tables (`-A`), and the tables that each stands for: `all`, each group by its kind, each table
 * by its own name and by short ones.
 */
export const tableWords: Readonly<Record<string, readonly Table[]>> = Object.fromEntries([
  ["all", defaultTables],
  ...allTables.flatMap((table) => {
    const { kind, words = [] }: TableRow = tables[table];
    const group = ofKind(kind);
    const names = [table, ...words].map((word) => [word, [table]] as const);
    return group[0] === table && group.length > 1 ? [[kind, group] as const, ...names] : names;
  }),
]);

/** Adds a table, and the states it brings along. */
export function chooseTable(choice: Choice, table: Table): Choice {
  return {
    ...choice,
    tables: new Set([...choice.tables, table]),
    states: choice.states | tables[table].states,
    made: true,
  };
}

/** Adds a family, which becomes the preferred one, and the states it brings along. */
export function chooseFamily(choice: Choice, family: Family): Choice {
  const { number, states } = families[family];
  return {
    ...choice,
    families: new Set([...choice.families, number]),
    states: choice.states | states,
    preferred: number,
    made: true,
  };
}

/** Asks for exactly the states of `mask`. */
export function chooseStates(choice: Choice, mask: number): Choice {
  return { ...choice, stateFilter: mask };
}

/**
 * Adds the tables of a comma separated list, and takes away those behind a `!`.
 *
 * @returns the new choice, or the first word that is no table's
 */
export function chooseTables(choice: Choice, list: string): Choice | { readonly illegal: string } {
  const chosen = new Set(choice.queried ? choice.tables : []);
  let { states } = choice;
  for (const element of list.split(",")) {
    const removes = element.startsWith("!");
    const word = removes ? element.slice("!".length) : element;
    if (!Object.hasOwn(tableWords, word)) return { illegal: element };
    for (const table of tableWords[word]!) {
      if (removes) {
        chosen.delete(table);
      } else {
        chosen.add(table);
        states |= tables[table].states;
      }
    }
  }
  const stateFilter = choice.queried ? choice.stateFilter : choice.stateFilter || DEFAULT_STATES;
  return { ...choice, tables: chosen, states, stateFilter, queried: true, made: true };
}

/** The state words that begin the words after the options, each with what it makes of the mask so far. */
const stateWords: Readonly<Record<string, (mask: number | undefined, named: number) => number>> = {
  state: (mask = 0, named) => mask | named,
  exclude: (mask = stateGroups.all, named) => mask & ~named,
  excl: (mask = stateGroups.all, named) => mask & ~named,
};

/** A complaint that comes without the usage. */
function stop(message: string, status: number): Stop {
  return { kind: "error", message, usage: false, status };
}

/** The mask that the leading state words spell, if there are any, and the words after them. */
function readStates(
  words: readonly string[],
  program: string,
): { mask: number | undefined; rest: readonly string[] } | Stop {
  let mask: number | undefined;
  let next = 0;
  while (next < words.length && Object.hasOwn(stateWords, words[next]!)) {
    const name = words[next + 1];
    if (name === undefined) return stop('Command line is not complete. Try option "help"', EXIT_USAGE);
    const named = stateMask(name);
    if (named === undefined) return stop(`${program}: wrong state name: ${name}`, EXIT_USAGE);
    mask = stateWords[words[next]!]!(mask, named);
    next += 2;
  }
  return { mask, rest: words.slice(next) };
}

/** Gives each table a family and each family a table, where the choice has left one of them out. */
function complete(choice: Choice): { tables: ReadonlySet<Table>; families: ReadonlySet<number> } {
  const chosenTables = new Set(choice.tables);
  const chosenFamilies = new Set(choice.families);
  for (const table of chosenTables) {
    const own: readonly number[] = tables[table].families;
    if (!own.some((family: number) => chosenFamilies.has(family)))
      for (const family of own) chosenFamilies.add(family);
  }
  for (const family of chosenFamilies) {
    const own = allTables.filter((table) => (tables[table].families as readonly number[]).includes(family));
    if (!own.some((table) => chosenTables.has(table))) for (const table of own) chosenTables.add(table);
  }
  return { tables: chosenTables, families: chosenFamilies };
}

/**
 * Which sockets the options and the leading state words ask for, and the words after those: the filter.
 *
 * @returns a Stop for a state word that is wrong or lacks its state, and, with status 0 as in ss, for a choice
 *   that leaves nothing to show
 */
export function select(
  choice: Choice,
  words: readonly string[],
  program: string,
): { readonly selection: Selection; readonly words: readonly string[] } | Stop {
  const read = readStates(words, program);
  if ("kind" in read) return read;
  let final = choice;
  if (read.mask !== undefined) final = chooseStates(final, read.mask);
  if (!final.made) {
    final = { ...final, tables: new Set(defaultTables), stateFilter: final.stateFilter || DEFAULT_STATES };
  }
  const nothing = (what: string) => stop(`${program}: no ${what} to show with such filter.`, 0);
  const merged = complete(final);
  if (merged.tables.size === 0) return nothing("socket tables");
  if (merged.families.size === 0) return nothing("families");
  const states = final.stateFilter || final.states;
  if (states === 0) return nothing("socket states");
  return { selection: { ...merged, states, preferred: final.preferred }, words: read.rest };
}

/** The selection once the filter has named a family (`inet6:`, `unix:`, …): only that family is asked for. */
export function narrowToFamily(selection: Selection, family: number): Selection {
  return { ...selection, families: new Set([family]), preferred: family };
}

/** Whether every row would show the same Netid, so that the column is left out. */
export function netidHidden({ tables }: Selection): boolean {
  return tables.size === 1;
}

/** Whether every row would show the same State, so that the column is left out. */
export function stateHidden({ states }: Selection): boolean {
  return (states & (states - 1)) === 0;
}
