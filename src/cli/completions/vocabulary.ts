/** The words of a command line beside its options, as the shells and the man page need them. */
import { hostPrefixes } from "../../filter/operands.ts";
import { predicates } from "../../filter/predicates.ts";
import { relationWords } from "../../filter/relations.ts";
import type { Keyword, Relation } from "../../filter/tree.ts";
import { stateGroups, states } from "../../model/state.ts";

/** The words that take a state; they stand before all others. */
export const stateKeywords = ["state", "exclude"] as const;

/** The words after {@link stateKeywords}: the groups, and each state's usual word. */
export const stateNames: readonly string[] = [
  ...Object.keys(stateGroups),
  ...states.flatMap(({ words }) => words.slice(0, 1)),
];

/** The words between two predicates. */
export const joinWords = ["and", "or"] as const;

/** The word before what must not hold. */
export const NOT = "not";

/** What a keyword takes, so that a shell can complete it. */
export type OperandKind = "host" | "port" | "interface" | "mark" | "cgroup";

/** What each keyword takes; undefined for those that take nothing. */
export const operandKinds: Readonly<Record<Keyword, OperandKind | undefined>> = {
  src: "host",
  dst: "host",
  sport: "port",
  dport: "port",
  dev: "interface",
  fwmark: "mark",
  cgroup: "cgroup",
  autobound: undefined,
};

/** The words that begin a predicate. */
export const keywords = Object.keys(predicates) as readonly Keyword[];

/** The keywords that take something, with its kind. */
export const operandKeywords: readonly (readonly [keyword: Keyword, kind: OperandKind])[] = keywords.flatMap(
  (keyword) => {
    const kind = operandKinds[keyword];
    return kind === undefined ? [] : [[keyword, kind] as const];
  },
);

/** The first spelling of a relation that is a word of letters, which no shell takes for something else. */
function wordOf(relation: Relation): string {
  return Object.keys(relationWords).find(
    (word) => relationWords[word] === relation && /^[a-z]+$/.test(word),
  )!;
}

/** The spellings of the relations that a keyword takes which need no quotes in a shell. */
export function plainRelations(keyword: Keyword): readonly string[] {
  const relations = predicates[keyword].operand?.relations ?? [];
  return relations.map((relation) => (/[<>]/.test(relation) ? wordOf(relation) : relation));
}

/** Every spelling of every relation. */
export const relationSpellings: readonly string[] = Object.keys(relationWords);

/** What may stand before a host, to name its family. */
export const hostPrefixWords: readonly string[] = Object.keys(hostPrefixes).map((word) => `${word}:`);
