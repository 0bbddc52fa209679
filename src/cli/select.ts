/** Turns options and leading state words into a selection of sockets, by ss's rules. */
import { once } from "../enrich/once.ts";
import {
  allTables,
  defaultTables,
  type Family,
  families,
  hasAny,
  type Selection,
  type Table,
  type TableRow,
  tables,
} from "../model/selection.ts";
import { DEFAULT_STATES, stateGroups, stateMask } from "../model/state.ts";
import { EXIT_USAGE, isStop, type Stop } from "./getopt.ts";

/** The effect of the selecting options so far. Options are applied in command-line order. */
export interface Choice {
  readonly tables: ReadonlySet<Table>;
  /** AF_* numbers. */
  readonly families: ReadonlySet<number>;
  /** Default states of the chosen tables and families. */
  readonly states: number;
  /** Mask of explicitly chosen states, which replace `states`; 0 for none. */
  readonly stateFilter: number;
  /** The AF_* of the last family chosen. */
  readonly preferred: number | undefined;
  /** Whether `-A` was given. The first `-A` discards tables chosen before it. */
  readonly queried: boolean;
  /** Whether any option chose a table or a family. */
  readonly made: boolean;
}

/** The choice of a command line without options. */
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
 * The words of `-A` and the tables that each stands for: `all`, each kind with several tables, and each table by its
 * own name and its short names.
 */
export const tableWords = once((): Readonly<Record<string, readonly Table[]>> => {
  const words = allTables.flatMap((table) => {
    const { kind, words = [] }: TableRow = tables[table];
    const group = ofKind(kind);
    const names = [table, ...words].map((word) => [word, [table]] as const);
    return group[0] === table && group.length > 1 ? [[kind, group] as const, ...names] : names;
  });
  return Object.fromEntries([["all", defaultTables], ...words]);
});

/** Adds a table and its default states. */
export function chooseTable(choice: Choice, table: Table): Choice {
  return {
    ...choice,
    tables: new Set([...choice.tables, table]),
    states: choice.states | tables[table].states,
    made: true,
  };
}

/** Adds a family and its default states. It becomes the preferred family. */
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

/** Selects exactly the states of `mask`. */
export function chooseStates(choice: Choice, mask: number): Choice {
  return { ...choice, stateFilter: mask };
}

/**
 * Adds the tables of a comma-separated list. A leading `!` removes a table.
 *
 * @returns the new choice, or the first word that names no table
 */
export function chooseTables(choice: Choice, list: string): Choice | { readonly illegal: string } {
  const chosen = new Set(choice.queried ? choice.tables : []);
  let { states } = choice;
  const words = tableWords();
  for (const element of list.split(",")) {
    const removes = element.startsWith("!");
    const word = removes ? element.slice("!".length) : element;
    if (!Object.hasOwn(words, word)) return { illegal: element };
    for (const table of words[word]!) {
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

/** The keywords that may lead the words after the options. Each combines the mask so far with a named mask. */
const stateWords: Readonly<Record<string, (mask: number | undefined, named: number) => number>> = {
  state: (mask = 0, named) => mask | named,
  exclude: (mask = stateGroups.all, named) => mask & ~named,
  excl: (mask = stateGroups.all, named) => mask & ~named,
};

/** An error without the usage text. */
function stop(message: string, status: number): Stop {
  return { kind: "error", message, usage: false, status };
}

/** The mask of the leading state words, undefined without any, and the remaining words. */
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

/** Completes the choice, so that each table has a family and each family a table. */
function complete(choice: Choice): { tables: ReadonlySet<Table>; families: ReadonlySet<number> } {
  const chosenTables = new Set(choice.tables);
  const chosenFamilies = new Set(choice.families);
  for (const table of chosenTables) {
    const own: readonly number[] = tables[table].families;
    if (!hasAny(chosenFamilies, own)) for (const family of own) chosenFamilies.add(family);
  }
  for (const family of chosenFamilies) {
    const own: Table[] = [];
    for (const table of allTables)
      if ((tables[table].families as readonly number[]).includes(family)) own.push(table);
    if (!hasAny(chosenTables, own)) for (const table of own) chosenTables.add(table);
  }
  return { tables: chosenTables, families: chosenFamilies };
}

/**
 * The selection of the options and the leading state words, and the remaining words, which are the filter.
 *
 * @returns a Stop for a state word with a wrong or missing state. Also, with status 0 as in ss, for a choice that
 *   leaves nothing to show
 */
export function select(
  choice: Choice,
  words: readonly string[],
  program: string,
): { readonly selection: Selection; readonly words: readonly string[] } | Stop {
  const read = readStates(words, program);
  if (isStop(read)) return read;
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

/** The selection limited to the family that the filter names (`inet6:`, `unix:`, …). */
export function narrowToFamily(selection: Selection, family: number): Selection {
  return { ...selection, families: new Set([family]), preferred: family };
}

/** Whether the Netid column is left out, because one table is selected. */
export function netidHidden({ tables }: Selection): boolean {
  return tables.size === 1;
}

/** Whether the State column is left out, because one state is selected. */
export function stateHidden({ states }: Selection): boolean {
  return (states & (states - 1)) === 0;
}
