/**
 * Words to tokens. All spellings are whole words, and case counts. Our own keywords are operands here: they are known
 * by where they stand, so that no operand of ss is lost to them.
 */
import { isKeyword } from "./predicates.ts";
import { relationWords } from "./relations.ts";
import type { AnyKeyword, Relation } from "./tree.ts";
import { type FilterSource, filterWords, type Word } from "./words.ts";

/** One word of a filter, and what it is. */
export type Token =
  | { readonly kind: "and" | "or" | "not" | "(" | ")"; readonly word: Word }
  | { readonly kind: "relation"; readonly word: Word; readonly relation: Relation }
  | { readonly kind: "keyword"; readonly word: Word; readonly keyword: AnyKeyword }
  | { readonly kind: "operand"; readonly word: Word };

const fixedWords: ReadonlyMap<string, "and" | "or" | "not" | "(" | ")"> = new Map([
  ["!", "not"],
  ["not", "not"],
  ["&", "and"],
  ["&&", "and"],
  ["and", "and"],
  ["|", "or"],
  ["||", "or"],
  ["or", "or"],
  ["(", "("],
  [")", ")"],
]);

function tokenOf(word: Word): Token {
  const { text } = word;
  const fixed = fixedWords.get(text);
  if (fixed !== undefined) return { kind: fixed, word };
  if (Object.hasOwn(relationWords, text)) return { kind: "relation", word, relation: relationWords[text]! };
  if (isKeyword(text)) return { kind: "keyword", word, keyword: text };
  return { kind: "operand", word };
}

/** The tokens of a filter, each made when it is asked for. @throws FilterError for a file's line that is too long */
export function* scan(source: FilterSource): Generator<Token> {
  for (const word of filterWords(source)) yield tokenOf(word);
}
