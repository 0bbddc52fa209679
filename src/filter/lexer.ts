/**
 * The lexer: words to tokens. Every spelling is a whole word, and case counts. Sockscope's own keywords are operands
 * here. The parser knows them by their position, so that every operand of ss stays an operand.
 */
import { isKeyword } from "./predicates.ts";
import { type FilterRelation, relationWords } from "./relations.ts";
import { type FilterSource, type FilterWord, filterWords } from "./source.ts";
import type { FilterKeyword } from "./tree.ts";

/** A word of a filter with its lexical class. */
export type Token =
  | { readonly kind: "and" | "or" | "not" | "(" | ")"; readonly word: FilterWord }
  | { readonly kind: "relation"; readonly word: FilterWord; readonly relation: FilterRelation }
  | { readonly kind: "keyword"; readonly word: FilterWord; readonly keyword: FilterKeyword }
  | { readonly kind: "operand"; readonly word: FilterWord };

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

function tokenOf(word: FilterWord): Token {
  const { text } = word;
  const fixed = fixedWords.get(text);
  if (fixed !== undefined) return { kind: fixed, word };
  if (Object.hasOwn(relationWords, text)) return { kind: "relation", word, relation: relationWords[text]! };
  if (isKeyword(text)) return { kind: "keyword", word, keyword: text };
  return { kind: "operand", word };
}

/** The tokens of a filter, read as they are taken. @throws FilterError at a line that is too long */
export function* scan(source: FilterSource): Generator<Token> {
  for (const word of filterWords(source)) yield tokenOf(word);
}
