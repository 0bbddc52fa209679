/** GET /api/sockets: the command line as HTTP. Objects, chosen columns or groups, as JSON or one object per line. */
import { type CatalogColumn, catalogReader } from "../catalogue/catalog.ts";
import { columnsByKind } from "../catalogue/describe.ts";
import { groupSockets } from "../catalogue/group.ts";
import { rowOrder } from "../catalogue/order.ts";
import { type Column, describer } from "../fields/column.ts";
import { type Demand, type Demands, demandSet } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import { defaultTables, tables as tableRows } from "../model/selection.ts";
import { DEFAULT_STATES } from "../model/state.ts";
import { everyColumn } from "../output/columns.ts";
import { COUNT, type SortKey } from "../plan/plan.ts";
import { type View, ViewError, viewOf } from "../plan/view.ts";
import type { OpenQuery } from "../query/open.ts";
import { matching, type Selecting, wantsOfFilter } from "./matching.ts";
import { type Moments, readWhen } from "./moments.ts";
import {
  listOf,
  pastParameters,
  queryParameter,
  readNumber,
  readStates,
  readTables,
  selecting,
} from "./parameters.ts";
import { Refusal, wrongParameter } from "./problem.ts";
import type { Call, Route } from "./route.ts";
import type { Snapshot } from "./snapshot.ts";
import { turns } from "./turns.ts";

/** The words of `details`, each with its demands. */
const detailWords: Readonly<Record<string, readonly Demand[]>> = {
  memory: ["memory"],
  info: ["info"],
  tos: ["tos"],
  extended: ["extended", "cgroup"],
  processes: ["owners", "peerOwners"],
  container: ["containers"],
  explain: ["explanation"],
};

/** Details of a socket that no option adds. */
const always: readonly Demand[] = ["uid", "peerNames"];
/** Objects that are encoded in one turn. */
const TURN = 100;
const NDJSON = "application/x-ndjson";
const MOST = 1e9;

const encoder = new TextEncoder();

/** The selection, with the defaults of the command line. @throws Refusal */
function readSelection({ tables, state, filter }: Call["values"]): Selecting {
  const chosen = tables === undefined ? new Set(defaultTables) : readTables(tables);
  const own = [...chosen].reduce((mask, table) => mask | tableRows[table].states, 0);
  const byDefault = tables === undefined ? DEFAULT_STATES : own;
  return { tables: chosen, states: state === undefined ? byDefault : readStates(state), filter };
}

/** The columns of the view. @throws Refusal */
function readView({ columns, by, sort }: Call["values"], info: boolean): View {
  const list = (name: string, text: string | undefined) =>
    text === undefined ? undefined : listOf(name, text);
  try {
    return viewOf(
      { columns: list("columns", columns), by: list("by", by), sort: list("sort", sort), info },
      everyColumn(),
    );
  } catch (error) {
    if (!(error instanceof ViewError)) throw error;
    throw new Refusal(400, `${error.message}.`);
  }
}

function readDetails(text: string | undefined): Demands {
  if (text === undefined) return demandSet([]);
  return demandSet(
    ...listOf("details", text).map((word) => {
      if (!Object.hasOwn(detailWords, word))
        throw wrongParameter("details", `"${word}" is not one of ${Object.keys(detailWords).join(", ")}.`);
      return detailWords[word];
    }),
  );
}

/** Makes the function that gives the whole object of a socket, without the details that nobody wants. */
function objectReader({ names, sockets }: Snapshot, wanted: Demands): (slot: number) => Json {
  const byKind = new Map(
    Object.entries(columnsByKind(names)).map(([kind, columns]) => [
      kind,
      describer(
        (columns as readonly Column<unknown>[]).filter(
          ({ demand }) => demand === undefined || demand === "netns" || wanted.has(demand),
        ),
      ),
    ]),
  );
  return (slot) => {
    const socket = sockets.at(slot)!;
    return byKind.get(socket.kind)!(socket);
  };
}

/** Makes the function that gives the object of a row of values. */
function rowDescriber(keys: readonly string[]): (row: readonly (Json | undefined)[]) => Json {
  return describer(
    keys.map((key, index) => ({ key, read: (row: readonly (Json | undefined)[]) => row[index] })),
  );
}

/** The slots in the order of keys, and no more than wanted. */
function sortedSlots(
  snapshot: Snapshot,
  slots: readonly number[],
  sort: readonly SortKey[],
): readonly number[] {
  if (sort.length === 0) return slots;
  const { catalog, sockets } = snapshot;
  const read = catalogReader(sort.map(({ name }) => catalog.find(name)![0]!));
  const order = rowOrder(sort.map(({ descending }) => descending));
  const keyed = slots.map((slot) => ({ slot, keys: read(sockets.at(slot)!) }));
  keyed.sort((a, b) => order(a.keys, b.keys));
  return keyed.map(({ slot }) => slot);
}

/** The groups of sockets, in order, as objects. */
function groupsOf({ catalog, sockets }: Snapshot, slots: readonly number[], view: View): Json[] {
  const found = (names: readonly string[]): CatalogColumn[] =>
    names.flatMap((name) => catalog.find(name) ?? []);
  const by = found(view.by!);
  const sum = found(view.columns ?? []);
  const grouping = groupSockets(by, sum);
  for (const slot of slots) grouping.add(sockets.at(slot)!);
  const names = [...by.map(({ key }) => key), COUNT, ...sum.map(({ key }) => key)];
  const sort = view.sort.length > 0 ? view.sort : [{ name: COUNT, descending: true }];
  const indexes = sort.map(({ name }) => names.indexOf(name === COUNT ? COUNT : catalog.find(name)![0]!.key));
  const compare = rowOrder(sort.map(({ descending }) => descending));
  const describe = rowDescriber([
    ...by.map(({ key }) => `by.${key}`),
    COUNT,
    ...sum.map(({ key }) => `sum.${key}`),
  ]);
  return grouping
    .groups()
    .map(({ values, count, sums }) => {
      const row = [...values, count, ...sums];
      return { row, keys: indexes.map((index) => row[index]) };
    })
    .sort((a, b) => compare(a.keys, b.keys))
    .map(({ row }) => describe(row));
}

/** A list as a stream that makes its objects when the client takes them. @param done is called at its end */
function streamOf<T>(
  items: readonly T[],
  object: (item: T) => Json,
  lines: boolean,
  done: () => void = () => undefined,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const end = Math.min(items.length, at + TURN);
        const texts = items.slice(at, end).map((item) => JSON.stringify(object(item)));
        const first = at === 0;
        at = end;
        if (lines) controller.enqueue(encoder.encode(texts.map((text) => `${text}\n`).join("")));
        else {
          const head = first ? "[" : texts.length > 0 ? ",\n" : "";
          controller.enqueue(encoder.encode(`${head}${texts.join(",\n")}${at >= items.length ? "]\n" : ""}`));
        }
        if (at < items.length) return;
        controller.close();
        done();
      },
      cancel: done,
    },
    { highWaterMark: 1 },
  );
}

/** The route. @param moments where snapshots come from */
export function listingRoute(moments: Moments): Route {
  return {
    method: "GET",
    path: "/api/sockets",
    doc: "Sockets as the command line lists them with --json, or with --ndjson if the client accepts application/x-ndjson.",
    access: "token",
    parameters: [
      ...selecting,
      queryParameter("details", `Details of each socket: ${Object.keys(detailWords).join(", ")}.`),
      queryParameter("columns", "Columns to show, or with by, columns to add up."),
      queryParameter("by", "Columns to group sockets by."),
      queryParameter("sort", "Columns to sort by; a leading - sorts the largest value first."),
      queryParameter("top", "The most rows.", { type: "integer", minimum: 1 }),
      queryParameter("offset", "Rows to skip.", { type: "integer", minimum: 0 }),
      ...pastParameters,
    ],
    types: ["application/json", NDJSON],
    async handle({ values, request }) {
      const wanted = readSelection(values);
      const details = readDetails(values["details"]);
      const view = readView(values, details.has("info"));
      const top = readNumber("top", values["top"], { least: 1, most: MOST, otherwise: MOST });
      const offset = readNumber("offset", values["offset"], { least: 0, most: MOST, otherwise: 0 });
      const lines = (request.headers.get("Accept") ?? "").includes(NDJSON);
      const wants = async (query: OpenQuery) => {
        const { tables, demands } = await wantsOfFilter(query, wanted);
        return { tables, demands: demandSet(details, view.demands, demands), owners: true };
      };
      return moments.at(readWhen(values), wants, async (snapshot) => {
        const { slots } = await matching(snapshot, wanted, turns());
        const headers = { "Content-Type": lines ? NDJSON : "application/json", Vary: "Accept" };
        if (view.by !== undefined) {
          const groups = groupsOf(snapshot, slots, view).slice(offset, offset + top);
          return new Response(
            streamOf(groups, (group) => group, lines),
            { headers },
          );
        }
        const chosen = sortedSlots(snapshot, slots, view.sort).slice(offset, offset + top);
        const { catalog, sockets } = snapshot;
        if (view.columns === undefined) {
          const object = objectReader(snapshot, demandSet(details, always));
          return new Response(streamOf(chosen, object, lines, sockets.hold()), { headers });
        }
        const columns = view.columns.flatMap((name) => catalog.find(name, true) ?? []);
        const read = catalogReader(columns);
        const describe = rowDescriber(columns.map(({ key }) => key));
        return new Response(
          streamOf(chosen, (slot) => describe(read(sockets.at(slot)!)), lines, sockets.hold()),
          { headers },
        );
      });
    },
  };
}
