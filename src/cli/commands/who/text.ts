/** The answer of `who` on one screen. */
import { escapeText } from "../../../bytes/terminal.ts";
import { plural } from "../../../doctor/plural.ts";
import { containerLabel } from "../../../enrich/containers.ts";
import { durationText, timeText } from "../../../store/time.ts";
import {
  type Answer,
  type Listener,
  processesOf,
  type UnownedSocket,
  type WhoGroup,
  type WhoProcess,
} from "./answer.ts";
import { field, paragraph, type Value } from "./layout.ts";
import type { Peer, Peers } from "./peers.ts";
import type { ProcessFacts, ProcessName } from "./process.ts";
import { targetText } from "./target.ts";
import { type Reason, reasons } from "./unowned.ts";

/** Processes that are shown in full. */
const FULL = 4;
/** Names, addresses or sockets that are shown of a list; the rest is counted. */
const NAMED = 8;
/** Processes, or other ends, that are shown of one line. */
const PEER_PROCESSES = 4;
/** Other listeners of a process that are shown. */
const LISTENERS = 6;
/** Characters of a command line that are shown. */
const ARGUMENTS = 400;
/** Characters of a name or path that are shown. */
const NAME = 200;

function cut(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit).join("")}…`;
}

function safe(text: string, limit = NAME): string {
  return escapeText(cut(text, limit));
}

/** A list whose end is counted. */
function listed(items: readonly string[], most: number, between = ", "): string {
  const rest = items.length - most;
  return rest > 0 ? `${items.slice(0, most).join(between)} and ${rest} more` : items.join(between);
}

/** The listeners of a process as words that stay on one line each; their end is counted. */
function listenerWords(all: readonly Listener[], most: number): readonly string[] {
  const shown = all.slice(0, most).map(({ netid, local }) => `${netid} ${safe(local)}`);
  const words = shown.map((end, index) => (index + 1 < shown.length ? `${end},` : end));
  return all.length > most ? [...words, `and ${all.length - most} more`] : words;
}

/** An argument as a shell takes it. */
function shellWord(argument: string): string {
  const text = safe(argument, ARGUMENTS);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The arguments. Programs that write a title over them leave empty ones behind it. */
function commandLineText(given: readonly string[]): string {
  const words = given.slice(0, given.findLastIndex((word) => word !== "") + 1);
  let text = "";
  for (const [index, word] of words.entries()) {
    if (text.length > ARGUMENTS) return `${text} … and ${plural(words.length - index, "more argument")}`;
    text += `${index === 0 ? "" : " "}${shellWord(word)}`;
  }
  return text;
}

/** Counts by word: `3 ESTAB, 1 CLOSE-WAIT`. */
function countsText(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => `${count} ${word}`)
    .join(", ");
}

/** What every part of the text needs. */
interface Screen {
  readonly columns: number;
  nameText(process: ProcessName): string;
}

/** Widths of the columns of addresses and counts. */
interface PeerWidths {
  readonly peer: number;
  readonly count: number;
}

function peerLine({ peer, count, processes }: Peer, width: PeerWidths, { nameText }: Screen): string {
  const who = processes.length === 0 ? "" : `  ${listed(processes.map(nameText), PEER_PROCESSES)}`;
  return `${peer.padEnd(width.peer)}  ${String(count).padStart(width.count)}${who}`;
}

function peersField(label: string, { count, states, peers }: Peers, screen: Screen): string {
  if (count === 0) return "";
  const shown = peers.slice(0, NAMED);
  const width: PeerWidths = {
    peer: Math.max(...shown.map(({ peer }) => peer.length)),
    count: String(shown[0]!.count).length,
  };
  const left = peers.length - shown.length;
  const rest = peers.slice(NAMED).reduce((sum, each) => sum + each.count, 0);
  return field(
    label,
    [
      `${plural(count, "connection")}: ${countsText(states)}`,
      ...shown.map((peer) => peerLine(peer, width, screen)),
      ...(left > 0 ? [`and ${plural(rest, "connection")} with ${left} more`] : []),
    ],
    screen.columns,
  );
}

function ageText({ details: { startTime }, ageMs }: ProcessFacts): string[] {
  const start = startTime === undefined ? undefined : timeText(Date.parse(startTime));
  const age = ageMs === undefined ? undefined : `${durationText(ageMs)} ago`;
  return [start, age].some((each) => each !== undefined)
    ? [[start, age].filter((each) => each !== undefined).join(", ")]
    : [];
}

function userText({ details: { uid, user }, loginUser }: ProcessFacts): string[] {
  const own = user ?? (uid === undefined ? undefined : String(uid));
  if (own === undefined) return [];
  return [loginUser === undefined || loginUser === own ? own : `${own}, logged in as ${loginUser}`];
}

function factFields(facts: ProcessFacts, screen: Screen): string {
  const { details, cwd, parents, place } = facts;
  const one = (label: string, values: readonly string[]) =>
    values.length === 0 ? "" : field(label, values, screen.columns);
  const maybe = (value: string | undefined) => (value === undefined ? [] : [safe(value)]);
  const from = parents.map(screen.nameText);
  return [
    one("program", maybe(details.exe)),
    one("arguments", details.cmdline === undefined ? [] : [commandLineText(details.cmdline)]),
    one("directory", maybe(cwd)),
    one(
      "user",
      userText(facts).map((text) => safe(text)),
    ),
    one("started", ageText(facts)),
    one("by", from.length === 0 ? [] : [listed(from, NAMED, " < ")]),
    one("unit", maybe(place.unit)),
    one("container", maybe(place.container && containerLabel(place.container))),
  ].join("");
}

function groupText({ leader, rest }: WhoGroup, screen: Screen): string {
  const { listeners, inbound, outbound, others, netns } = leader;
  const facts = leader.facts();
  const ends = (isTarget: boolean, most: number) =>
    listenerWords(
      listeners.filter((each) => each.isTarget === isTarget),
      most,
    );
  const hasNone = listeners.length + inbound.count + outbound.count + others.size === 0;
  const one = (label: string, value: Value) =>
    value.length === 0 ? "" : field(label, [value], screen.columns);
  return [
    paragraph(screen.nameText(leader), screen.columns),
    one("listens", ends(true, NAMED)),
    one("also on", ends(false, LISTENERS)),
    facts === undefined ? one("program", "It has ended.") : factFields(facts, screen),
    one("netns", netns.map((each) => safe(each)).join(", ")),
    one("with", listed(rest.map(screen.nameText), NAMED)),
    peersField("peers", inboundOf(leader, rest, inbound), screen),
    peersField("connects", outbound, screen),
    one("others", countsText(others)),
    one("sockets", hasNone ? "none" : ""),
  ].join("");
}

/** The connections of the leader, unless only the others of its group have any. */
function inboundOf(leader: WhoProcess, rest: readonly WhoProcess[], own: Peers): Peers {
  if (own.count > 0) return leader.inbound;
  return rest.find(({ inbound }) => inbound.count > 0)?.inbound ?? own;
}

function unownedLine({ netid, state, local, peer, user, netns }: UnownedSocket): string {
  const parts = [
    netid,
    state,
    local,
    peer === "" ? undefined : peer,
    user && `of ${user}`,
    netns && `in ${netns}`,
  ];
  return parts.flatMap((part) => (part === undefined ? [] : safe(part))).join(" ");
}

function unownedTitle(reason: Reason, count: number): string {
  return `${plural(count, "socket")} ${reason === "unreadable" ? "whose process is not known" : "without a process"}`;
}

function unownedText({ unowned }: Answer, { columns }: Screen): string {
  return Array.from(unowned, ([reason, sockets]) => {
    const left = sockets.length - NAMED;
    return [
      paragraph(`${unownedTitle(reason, sockets.length)}: ${reasons[reason]}`, columns),
      ...sockets.slice(0, NAMED).map((socket) => paragraph(unownedLine(socket), columns, 2)),
      ...(left > 0 ? [`  and ${left} more\n`] : []),
    ].join("");
  }).join("\n");
}

/** A process that is connected to the target, in one line. */
function clientLine(process: WhoProcess, { columns, nameText }: Screen): string {
  const { outbound, inbound } = process;
  const peers = [...outbound.peers, ...inbound.peers].map(({ peer, count }) => `${peer} (${count})`);
  return paragraph(`${nameText(process)}: ${listed(peers, PEER_PROCESSES)}`, columns, 2);
}

function summary({ target, holders, clients, unowned }: Answer): string {
  const has = processesOf(holders);
  const uses = processesOf(clients);
  const unknown = unowned.get("unreadable")?.length ?? 0;
  const loose = [...unowned.values()].reduce((sum, { length }) => sum + length, 0) - unknown;
  const parts = [
    has.length > 0 ? plural(has.length, "process", "processes") : undefined,
    uses.length > 0 ? `${plural(uses.length, "process", "processes")} connected to it elsewhere` : undefined,
    unknown > 0 ? unownedTitle("unreadable", unknown) : undefined,
    loose > 0 ? `${plural(loose, "socket")} without a process` : undefined,
  ].filter((part) => part !== undefined);
  return `${targetText(target)}: ${parts.length === 0 ? "nothing has it" : parts.join(", ")}`;
}

/** The answer as text. @param columns those of the screen */
export function answerText(answer: Answer, columns: number): string {
  const nameText = (process: ProcessName) => {
    const container = answer.containerOf(process);
    return `${safe(process.name)} (${process.pid}${container === undefined ? "" : `, ${safe(container)}`})`;
  };
  const screen: Screen = { columns, nameText };
  const { holders, clients, notes, target } = answer;
  const inFull = holders.length > 0 ? holders : clients;
  const folded = inFull.slice(FULL).map(({ leader }) => nameText(leader));
  const elsewhere = holders.length > 0 ? processesOf(clients) : [];
  const left = elsewhere.length - NAMED;
  return [
    paragraph(safe(summary(answer)), columns),
    ...inFull.slice(0, FULL).map((group) => groupText(group, screen)),
    ...(folded.length > 0 ? [paragraph(`and ${listed(folded, NAMED)}`, columns)] : []),
    ...(elsewhere.length > 0
      ? [
          paragraph(`Connected to ${safe(targetText(target))} elsewhere:`, columns) +
            elsewhere
              .slice(0, NAMED)
              .map((process) => clientLine(process, screen))
              .join("") +
            (left > 0 ? `  and ${left} more\n` : ""),
        ]
      : []),
    ...(answer.unowned.size > 0 ? [unownedText(answer, screen)] : []),
    ...(notes.length > 0 ? [notes.map((note) => paragraph(safe(note), columns)).join("")] : []),
  ].join("\n");
}
