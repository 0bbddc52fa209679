/** The effects that options have on the draft of a run. */
import { unsigned } from "../bytes/c-numbers.ts";
import { type Family, families, type Table } from "../model/selection.ts";
import type { RowStyle } from "../table/style.ts";
import { type Shell, shells } from "./completions/shells.ts";
import type { Action, Draft } from "./draft.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import type { Apply } from "./option.ts";
import { chooseFamily, chooseStates, chooseTable, chooseTables } from "./select.ts";

/** `--columns help` lists all columns. */
export const COLUMNS_HELP = "help";

/** Sets fields of the draft. */
export const set =
  (fields: Partial<Draft>): Apply =>
  (draft) => ({ ...draft, ...fields });

/** Adds a table to the choice. */
export const addTable =
  (table: Table): Apply =>
  (draft) => ({ ...draft, choice: chooseTable(draft.choice, table) });

/** Adds an address family to the choice. */
export const addFamily =
  (family: Family): Apply =>
  (draft) => ({ ...draft, choice: chooseFamily(draft.choice, family) });

/** Chooses states, by their mask. */
export const setStates =
  (mask: number): Apply =>
  (draft) => ({ ...draft, choice: chooseStates(draft.choice, mask) });

/** Merges changes into the style of ss's table. */
function styled(draft: Draft, style: Partial<RowStyle>): Draft {
  return { ...draft, style: { ...draft.style, ...style } };
}

/** Appends a deferred action, and sets fields. */
export function act(draft: Draft, action: Action, fields: Partial<Draft> = {}): Draft {
  return { ...draft, ...fields, actions: [...draft.actions, action] };
}

function fail(message: string, { usage = false, status = EXIT_USAGE } = {}): Stop {
  return { kind: "error", message, usage, status };
}

const TOGETHER = "--bpf-maps and --bpf-map-id cannot be used together";

/** Range of BPF map ids that ss accepts: 32 bits, except zero and all ones. */
const BPF_MAP_ID = { min: 1, max: 0xffff_fffe } as const;

/** `-f`: adds a family by its word. `help` ends the run with the help, as in ss. */
export const readFamily: Apply = (draft, word, program) => {
  if (word === "help") return { kind: "help" };
  if (!Object.hasOwn(families, word)) return fail(`${program}: "${word}" is invalid family`, { usage: true });
  return { ...draft, choice: chooseFamily(draft.choice, word as Family) };
};

/** `-A`: adds and removes tables by a list of words. The first list discards earlier tables. */
export const readTables: Apply = (draft, list, program) => {
  const choice = chooseTables(draft.choice, list);
  if (!("illegal" in choice)) return { ...draft, choice };
  return fail(`${program}: "${choice.illegal}" is illegal socket table id`, { usage: true });
};

/** `-F`: opens the file that continues the filter. A second one is an error. */
export const readFilterFile: Apply = (draft, path) => {
  if (draft.filterFile !== undefined) return fail("More than one filter file");
  return act(draft, { kind: "filterFile", path }, { filterFile: path });
};

/** `--bpf-maps`: shows all BPF storage. Fails after `--bpf-map-id`, with the status of ss. */
export const allBpfMaps: Apply = (draft, _, program) => {
  if (draft.style.bpfMapIds.length > 0) return fail(`${program}: ${TOGETHER}`);
  return styled(draft, { bpfMaps: true });
};

/** `--bpf-map-id`: shows the BPF storage of one more map, and opens that map. */
export const oneBpfMap: Apply = (draft, value, program) => {
  if (draft.style.bpfMaps) return fail(`${program}: ${TOGETHER}`, { status: 1 });
  const id = unsigned(value, BPF_MAP_ID.max) ?? 0;
  if (id < BPF_MAP_ID.min) {
    return fail(`${program}: invalid BPF map ID ${value}`, { status: 1 });
  }
  return act(styled(draft, { bpfMapIds: [...draft.style.bpfMapIds, id] }), { kind: "bpfMap", id });
};

/** `--completions`: ends the run with the script for a shell. */
export const showCompletions: Apply = (_, word, program) => {
  const shell: Shell | undefined = shells.find((known) => known === word);
  if (shell !== undefined) return { kind: "completions", shell };
  return fail(`${program}: "${word}" is not a supported shell: use ${shells.join(", ")}`);
};

/** The non-empty names of a comma-separated list. */
export function listed(list: string): readonly string[] {
  return list.split(",").filter((name) => name !== "");
}

/** `--columns`: names the columns to show. `help` ends the run with the list of all. */
export const readColumns: Apply = (draft, list) => {
  return list === COLUMNS_HELP ? { kind: "columns" } : { ...draft, columns: listed(list) };
};

/** `--top`: limits the number of rows, from 1 on. */
export const readTop: Apply = (draft, value, program) => {
  if (!/^[1-9]\d{0,14}$/.test(value)) return fail(`${program}: "${value}" is not a number of rows`);
  return { ...draft, top: Number(value) };
};

/** Sets a time limit from a number of seconds. */
export const readSeconds =
  (field: "resolveTimeoutMs" | "hostTimeoutMs"): Apply =>
  (draft, value, program) =>
    /^(\d+\.?\d*|\.\d+)$/.test(value)
      ? { ...draft, [field]: Number(value) * 1000 }
      : fail(`${program}: "${value}" is not a number of seconds`);
