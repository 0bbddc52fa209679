/** The words of a command line beside its options, as the shells and the man page need them. */
import { factPredicates } from "../../filter/facts.ts";
import { hostPrefixes } from "../../filter/operands.ts";
import { allPredicates, isKeyword, predicates } from "../../filter/predicates.ts";
import { type FilterRelation, relationWords } from "../../filter/relations.ts";
import type { FilterKeyword, SsKeyword } from "../../filter/tree.ts";
import { stateGroups, states } from "../../model/state.ts";

export { commandNames } from "../commands/command-names.ts";

/** A word of our own that begins a predicate. */
type FactKeyword = keyof typeof factPredicates;

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
export type OperandKind =
  | "host"
  | "port"
  | "interface"
  | "mark"
  | "cgroup"
  | "process id"
  | "process name"
  | "user"
  | "network namespace"
  | "container"
  | "timer"
  | "congestion control"
  | "amount";

/** What each keyword of ss takes; undefined for those that take nothing. */
export const operandKinds: Readonly<Record<SsKeyword, OperandKind | undefined>> = {
  src: "host",
  dst: "host",
  sport: "port",
  dport: "port",
  dev: "interface",
  fwmark: "mark",
  cgroup: "cgroup",
  autobound: undefined,
};

/** What the keywords of our own take; an amount if they are not here. */
const factKinds: Readonly<Partial<Record<FactKeyword, OperandKind>>> = {
  pid: "process id",
  comm: "process name",
  user: "user",
  netns: "network namespace",
  container: "container",
  timer: "timer",
  cong: "congestion control",
};

/** The operand of each keyword of ss, in a word. */
export const meanings: Readonly<Record<SsKeyword, string>> = {
  src: "The local address, and the port if one is given.",
  dst: "The peer's address, and the port if one is given.",
  sport: "The local port: a number or the name of a service.",
  dport: "The peer's port: a number or the name of a service.",
  dev: "The interface that the socket is bound to: a name or an index.",
  fwmark: "The firewall mark of the socket, which may be followed by / and the bits that count.",
  cgroup: "The version 2 control group that the socket was made in, by its path.",
  autobound: "The kernel chose the local port.",
};

/** The operand of a keyword of our own, in a word. */
export function factMeaning(keyword: FactKeyword): string {
  const { doc } = factPredicates[keyword];
  return `${doc[0]!.toUpperCase()}${doc.slice(1)}.`;
}

/** The words of ss that begin a predicate. */
export const keywords = Object.keys(predicates) as readonly SsKeyword[];

/** Those of our own. */
export const factKeywords = Object.keys(factPredicates) as readonly FactKeyword[];

/** All words that begin a predicate, with a line about their operand. */
export const predicateWords: readonly (readonly [word: string, meaning: string])[] = [
  ...keywords.map((word) => [word, meanings[word]] as const),
  ...factKeywords.map((word) => [word, factMeaning(word)] as const),
];

/** Keywords that a shell completes alike. */
export interface KeywordGroup {
  readonly keywords: readonly FilterKeyword[];
  readonly kind: OperandKind;
  /** The relations that they take, in spellings that need no quotes in a shell. */
  readonly relations: readonly string[];
}

function kindOf(keyword: FilterKeyword): OperandKind | undefined {
  return isKeyword(keyword) ? operandKinds[keyword] : (factKinds[keyword] ?? "amount");
}

/** The keywords that take something. */
export const keywordGroups: readonly KeywordGroup[] = [
  ...Map.groupBy<string, FilterKeyword>([...keywords, ...factKeywords], (keyword) =>
    [kindOf(keyword), ...plainRelations(keyword)].join(" "),
  ).values(),
].flatMap((alike) => {
  const kind = kindOf(alike[0]!);
  return kind === undefined ? [] : [{ keywords: alike, kind, relations: plainRelations(alike[0]!) }];
});

/** The first spelling of a relation that is a word of letters, which no shell takes for something else. */
function wordOf(relation: FilterRelation): string {
  return Object.keys(relationWords).find(
    (word) => relationWords[word] === relation && /^[a-z]+$/.test(word),
  )!;
}

/** The spellings of the relations that a keyword takes which need no quotes in a shell. */
export function plainRelations(keyword: FilterKeyword): readonly string[] {
  const relations = allPredicates[keyword].operand?.relations ?? [];
  return relations.map((relation) => (/[<>]/.test(relation) ? wordOf(relation) : relation));
}

/** Every spelling of every relation. */
export const relationSpellings: readonly string[] = Object.keys(relationWords);

/** What may stand before a host, to name its family. */
export const hostPrefixWords: readonly string[] = Object.keys(hostPrefixes).map((word) => `${word}:`);

/** The topics of `--help`, beside the options. */
export const helpTopics: readonly string[] = ["filter"];

/** The file in which the kernel lists the available congestion controls. */
export const CONGESTION_CONTROLS = "/proc/sys/net/ipv4/tcp_available_congestion_control";
