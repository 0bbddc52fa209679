/** The agent's side: answers one question, as rows of a listing or as what a command prints. */
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import { catalogReader } from "../../catalogue/catalog.ts";
import { describers } from "../../catalogue/describe.ts";
import { groupSockets } from "../../catalogue/group.ts";
import { familyOf } from "../../families/index.ts";
import type { Socket } from "../../families/socket.ts";
import { type ExchangeableNames, exchangeableNames } from "../../fields/exchangeable-names.ts";
import { noNames } from "../../fields/names.ts";
import type { CutReason, End, Frame, PastSample, Question, RemoteRow } from "../../fleet/protocol.ts";
import { concerns, natFactsValues, translationValues } from "../../fleet/translations.ts";
import type { Host, PastTime } from "../../host/host.ts";
import type { Json } from "../../model/json.ts";
import { kindOfDump } from "../../model/selection.ts";
import { columnsWith } from "../../output/columns.ts";
import { nameSource, tableChooser } from "../../output/name-source.ts";
import { type OpenQuery, openQuery } from "../../query/open.ts";
import type { SocketBatch } from "../../query/query.ts";
import { StoreError } from "../../store/error.ts";
import { Table } from "../../table/table.ts";
import { performActions } from "../actions.ts";
import { chosenColumns, groupColumns } from "../chosen-columns.ts";
import { type CommandWord, remoteCommands } from "../commands/command-names.ts";
import type { Draft } from "../draft.ts";
import { EXIT_USAGE, isStop, type Stop } from "../getopt.ts";
import { onMachine } from "../machine.ts";
import { parse } from "../parse.ts";
import { isSsTable, type Presentation, planListing } from "../plan.ts";
import { reporter, withStatus } from "../report.ts";
import { hiddenColumns } from "../show.ts";
import { viewFor } from "../view.ts";
import type { Output, World } from "../world.ts";
import { limitedHost } from "./limited-host.ts";
import { remoteRefusal } from "./remote-options.ts";

const decoder = new TextDecoder();

/** Takes frames as they become ready. */
export type Send = (frame: Frame) => void;

/** Rows that one frame holds at most, and about how many characters. */
const FRAME_ROWS = 512;
const FRAME_SIZE = 128 << 10;

/** The limits of an answer, whatever its question says. */
export interface AnswerLimits {
  /** Milliseconds of a clock that does not jump. */
  now(): number;
  /** Rows that it may have. */
  readonly maxRows: number;
  /** The commands whose output may be sent. */
  readonly commands: readonly CommandWord[];
  /** Why an option is refused here that other agents accept, by its first long name. Default: none is. */
  readonly refuses?: Readonly<Record<string, string>>;
  /** The limit of the agent that is reached; undefined if none is. */
  reached(): CutReason | undefined;
  /** Lets other work of this process go on, if it is time. Absent where there is none. */
  readonly pause?: () => Promise<void> | undefined;
  /** Ends commands. Default: what ends this process. */
  readonly signal?: AbortSignal;
}

/** Limits of a question from this very process. */
export function ownLimits(now: () => number): AnswerLimits {
  return {
    now,
    maxRows: Number.POSITIVE_INFINITY,
    commands: remoteCommands,
    reached: () => undefined,
  };
}

/** Ends an answer before it is whole. */
class Cut extends Error {
  readonly reason: CutReason;

  constructor(reason: CutReason) {
    super(reason);
    this.reason = reason;
  }
}

/** Makes the function that ends an answer at its limits. @returns throws {@link Cut} */
function limitCheck({ budgetMs }: Question, { now, reached }: AnswerLimits): () => void {
  const untilMs = now() + budgetMs;
  return () => {
    const reason = now() > untilMs ? "time" : reached();
    if (reason !== undefined) throw new Cut(reason);
  };
}

/** Collects rows into frames, within the limits of a question. @param check throws {@link Cut} */
function rowSender(maxRows: number, check: () => void, pause: () => Promise<void> | undefined, send: Send) {
  let left = maxRows;
  let rows: RemoteRow[] = [];
  let size = 0;
  const flush = () => {
    if (rows.length > 0) send({ rows });
    rows = [];
    size = 0;
  };
  return {
    /** Rows that the answer may have. */
    most: maxRows,
    flush,
    /** Follows each batch: its sockets are not valid any longer. @throws Cut */
    async endBatch() {
      check();
      await pause();
    },
    /** @throws Cut */
    check,
    /** @throws Cut */
    send(row: RemoteRow) {
      if (left-- <= 0) throw new Cut("rows");
      rows.push(row);
      size += row.cells?.reduce((sum, { length }) => sum + length, 0) ?? FRAME_SIZE / FRAME_ROWS;
      if (rows.length < FRAME_ROWS && size < FRAME_SIZE) return;
      flush();
      check();
    },
  };
}

type RowSender = ReturnType<typeof rowSender>;

/**
 * The text of an answer in whole lines: strangers' bytes become what the client's JSON can hold.
 *
 * @param check throws {@link Cut}
 */
function outputOf(kind: "output" | "note", check: () => void, send: Send): Output {
  let rest = "";
  return {
    terminalColumns: undefined,
    write(bytes) {
      check();
      const text = rest + decoder.decode(bytes, { stream: true });
      const end = text.lastIndexOf("\n") + 1;
      rest = text.slice(end);
      if (end > 0) send(kind === "output" ? { output: text.slice(0, end) } : { note: text.slice(0, end) });
    },
  };
}

/** The arguments of a question as one command line. */
function argumentsOf({ args, words }: Question): string[] {
  return [...args, "--", ...words];
}

/** Why a question is not about what one of the commands prints; undefined if it is. */
function commandRefusal(
  { args: [first = ""] }: Question,
  commands: readonly CommandWord[],
): string | undefined {
  if (first.startsWith("--") || commands.some((word) => word === first)) return undefined;
  return `"${first}" cannot be sent to another host`;
}

/**
 * Answers a question.
 *
 * @param world this process; its output is not used
 */
export async function answer(
  world: World,
  question: Question,
  send: Send,
  limits: AnswerLimits,
): Promise<void> {
  const check = limitCheck(question, limits);
  const stdout = outputOf("output", check, send);
  const stderr = outputOf("note", check, send);
  const { signal } = limits;
  const file = question.filterFile;
  const remote: World = {
    ...world,
    host: limitedHost(world.host, check),
    program: "sockscope",
    args: argumentsOf(question),
    stdout,
    stderr,
    terminal: () => undefined,
    readStdin: () => new Uint8Array(0),
    ...(signal === undefined ? {} : { interrupted: () => signal }),
    remote: {
      refusal: (long) => remoteRefusal(long) ?? limits.refuses?.[long],
      ...(file === undefined ? {} : { filterFile: encodeBytes(file) }),
    },
  };
  const rows = rowSender(
    Math.min(question.maxRows, limits.maxRows),
    check,
    limits.pause ?? (() => undefined),
    send,
  );
  try {
    if (question.form === "output") {
      const refusal = commandRefusal(question, limits.commands);
      if (refusal !== undefined) stderr.write(encodeBytes(`${refusal}\n`));
      send({ end: { status: refusal === undefined ? await world.run!(remote) : EXIT_USAGE } });
      return;
    }
    const end =
      question.form === "translations"
        ? { status: await sendTranslations(remote.host, question.words, rows) }
        : await answerListing(remote, rows);
    rows.flush();
    send({ end });
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    rows.flush();
    send({ end: { status: 1, cut: error.reason } });
  }
}

/** Sends the translations that concern addresses, and last what this host says about its NAT. @throws Cut */
async function sendTranslations(host: Host, addresses: readonly string[], rows: RowSender): Promise<number> {
  const { readNat } = await import("../../fleet/nat.ts");
  const known = new Set(addresses);
  const facts = readNat(
    host,
    (found) => {
      if (concerns(found, known)) rows.send({ values: translationValues(found) });
    },
    () => rows.check(),
  );
  rows.send({ values: natFactsValues(facts) });
  return 0;
}

/** The sample that a past machine shows. */
function pastSampleOf({ wallMs, bootMs, bootId, coverage: { limits, notes } }: PastTime): PastSample {
  const sample = { wallMs, bootMs, bootId };
  if (limits !== "") return { ...sample, partial: `its recorder keeps only ${limits}` };
  return notes.some(({ kind }) => kind === "damaged") ? { ...sample, partial: "it is damaged" } : sample;
}

/** Lists sockets as rows. @returns the end of the answer @throws Cut */
async function answerListing(world: World, rows: RowSender): Promise<End> {
  const failed = (message: string, status: number): End => {
    world.stderr.write(encodeBytes(`${message}\n`));
    return { status };
  };
  const stopped = (stop: Stop): End =>
    stop.kind === "error" ? failed(stop.message, stop.status) : failed("this is not a question", EXIT_USAGE);
  const { draft, words, stop } = parse(world);
  if (stop !== undefined) return stopped(stop);
  const done = await performActions(world, draft);
  if (isStop(done)) return stopped(done);
  const view = await viewFor(world, draft);
  if (isStop(view)) return stopped(view);
  const planned = await planListing(world, draft, view, { args: words, file: world.remote?.filterFile });
  if (isStop(planned)) return stopped(planned);
  const { plan, presentation } = planned;
  let past: PastSample | undefined;
  const list = async (host: Host) => {
    if (host.past !== undefined) past = pastSampleOf(host.past);
    const { report, status } = withStatus(reporter(world, host, plan.sources), machineDraft(draft));
    let opened: OpenQuery;
    try {
      opened = await openQuery({ host, report }, plan);
    } catch (error) {
      const { filterStop } = await import("../filter.ts");
      return stopped(filterStop(world, error, plan.filter)).status;
    }
    using query = opened;
    const source = idleNames.pop() ?? exchangeableNames();
    try {
      await sendSockets(query, presentation, source, query.resolved(), rows);
    } finally {
      source.from(noNames);
      idleNames.push(source);
    }
    return status();
  };
  try {
    const status = await onMachine(world, draft, list);
    return past === undefined ? { status } : { status, past };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return failed(error.message, 1);
  }
}

/** The client is a program: what is missing shows in the exit status. */
function machineDraft({ allNetns }: Draft): Pick<Draft, "format" | "allNetns"> {
  return { format: "ndjson", allNetns };
}

/**
 * Names that no answer uses now. An agent answers many questions, and the columns of these names are made once: that
 * takes ten times as long as counting the sockets of a small host.
 */
const idleNames: ExchangeableNames[] = [];

/** Sends the sockets of a listing in the form of its presentation. */
async function sendSockets(
  query: OpenQuery,
  presentation: Presentation,
  source: ExchangeableNames,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  rows: RowSender,
): Promise<void> {
  const { names, plan, selection } = query;
  source.from(nameSource(plan, names, presentation.explainer));
  const { sort, top } = plan.order;
  const { find } = columnsWith(source);
  const useTable = tableChooser(names, false, selection);
  if (presentation.by !== undefined) {
    const { by, sum } = groupColumns(presentation, source);
    const columns = (chosen: typeof by) => chosen.map(({ column }) => column);
    const grouping = groupSockets(columns(by), columns(sum));
    for await (const batch of batches) {
      useTable(batch);
      for (const socket of batch.sockets) grouping.add(socket);
      // What is counted so far would be wrong numbers.
      if (grouping.groups().length > rows.most) throw new Cut("rows");
      await rows.endBatch();
    }
    for (const { values, count, sums } of grouping.groups())
      rows.send({ values: values.map(orNull), count, sums: sums.map((each) => each ?? null) });
    return;
  }
  const rowOf = rowMaker(query, presentation, source);
  const keysOf = catalogReader(sort.map(({ name }) => find(name)![0]!));
  let ordered = batches;
  if (sort.length > 0 || top !== undefined) {
    const { arranged } = await import("../arranged.ts");
    // No more sockets are kept than may be sent, and one that shows that there are more.
    const order = { ...plan.order, top: Math.min(top ?? Number.POSITIVE_INFINITY, rows.most + 1) };
    ordered = arranged({ ...query, plan: { ...plan, order } }, presentation, batches, undefined, source);
  }
  for await (const batch of ordered) {
    useTable(batch);
    for (const socket of batch.sockets) {
      const row = rowOf(batch, socket);
      rows.send(sort.length === 0 ? row : { ...row, keys: keysOf(socket).map(orNull) });
    }
    await rows.endBatch();
  }
}

function orNull(value: Json | undefined): Json {
  return value ?? null;
}

/** Makes the function that makes the row of a socket. */
function rowMaker(
  query: OpenQuery,
  presentation: Presentation,
  source: ReturnType<typeof nameSource>,
): (batch: SocketBatch, socket: Socket) => RemoteRow {
  const { format, columns } = presentation;
  if (isSsTable(presentation)) return cellMaker(query, presentation);
  if (columns === undefined && format !== "csv") {
    const describe = describers(source);
    return (_, socket) => ({ object: describe(socket) });
  }
  const read = catalogReader(
    chosenColumns(presentation, query.selection, source).map(({ column }) => column),
  );
  return (_, socket) => ({ values: read(socket).map(orNull) });
}

/** Makes the cells of ss's table: the very bytes that a listing here would lay out. */
function cellMaker(
  query: OpenQuery,
  presentation: Presentation,
): (batch: SocketBatch, socket: Socket) => RemoteRow {
  const { names, request } = query;
  const { style, explainer, shown } = presentation;
  const table = new Table({
    hidden: hiddenColumns(presentation, query),
    header: false,
    screen: undefined,
    write: () => undefined,
  });
  const width = Object.values(table.shows).filter(Boolean).length;
  const plain = { ...style, escape: false };
  return ({ dump }, socket) => {
    familyOf(request.parts.families, kindOfDump(dump)).writeRow(table, socket, plain, names);
    const cells: string[] = [];
    let at = 0;
    for (let cell = 0; cell < width; cell++) {
      const length = cell < table.cells ? table.lengths[cell]! : 0;
      cells.push(decodeBytes(table.text.bytes.subarray(at, at + length)));
      at += length;
    }
    table.flush();
    if (!shown.has("explanation") || socket.kind !== "inet") return { cells };
    return {
      cells,
      note: explainer!.explanationText(socket, { screen: undefined, oneline: style.oneline }),
    };
  };
}
