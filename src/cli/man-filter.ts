/** The man page's sections on filters, made of the tables of predicates and states. */
import { factPredicates } from "../filter/facts.ts";
import { allPredicates, predicates } from "../filter/predicates.ts";
import { relationWords } from "../filter/relations.ts";
import type { SsKeyword } from "../filter/tree.ts";
import { stateGroups, states } from "../model/state.ts";
import {
  factKeywords,
  factMeaning,
  hostPrefixWords,
  joinWords,
  keywords,
  meanings,
  NOT,
  operandKinds,
  stateKeywords,
} from "./completions/vocabulary.ts";
import { factOperands } from "./filter-help.ts";
import { list, literal, prose, section, words } from "./mdoc.ts";

function keywordItem(keyword: SsKeyword): readonly [string, string] {
  const kind = operandKinds[keyword];
  if (kind === undefined) return [`Cm ${keyword}`, prose(meanings[keyword])];
  const relations = `Relations: ${words(predicates[keyword].operand!.relations)}.`;
  return [`Cm ${keyword} Oo Ar relation Oc Ar ${kind}`, `${prose(meanings[keyword])}\n${relations}`];
}

/** The predicates beyond ss, one per line if there is room. */
function factItems(): string {
  return list(
    factKeywords.map((keyword) => [
      `Cm ${literal(keyword)} Ar ${factPredicates[keyword].operandName}`,
      prose(factMeaning(keyword)),
    ]),
    "-tag -width 20n -compact",
  );
}

/** What the operands of our own keywords are. */
function factOperandItems(): string {
  return list(
    Object.entries(factOperands).map(([operand, meaning]) => {
      const keyword = factKeywords.find((each) => factPredicates[each].operandName === operand)!;
      const text = prose(`${meaning[0]!.toUpperCase()}${meaning.slice(1)}.`);
      return [`Ar ${operand}`, `${text}\nRelations: ${words(allPredicates[keyword].operand!.relations)}.`];
    }),
  );
}

function spellings(): string {
  const byRelation = Map.groupBy(Object.keys(relationWords), (word) => relationWords[word]);
  return list(
    Array.from(byRelation.values(), ([usual, ...others]) => [
      `Cm ${literal(usual!)}`,
      `Or ${words(others)}.`,
    ]),
  );
}

function stateItems(): string {
  return list(
    states
      .filter(({ words: own }) => own.length > 0)
      .map((state) => {
        const [usual, ...others] = state.words;
        const shown = `Shown as ${words([state.label])}.`;
        return [`Cm ${literal(usual!)}`, others.length === 0 ? shown : `${shown}\nAlso ${words(others)}.`];
      }),
  );
}

/** The groups of states, each with the states in it. */
function groupItems(): string {
  return list(
    Object.entries(stateGroups).map(([group, mask]) => {
      const members = states
        .filter(({ number }) => mask & (1 << number))
        .flatMap(({ words }) => words[0] ?? []);
      return [`Cm ${group}`, `${words(members)}.`];
    }),
  );
}

/** The section FILTER. */
export function filterSection(): string {
  const [and, or] = joinWords;
  return section(
    "FILTER",
    prose(
      "The words after the options choose among the sockets. First come states, then predicates. " +
        "Each operator and each parenthesis is a word of its own. Quote those that the shell would interpret.",
    ),
    list([
      [`Cm ${stateKeywords[0]} Ar state`, "Only sockets in this state; may be repeated to add states."],
      [`Cm ${stateKeywords[1]} Ar state`, "No sockets in this state; may be repeated to leave out more."],
    ]),
    ".Pp",
    "The predicates:",
    list(keywords.map(keywordItem)),
    ".Pp",
    "The relations, and other ways to spell them:",
    spellings(),
    ".Pp",
    `Predicates are joined by ${words([and])}, which may be left out, and ${words([or])}.`,
    "Both are read strictly from left to right: neither binds closer than the other.",
    `${words([NOT])} belongs to the next predicate or parenthesis only.`,
    ".Pp",
    "A host is",
    ".Ar address Ns Oo / Ns Ar prefix Oc Ns Oo : Ns Ar port Oc ,",
    "with an IPv6 address in brackets, or a name.",
    `${words(["*"])} is any address, or any port.`,
    `A family before it (${words(hostPrefixWords)}) makes the rest an address of that family;`,
    "for UNIX sockets that is a shell pattern for the name.",
    ".Ss Beyond ss",
    prose(
      "Further predicates, which ss does not have, test other fields of a socket. " +
        "They need no option: the filter requests what it reads, but the output shows only what options request. " +
        "If a socket lacks the field, neither = nor != matches. " +
        "Between a fact and its operand there may be a relation; without one it is =.",
    ),
    ".Pp",
    factItems(),
    ".Pp",
    "Their operands:",
    factOperandItems(),
  );
}

/** The section STATES. */
export function stateSection(): string {
  return section("STATES", "Case does not matter.", stateItems(), ".Pp", "Groups of states:", groupItems());
}
