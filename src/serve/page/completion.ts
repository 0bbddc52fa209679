/** Words that complete a filter at the cursor. */
import type { FilterWord } from "./answers.ts";

/** What may be inserted. */
export interface Completion {
  /** The range of the text that a word replaces. */
  readonly start: number;
  readonly end: number;
  readonly words: readonly FilterWord[];
}

/** How many words are proposed at once. */
const MOST = 8;

/** Words that join predicates. */
const connectives: readonly FilterWord[] = [
  { word: "and", doc: "both sides hold" },
  { word: "or", doc: "one of the sides holds" },
  { word: "not", doc: "what follows does not hold" },
];

/** The words that complete the one before the cursor: those that begin with it, then those that contain it. */
export function complete(text: string, cursor: number, words: readonly FilterWord[]): Completion {
  const begun = /[^\s()!&|=<>:]*$/.exec(text.slice(0, cursor))?.[0] ?? "";
  const start = cursor - begun.length;
  const end = cursor + (/^[^\s()!&|=<>:]*/.exec(text.slice(cursor))?.[0].length ?? 0);
  const wanted = begun.toLowerCase();
  const all = [...words, ...connectives];
  const first = all.filter(({ word }) => word.toLowerCase().startsWith(wanted));
  const then = all.filter((each) => !first.includes(each) && each.word.toLowerCase().includes(wanted));
  const found = wanted === "" ? [] : [...first, ...then].slice(0, MOST);
  return { start, end, words: found.length === 1 && found[0]!.word === begun ? [] : found };
}

/** The text with a word in the place of the range, and where the cursor is then. */
export function insert(
  text: string,
  { start, end }: Completion,
  word: string,
): { readonly text: string; readonly cursor: number } {
  const after = text.slice(end);
  const gap = after.startsWith(" ") ? "" : " ";
  return { text: `${text.slice(0, start)}${word}${gap}${after}`, cursor: start + word.length + 1 };
}
