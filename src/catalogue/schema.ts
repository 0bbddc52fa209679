/** JSON Schema 2020-12 of what `--json` prints, made from the tables of columns. */

import type { Column, ColumnType, ItemKey } from "../fields/column.ts";
import { noNames } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
import { columnsByKind, kinds } from "./describe.ts";

/**
 * The version of the schema. The number before the point changes when a key goes away or means something else, the
 * one behind it when keys are added.
 */
const VERSION = "1.0";

/** The identifier of the schema, which other schemas refer to. */
export const SOCKET_SCHEMA_ID = `urn:sockscope:schema:${VERSION}`;

/** A JSON Schema. */
export type Schema = { readonly [key: string]: Json };

const HEX: Schema = { type: "string", pattern: "^0x[0-9a-f]+$" };
/** The text of a number that has no name here: `unknown(7)`. */
const UNKNOWN: Schema = { type: "string", pattern: "^unknown\\(\\d+\\)$" };

/** The keys of every object. They distinguish the kinds. */
const REQUIRED = ["netid", "family"];

function ofType(type: ColumnType): Schema {
  if (type === "any") return {};
  return type === "hex" ? HEX : { type };
}

/** The schema of words: of a number of the kernel's, a newer one may have none. */
function ofWords(words: readonly string[], fromKernel: boolean): Schema {
  return fromKernel ? { anyOf: [{ enum: words }, UNKNOWN] } : { enum: words };
}

function ofPlain({ type, items }: Pick<ItemKey, "type" | "items">): Schema {
  return items === undefined ? ofType(type) : { type, items: ofType(items) };
}

function ofKeys(keys: readonly ItemKey[]): Schema {
  return {
    type: "object",
    properties: Object.fromEntries(
      keys.map(({ key, doc, ...value }) => [key, { ...ofPlain(value), description: doc }]),
    ),
    required: keys.filter(({ optional }) => !optional).map(({ key }) => key),
    additionalProperties: false,
  };
}

function ofValue({ type, items, words, kernel }: Column<never>): Schema {
  if (type !== "array") return words === undefined ? ofType(type) : ofWords(words, kernel !== undefined);
  if (words !== undefined) return { type, items: ofWords(words, false) };
  return typeof items === "object"
    ? { type, items: ofKeys(items) }
    : ofPlain({ type, ...(items && { items }) });
}

/** The command-line options that fill a column, for its description. */
export type SpellDemand = (demand: Demand) => string;

/** What a value means, its unit, where it comes from. */
function description({ doc, unit, kernel, since, demand }: Column<never>, spell: SpellDemand): string {
  const notes = [
    unit === undefined ? [] : `unit: ${unit}`,
    kernel === undefined ? [] : `kernel: ${kernel}${since === undefined ? "" : `, since Linux ${since}`}`,
    demand === undefined || spell(demand) === "" ? [] : `option: ${spell(demand)}`,
  ].flat();
  return notes.length === 0 ? doc : `${doc} (${notes.join("; ")})`;
}

interface Branch {
  readonly [key: string]: Column<never> | Branch;
}

/** The columns as a tree, by the dots in their keys. */
function treeOf(columns: readonly Column<never>[]): Branch {
  const tree: { [key: string]: Column<never> | Branch } = {};
  for (const column of columns) {
    const path = column.key.split(".");
    const leaf = path.pop()!;
    let branch = tree;
    for (const key of path) {
      branch[key] ??= {};
      branch = branch[key] as typeof tree;
    }
    branch[leaf] = column;
  }
  return tree;
}

function isColumn(node: Column<never> | Branch): node is Column<never> {
  return typeof node["read"] === "function";
}

function ofBranch(branch: Branch, spell: SpellDemand): Schema {
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(branch).map(([key, node]) => [
        key,
        isColumn(node) ? { ...ofValue(node), description: description(node, spell) } : ofBranch(node, spell),
      ]),
    ),
    additionalProperties: false,
  };
}

/** The schema of an object that has these columns; none of them is required. */
export function columnsSchema(columns: readonly Column<never>[], spell: SpellDemand): Schema {
  return ofBranch(treeOf(columns), spell);
}

/** The schema of one socket; `#/$defs/document` is that of a whole document. */
export function socketSchema(spell: SpellDemand): Schema {
  const columns = columnsByKind(noNames);
  const ofKind = (kind: Kind): Schema => ({
    ...columnsSchema(columns[kind] as readonly Column<never>[], spell),
    required: REQUIRED,
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: SOCKET_SCHEMA_ID,
    title: "A socket, as sockscope --ndjson prints it on each line",
    description: "What the kernel did not send, or what was not requested, is absent.",
    oneOf: kinds.map((kind) => ({ $ref: `#/$defs/${kind}` })),
    $defs: {
      ...Object.fromEntries(kinds.map((kind) => [kind, ofKind(kind)])),
      document: { type: "array", description: "what --json prints", items: { $ref: "#" } },
    },
  };
}
