/** Telling a plain text that rows must have from an expression of the filter language. */
import { allPredicates } from "../../../filter/predicates.ts";

/** Words that begin an expression besides the predicates. */
const leading: ReadonlySet<string> = new Set(["not", "state", "exclude", ...Object.keys(allPredicates)]);

/** The word that a text begins with, if it ends there or a relation follows. */
const FIRST_WORD = /^\s*([A-Za-z_]+)(?=\s|[=<>!]|$)/;

/** Whether a text is no expression: it begins with no word of the filter language. An empty text is an expression. */
export function isPlainText(text: string): boolean {
  if (/^\s*([(!]|$)/.test(text)) return false;
  const word = FIRST_WORD.exec(text)?.[1];
  return word === undefined || !leading.has(word.toLowerCase());
}
