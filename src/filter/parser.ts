/**
 * The parser.
 *
 *     filter    = [ list ]
 *     list      = item { [ AND | OR ] item }         a missing operator is AND
 *     item      = "(" list ")" | NOT item | predicate
 *     predicate = ( "src" | "dst" ) [ EQ ] HOST
 *               | ( "sport" | "dport" ) [ RELATION ] PORT
 *               | ( "dev" | "fwmark" | "cgroup" ) [ EQ | NE ] OPERAND
 *               | "autobound"
 *               | FACT [ RELATION | EQ | NE ] OPERAND
 *
 * AND and OR bind equally and from the left: `a or b and c` is `(a or b) and c`, whatever ss(8) says. NOT binds
 * to the next item only. What a predicate takes is not written here but in the rows of `predicates`. A FACT is a
 * keyword of our own, and one only where a predicate can begin: `dst pid` is about a host of that name.
 */
import { FilterError, syntaxProblem } from "./errors.ts";
import type { FilterContext, NamedHost, Reading } from "./operands.ts";
import { allPredicates, isFactKeyword } from "./predicates.ts";
import { scan, type Token } from "./scanner.ts";
import type { AnyKeyword, Filter, Join, Predicate, Relation } from "./tree.ts";
import { type FilterSource, type Place, sourceText } from "./words.ts";

/** What reading a filter gives. */
export interface ParsedFilter {
  /** undefined: there was none, and every socket passes. */
  readonly filter: Filter | undefined;
  /** The AF_* that the hosts have made the only one of the run, and the preferred one; undefined: they haven't. */
  readonly family: number | undefined;
  /** The host names in the filter, which want to be resolved. */
  readonly names: readonly NamedHost[];
}

/** A list that has been begun; one for every parenthesis that is open, and one for the whole filter. */
interface OpenList {
  /** What stands so far. */
  left: Filter | undefined;
  /** How the next item joins it. */
  join: Join["kind"];
  /** How many times the next item is negated. */
  negations: number;
}

/** What operands belong to as long as no keyword has come. */
const FIRST_OPERANDS: AnyKeyword = "src";

function newList(): OpenList {
  return { left: undefined, join: "and", negations: 0 };
}

/** Completes an item: negates it and joins it to what stands. */
function addItem(list: OpenList, item: Filter): void {
  let filter = item;
  for (; list.negations > 0; list.negations--) filter = { kind: "not", filter };
  list.left = list.left === undefined ? filter : { kind: list.join, left: list.left, right: filter };
  list.join = "and";
}

/** Tokens one after the other; their operands are converted as they come. */
class Tokens {
  readonly #tokens: Generator<Token>;
  readonly #end: Place;
  readonly #reading: Reading;
  #keyword: AnyKeyword = FIRST_OPERANDS;
  /** What the last token means, if it is an operand. */
  operand: unknown;

  constructor(source: FilterSource, reading: Reading) {
    this.#tokens = scan(source);
    this.#end = { offset: sourceText(source).length, length: 0 };
    this.#reading = reading;
  }

  /** The next token, where a predicate or an operator can stand; undefined at the end. @throws FilterError */
  next(): Token | undefined {
    return this.#take(true);
  }

  /** The next token, where an operand can stand; undefined at the end. @throws FilterError */
  nextOfPredicate(): Token | undefined {
    return this.#take(false);
  }

  #take(predicateMayBegin: boolean): Token | undefined {
    const { value, done } = this.#tokens.next();
    if (done) return undefined;
    const { word } = value;
    const token: Token =
      predicateMayBegin && value.kind === "operand" && isFactKeyword(word.text)
        ? { kind: "keyword", word, keyword: word.text }
        : value;
    if (token.kind === "keyword")
      this.#keyword = allPredicates[token.keyword].operand === undefined ? FIRST_OPERANDS : token.keyword;
    else if (token.kind === "operand")
      this.operand = allPredicates[this.#keyword].operand?.read(token.word, this.#reading);
    return token;
  }

  /** Refuses a token, or the end. @throws FilterError */
  refuse(token: Token | undefined, expected: string): never {
    const { context, names } = this.#reading;
    throw new FilterError(syntaxProblem(context.program, token?.word ?? this.#end, expected), names);
  }
}

function parsePredicate(kind: AnyKeyword, tokens: Tokens, reading: Reading): Predicate {
  const row = allPredicates[kind].operand;
  let relation: Relation = "=";
  if (row === undefined) return { kind, relation, operand: undefined } as Predicate;
  let token = tokens.nextOfPredicate();
  let expected = `${row.relations.join(", ")} or ${row.expects}`;
  if (token?.kind === "relation" && row.relations.includes(token.relation)) {
    relation = token.relation;
    expected = row.expects;
    token = tokens.nextOfPredicate();
  }
  if (token?.kind !== "operand") return tokens.refuse(token, expected);
  const predicate = { kind, relation, operand: tokens.operand } as Predicate;
  row.require?.(token.word, reading);
  return predicate;
}

/**
 * Parses a filter.
 *
 * Host names are left without addresses (see `resolveHosts`).
 *
 * @throws FilterError for the first mistake, be it in the grammar or in an operand
 */
export function parseFilter(source: FilterSource, context: FilterContext): ParsedFilter {
  const reading: Reading = { context, preferred: context.preferred, family: undefined, names: [] };
  const tokens = new Tokens(source, reading);
  let list = newList();
  const outer: OpenList[] = [];
  /** Whether an item must come: after an operator, an opening parenthesis, a NOT. */
  let wanting = false;
  for (let token = tokens.next(); token !== undefined; token = tokens.next()) {
    switch (token.kind) {
      case "keyword":
        addItem(list, parsePredicate(token.keyword, tokens, reading));
        wanting = false;
        break;
      case "not":
        list.negations++;
        wanting = true;
        break;
      case "(":
        outer.push(list);
        list = newList();
        wanting = true;
        break;
      case ")": {
        const around = outer.pop();
        if (wanting || list.left === undefined || around === undefined)
          return tokens.refuse(token, "a predicate");
        addItem(around, list.left);
        list = around;
        break;
      }
      case "and":
      case "or":
        if (wanting || list.left === undefined) return tokens.refuse(token, "a predicate");
        list.join = token.kind;
        wanting = true;
        break;
      default:
        return tokens.refuse(token, "a predicate");
    }
  }
  if (wanting) tokens.refuse(undefined, "a predicate");
  if (outer.length > 0) tokens.refuse(undefined, ")");
  return { filter: list.left, family: reading.family, names: reading.names };
}
