/**
 * TCP connections whose addresses a NAT changes, as conntrack of the NAT's host has them. The client knows the addresses
 * before the translation, the server those after it.
 */
import type { Json } from "../model/json.ts";
import type { EndAddress } from "./ends.ts";
import { PROTOCOL, ProtocolError, type Question } from "./protocol.ts";

/** The addresses of packets from the client to the server. */
export interface Flow {
  readonly from: EndAddress;
  readonly to: EndAddress;
}

/** A translated connection. */
export interface Translation {
  /** The hosts whose conntrack has it: one for each NAT on the way. */
  readonly hosts: ReadonlySet<string>;
  /** As the client sends: `from` is the client. */
  readonly before: Flow;
  /** As the server receives: `to` is the server. */
  readonly after: Flow;
}

/** What a host says about the NAT that it does. */
export interface NatFacts {
  /** Whether the kernel forwards packets, so that connections to its addresses may lead elsewhere. */
  readonly forwards: boolean;
  /** Whether all of conntrack could be read. False without root (CAP_NET_ADMIN). */
  readonly readable: boolean;
}

/** A flow as text, unique among flows. */
export function flowKey({ from, to }: Flow): string {
  return `${from.address} ${from.port} ${to.address} ${to.port}`;
}

/** Whether a translation may concern connections between these addresses. */
export function concerns(
  { before, after }: Pick<Translation, "before" | "after">,
  known: ReadonlySet<string>,
) {
  const has = (...ends: readonly EndAddress[]) => ends.every(({ address }) => known.has(address));
  return has(before.from, before.to) || has(after.from, after.to) || has(before.from, after.to);
}

/** Translations that one host may send. */
const MOST_TRANSLATIONS = 200_000;
/** Addresses of one question. As text they fit into a line of the protocol. */
export const MOST_ADDRESSES = 50_000;

/** The question for the translations that may concern connections between addresses. */
export function translationsQuestion(addresses: readonly string[], budgetMs: number): Question {
  return {
    protocol: PROTOCOL,
    args: [],
    words: addresses,
    form: "translations",
    maxRows: MOST_TRANSLATIONS,
    budgetMs,
  };
}

/** The values of a row. */
export function translationValues({ before, after }: Pick<Translation, "before" | "after">): readonly Json[] {
  return [before.from, before.to, after.from, after.to].flatMap(({ address, port }) => [address, port]);
}

/** The values of the last row. */
export function natFactsValues({ forwards, readable }: NatFacts): readonly Json[] {
  return [forwards, readable];
}

/** Reads a row of an answer. @throws ProtocolError for anything else than a row of {@link translationsQuestion} */
export function readTranslationRow(host: string, values: readonly Json[]): Translation | NatFacts {
  const [forwards, readable] = values;
  if (values.length === 2 && typeof forwards === "boolean" && typeof readable === "boolean")
    return { forwards, readable };
  const ends: EndAddress[] = [];
  for (let at = 0; at + 1 < values.length; at += 2) {
    const [address, port] = [values[at], values[at + 1]];
    if (typeof address === "string" && typeof port === "number") ends.push({ address, port });
  }
  const [first, second, third, fourth] = ends;
  if (values.length !== 8 || fourth === undefined) throw new ProtocolError("a row of another shape");
  return {
    hosts: new Set([host]),
    before: { from: first!, to: second! },
    after: { from: third!, to: fourth },
  };
}

/** NATs that one connection passes at most. */
const MOST_STEPS = 4;

/** The element of a list with one element. */
function only<T>(list: readonly T[] | undefined): T | undefined {
  return list?.length === 1 ? list[0] : undefined;
}

/**
 * Joins translations that follow each other: the packets that one NAT sends are those that the next one takes.
 *
 * @param arrives whether a socket has the packets of a flow, so that no other NAT takes them
 */
export function composed(
  translations: readonly Translation[],
  arrives: (flow: Flow) => boolean,
): readonly Translation[] {
  const byBefore = Map.groupBy(translations, ({ before }) => flowKey(before));
  const byAfter = Map.groupBy(translations, ({ after }) => flowKey(after));
  const nextOf = ({ after }: Translation) => {
    const key = flowKey(after);
    // Two NATs with the same addresses behind them cannot be distinguished.
    return byAfter.get(key)!.length > 1 || arrives(after) ? undefined : only(byBefore.get(key));
  };
  const following = new Set(translations.map(nextOf));
  return translations
    .filter((translation) => !following.has(translation))
    .map((first) => {
      let whole = first;
      let last = first;
      for (let step = 1; step < MOST_STEPS; step++) {
        const next = nextOf(last);
        if (next === undefined) break;
        last = next;
        whole = {
          hosts: new Set([...whole.hosts, ...next.hosts]),
          before: whole.before,
          after: next.after,
        };
      }
      return whole;
    });
}
