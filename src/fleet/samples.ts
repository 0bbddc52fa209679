/** Samples of the TCP sockets of many hosts, and of the NAT between them. */
import { askedColumns, type End, readEnd } from "./ends.ts";
import type { HostOutcome } from "./fan-out.ts";
import type { HostAddresses, Joined } from "./join.ts";
import { type Frame, PROTOCOL, ProtocolError, type Question } from "./protocol.ts";
import {
  flowKey,
  MOST_ADDRESSES,
  type NatFacts,
  readTranslationRow,
  type Translation,
  translationsQuestion,
} from "./translations.ts";

/** Sends a question to hosts, and takes the frames of their answers. */
export type AskAll = (
  hosts: readonly string[],
  question: Question,
  take: (host: string, frame: Frame) => void,
) => Promise<readonly HostOutcome[]>;

/** Which sockets of each host are sampled. */
export interface EndsRequest {
  /** Whether every network namespace is listed. */
  readonly allNetns: boolean;
  readonly containers: boolean;
  /** The filter. */
  readonly words: readonly string[];
  /** The contents of the filter file. */
  readonly filterFile?: string;
  /** The past moment that is listed instead of the present. */
  readonly at?: string;
  /** Milliseconds that an answer may take. */
  readonly budgetMs: number;
}

/** The TCP sockets of the hosts that sent all of them. */
export interface Sample {
  readonly ends: readonly End[];
  readonly addresses: HostAddresses;
  /** Of every host. */
  readonly outcomes: readonly HostOutcome[];
  /** Why a host's sockets are left out, in a few words, as far as it said. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** Ends that one host may send. */
const MOST_ENDS = 500_000;

/** The question for the ends of a host's TCP connections. */
function endsQuestion({ allNetns, containers, words, filterFile, at, budgetMs }: EndsRequest): Question {
  const moment = at === undefined ? [] : [`--at=${at}`];
  const columns = `--columns=${askedColumns(containers).join(",")}`;
  return {
    protocol: PROTOCOL,
    args: ["--tcp", "--all", "--numeric", ...(allNetns ? ["--all-netns"] : []), ...moment, columns],
    words,
    ...(filterFile === undefined ? {} : { filterFile }),
    form: "rows",
    maxRows: MOST_ENDS,
    budgetMs,
  };
}

/** Whether an answer has all of its rows. */
function isWhole({ end }: HostOutcome): boolean {
  return end?.status === 0 && end.cut === undefined;
}

/** What identifies a socket on one machine: its cookie, unique until the next boot, and its addresses. */
function socketKey({ cookie, local, peer }: End): string {
  return `${cookie} ${local.address} ${local.port} ${peer.address} ${peer.port}`;
}

/** Hosts that are another host of the list by a second name: the same boot, addresses and sockets. */
function secondNames(
  whole: readonly HostOutcome[],
  endsOf: (host: string) => readonly End[],
): ReadonlyMap<string, string> {
  const second = new Map<string, string>();
  const alike = Map.groupBy(whole, ({ hello, addresses }) =>
    JSON.stringify([hello?.bootId, addresses.toSorted()]),
  );
  for (const [first, ...others] of alike.values()) {
    if (others.length === 0 || !first?.hello?.bootId) continue;
    // Namespaces of one machine may have the same addresses, and never the same sockets.
    const sockets = new Set(endsOf(first.host).map(socketKey));
    for (const { host } of others)
      if (endsOf(host).some((end) => end.cookie !== "" && sockets.has(socketKey(end))))
        second.set(host, first.host);
  }
  return second;
}

/** Takes one sample. Hosts without a whole answer are left out: other ends would look missing. */
export async function sampleEnds(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
): Promise<Sample> {
  const found = new Map<string, End[]>(hosts.map((host) => [host, []]));
  const width = askedColumns(request.containers).length;
  const notes = new Map<string, string>();
  const outcomes = await ask(hosts, endsQuestion(request), (host, frame) => {
    if ("note" in frame) notes.set(host, frame.note.trim().split("\n").at(-1)!);
    if (!("rows" in frame)) return;
    const ends = found.get(host)!;
    for (const { values } of frame.rows) {
      if (values?.length !== width) throw new ProtocolError("a row of another shape");
      const end = readEnd(host, values);
      if (end !== undefined) ends.push(end);
    }
  });
  const answered = outcomes.filter(isWhole);
  const second = secondNames(answered, (host) => found.get(host)!);
  const whole = answered.filter(({ host }) => !second.has(host));
  return {
    ends: whole.flatMap(({ host }) => found.get(host)!),
    addresses: new Map(whole.map(({ host, addresses }) => [host, addresses])),
    outcomes,
    reasons: new Map([
      ...outcomes
        .filter((outcome) => !isWhole(outcome))
        .map(({ host, failure }) => [host, failure ?? notes.get(host) ?? "no whole answer"] as const),
      ...Array.from(second, ([host, first]) => [host, `it is the same host as ${first}`] as const),
    ]),
  };
}

/** Whether hosts forward packets. Their translations of the past are not known. */
export async function sampleForwarding(
  ask: AskAll,
  hosts: readonly string[],
  budgetMs: number,
): Promise<NatSample> {
  const { nat } = await readTranslations(ask, hosts, [], budgetMs);
  return {
    translations: [],
    nat: new Map(Array.from(nat, ([host, { forwards }]) => [host, { forwards, readable: !forwards }])),
  };
}

/** The NAT of hosts. */
export interface NatSample {
  readonly translations: readonly Translation[];
  /** Of the hosts that answered. */
  readonly nat: ReadonlyMap<string, NatFacts>;
}

/**
 * The addresses that a connection between hosts of the list has, if its ends are not joined: their own, and their peers'
 * that belong to a host of the list.
 */
function openAddresses({ missing, outside, ambiguous }: Joined): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { local } of [...outside, ...ambiguous]) found.add(local.address);
  for (const { end } of missing) found.add(end.local.address).add(end.peer.address);
  for (const { peer } of ambiguous) found.add(peer.address);
  return found;
}

/**
 * Reads the translations of the connections whose ends are not joined.
 *
 * @returns undefined if no translation can join any of them
 */
export async function sampleNat(
  ask: AskAll,
  hosts: readonly string[],
  joined: Joined,
  budgetMs: number,
): Promise<NatSample | undefined> {
  const { missing, outside, ambiguous } = joined;
  if (missing.length === 0 && outside.length + ambiguous.length < 2) return undefined;
  const addresses = [...openAddresses(joined)].sort();
  return readTranslations(ask, hosts, addresses, budgetMs);
}

/** Reads the translations between addresses. */
async function readTranslations(
  ask: AskAll,
  hosts: readonly string[],
  all: readonly string[],
  budgetMs: number,
): Promise<NatSample> {
  const found = new Map<string, Map<string, Translation>>(hosts.map((host) => [host, new Map()]));
  const nat = new Map<string, NatFacts>();
  const addresses = all.slice(0, MOST_ADDRESSES);
  await ask(hosts, translationsQuestion(addresses, budgetMs), (host, frame) => {
    if (!("rows" in frame)) return;
    for (const { values = [] } of frame.rows) {
      const row = readTranslationRow(host, values);
      if ("hosts" in row) found.get(host)!.set(`${flowKey(row.before)} ${flowKey(row.after)}`, row);
      else nat.set(host, addresses.length < all.length ? { ...row, readable: false } : row);
    }
  });
  return { translations: Array.from(found.values(), (each) => [...each.values()]).flat(), nat };
}
