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
 * AND and OR have the same precedence and associate to the left: `a or b and c` is `(a or b) and c`, whatever ss(8)
 * says. NOT binds to the next item only. The rows of `predicates` say what each predicate takes. A FACT is a keyword of
 * Sockscope's own. It is a keyword only where a predicate can begin: in `dst pid`, `pid` is a host name.
 */
import { FilterError, type FilterPosition } from "./errors.ts";
import { scan, type Token } from "./lexer.ts";
import type { NamedHost } from "./operands.ts";
import { allPredicates, isFactKeyword } from "./predicates.ts";
import type { FilterContext, Reading } from "./reading.ts";
import type { FilterRelation } from "./relations.ts";
import { type FilterSource, sourceText } from "./source.ts";
import type { Filter, FilterJoin, FilterKeyword, FilterPredicate } from "./tree.ts";

/** A parsed filter. */
export interface ParsedFilter {
  /** undefined if the source has no words: every socket matches. */
  readonly filter: Filter | undefined;
  /** The AF_* of the last host that has one. It becomes the only family of the run, and the preferred one. */
  readonly family: number | undefined;
  /** The host names in the filter. */
  readonly names: readonly NamedHost[];
}

/** An unfinished list: one for the whole filter, and one for each open parenthesis. */
interface OpenList {
  /** The items so far. */
  left: Filter | undefined;
  /** How the next item joins it. */
  join: FilterJoin["kind"];
  /** How many times the next item is negated. */
  negations: number;
}

/** The keyword whose row converts operands in front of the first keyword. */
const FIRST_OPERANDS: FilterKeyword = "src";

function newList(): OpenList {
  return { left: undefined, join: "and", negations: 0 };
}

/** Negates an item and joins it to the list. */
function addItem(list: OpenList, item: Filter): void {
  let filter = item;
  for (; list.negations > 0; list.negations--) filter = { kind: "not", filter };
  list.left = list.left === undefined ? filter : { kind: list.join, left: list.left, right: filter };
  list.join = "and";
}

/** The tokens of a filter. Operands are converted as they are read. */
class Tokens {
  readonly #tokens: Generator<Token>;
  readonly #end: FilterPosition;
  readonly #reading: Reading;
  #keyword: FilterKeyword = FIRST_OPERANDS;
  /** The value of the last token, if that is an operand. */
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
    const position = token?.word ?? this.#end;
    throw new FilterError({ kind: "syntax", position, expected, text: token?.word.text ?? "" });
  }
}

function parsePredicate(kind: FilterKeyword, tokens: Tokens, reading: Reading): FilterPredicate {
  const row = allPredicates[kind].operand;
  let relation: FilterRelation = "=";
  if (row === undefined) return { kind, relation, operand: undefined } as FilterPredicate;
  let token = tokens.nextOfPredicate();
  let expected = `${row.relations.join(", ")} or ${row.expects}`;
  if (token?.kind === "relation" && row.relations.includes(token.relation)) {
    relation = token.relation;
    expected = row.expects;
    token = tokens.nextOfPredicate();
  }
  if (token?.kind !== "operand") return tokens.refuse(token, expected);
  const predicate = { kind, relation, operand: tokens.operand } as FilterPredicate;
  row.require?.(token.word, reading);
  return predicate;
}

/**
 * Parses a filter. Does not look up host names: see `resolveHosts`.
 *
 * @param names collects the host names, also those in front of a mistake
 * @throws FilterError for the first mistake, either of grammar or of an operand
 */
export function parseFilter(
  source: FilterSource,
  context: FilterContext,
  names: NamedHost[] = [],
): ParsedFilter {
  const reading: Reading = { context, preferred: context.preferred, family: undefined, names };
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
