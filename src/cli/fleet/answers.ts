/** Shows the answers of other hosts, each row with the name of its host. */
import { escapeControls } from "../../bytes/terminal.ts";
import { encodeBytes } from "../../bytes/text.ts";
import type { Group } from "../../catalogue/group.ts";
import { rowOrder } from "../../catalogue/order.ts";
import { noNames } from "../../fields/names.ts";
import { writeHosts } from "../../fleet/host-list.ts";
import { type Frame, ProtocolError, type RemoteRow } from "../../fleet/protocol.ts";
import type { Json } from "../../model/json.ts";
import { JsonWriter } from "../../output/json.ts";
import type { Plan } from "../../plan/plan.ts";
import { Table } from "../../table/table.ts";
import { chosenColumns, groupColumns } from "../chosen-columns.ts";
import { isStop, type Stop } from "../getopt.ts";
import { headOf, rowWriter, writeGroups } from "../machine-formats.ts";
import { isSsTable, type Presentation, planListing } from "../plan.ts";
import { hiddenColumns, screenWidth } from "../show.ts";
import { viewFor } from "../view.ts";
import type { World } from "../world.ts";
import { hostColumn, type PlacedLists, withHost, withoutHost } from "./host-column.ts";
import { labelled } from "./labelled-object.ts";
import { outputAnswers } from "./output-answers.ts";
import type { Answers, HostsTask } from "./task.ts";

/** Writes rows of one kind. @param label the host, or several hosts with equal answers */
interface LabelledWriter {
  /** Whether a row has the shape that this writes. */
  fits(row: RemoteRow): boolean;
  write(label: string, row: RemoteRow): void;
  end(): void;
}

/** Text of a cell for any output: what a stranger wrote cannot begin another row. Lines of details stay. */
function cellBytes(cell: string): Uint8Array {
  const lines = cell.split("\n\t").map((line) => escapeControls(encodeBytes(line)));
  return lines.length === 1
    ? lines[0]!
    : Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [detail, line])));
}

const detail = encodeBytes("\n\t");

/** Writes ss's table, with the host in front. */
function cellWriter(world: World, presentation: Presentation, { selection }: Plan): LabelledWriter {
  const table = new Table({
    hidden: hiddenColumns(presentation, { selection }),
    leading: "Host",
    header: presentation.header,
    screen: screenWidth(world),
    write: (bytes) => world.stdout.write(bytes),
  });
  const width = Object.values(table.shows).filter(Boolean).length;
  const put = (bytes: Uint8Array) => {
    table.text.put(bytes);
    table.close();
  };
  return {
    fits: ({ cells }) => cells?.length === width,
    write(label, { cells = [], note }) {
      table.beginRow();
      put(encodeBytes(label));
      for (const cell of cells) put(cellBytes(cell));
      if (note !== undefined) table.note(note.split("\n").map(escapedText).join("\n"));
    },
    end: () => table.flush(),
  };
}

const decoder = new TextDecoder();

function escapedText(line: string): string {
  return decoder.decode(cellBytes(line.replaceAll("\t", "        ")));
}

/** Writes chosen columns, with the host among them or in front. */
function valueWriter(
  world: World,
  presentation: Presentation,
  plan: Plan,
  { columns }: PlacedLists,
): LabelledWriter {
  const chosen = chosenColumns(presentation, plan.selection, noNames);
  const placed = columns ?? { names: [], at: undefined, alone: false };
  const all = withHost(chosen, hostColumn, placed, 0);
  const writer = rowWriter(
    world,
    presentation,
    all.map((column) => headOf(column)),
  );
  return {
    fits: ({ values }) => values?.length === chosen.length,
    write(label, { values = [] }) {
      const row = values.map((value) => value ?? undefined);
      writer.write(withHost<Json | undefined>(row, label, placed, 0));
    },
    end: () => writer.end(),
  };
}

/** Writes objects, each with the host first. */
function objectWriter(world: World, format: "json" | "ndjson"): LabelledWriter {
  const json = new JsonWriter(format, (bytes) => world.stdout.write(bytes));
  return {
    fits: ({ object }) => object !== undefined,
    write: (label, { object }) => json.write(labelled({ host: label }, object!)),
    end: () => json.end(),
  };
}

/** Adds up the groups of all hosts. */
function groupAnswers(
  world: World,
  presentation: Presentation,
  plan: Plan,
  lists: PlacedLists,
): Answers["take"] & { end(): void } {
  const { by, sum } = groupColumns(presentation, noNames);
  const placed = lists.by!;
  const groups = new Map<string, Group>();
  const take = (host: string, frame: Frame) => {
    if (!("rows" in frame)) return;
    for (const { values, count, sums } of frame.rows) {
      if (values?.length !== by.length || count === undefined || sums?.length !== sum.length)
        throw new ProtocolError("a group of another shape");
      const shared = withHost<Json | undefined>(
        values.map((value) => value ?? undefined),
        host,
        placed,
      );
      const key = JSON.stringify(shared);
      let group = groups.get(key);
      if (group === undefined) {
        group = { values: shared, count: 0, sums: sum.map(() => undefined) };
        groups.set(key, group);
      }
      group.count += count;
      const added = group.sums;
      sums.forEach((each, index) => {
        if (each !== null) added[index] = (added[index] ?? 0) + each;
      });
    }
  };
  const end = () => {
    const order = { ...plan.order, sort: lists.sort };
    writeGroups(world, presentation, order, { by: withHost(by, hostColumn, placed), sum }, [
      ...groups.values(),
    ]);
  };
  return Object.assign(take, { end });
}

/** The answers of a listing, host by host in the order of the list, or in the order of `--sort`. */
function rowAnswers(
  writer: LabelledWriter,
  { order }: Plan,
  sort: PlacedLists["sort"],
  fold: boolean,
  hosts: readonly string[],
  streams: boolean,
): Pick<Answers, "take" | "end"> {
  const found = new Map<string, RemoteRow[]>(hosts.map((host) => [host, []]));
  const { top = Number.POSITIVE_INFINITY } = order;
  const labelled = () => {
    if (!fold) return [...found];
    const equal = Map.groupBy(found, ([, rows]) => JSON.stringify(rows));
    return Array.from(
      equal.values(),
      (same) => [writeHosts(same.map(([host]) => host)), same[0]![1]] as const,
    );
  };
  return {
    take(host, frame) {
      if (!("rows" in frame)) return;
      const sorted = sort.filter(({ name }) => name !== hostColumn.name).length;
      if (!frame.rows.every((row) => writer.fits(row) && (row.keys?.length ?? 0) === sorted))
        throw new ProtocolError("a row of another shape");
      if (!streams) {
        const rows = found.get(host)!;
        for (const row of frame.rows) rows.push(row);
      } else for (const row of frame.rows) writer.write(host, row);
    },
    end() {
      let rows = labelled().flatMap(([label, list]) => list.map((row) => ({ label, row })));
      if (sort.length > 0) {
        const hostAt = sort.findIndex(({ name }) => name === hostColumn.name);
        const compare = rowOrder(sort.map(({ descending }) => descending));
        const keyed = rows.map((each) => {
          const keys = (each.row.keys ?? []).map((key) => key ?? undefined);
          return { ...each, keys: hostAt < 0 ? keys : keys.toSpliced(hostAt, 0, each.label) };
        });
        rows = keyed.sort((a, b) => compare(a.keys, b.keys));
      }
      for (const { label, row } of rows.slice(0, top)) writer.write(label, row);
      writer.end();
    },
  };
}

/** What shows the answers to a command line. @returns a Stop if the command line is wrong */
export async function answersFor(
  world: World,
  task: HostsTask,
  { hosts, oneByOne }: { readonly hosts: readonly string[]; readonly oneByOne: boolean },
): Promise<Answers | Stop> {
  const { draft, command, source } = task;
  if (command !== undefined || draft.summary) return outputAnswers(world, task, hosts);
  const { lists, draft: local, steps } = withoutHost(draft, task.steps);
  const view = await viewFor(world, local);
  if (isStop(view)) return view;
  const planned = await planListing(world, local, view, source);
  if (isStop(planned)) return planned;
  const { plan, presentation } = planned;
  if (lists.by !== undefined) {
    const take = groupAnswers(world, presentation, plan, lists);
    return { form: "rows", steps: withoutTop(steps), take, end: take.end };
  }
  const { format, columns } = presentation;
  const writer = isSsTable(presentation)
    ? cellWriter(world, presentation, plan)
    : columns === undefined && format !== "csv"
      ? objectWriter(world, format as "json" | "ndjson")
      : valueWriter(world, presentation, plan, lists);
  const streams =
    (format !== "table" || oneByOne) &&
    lists.sort.length === 0 &&
    plan.order.top === undefined &&
    !draft.fold;
  return { form: "rows", steps, ...rowAnswers(writer, plan, lists.sort, draft.fold, hosts, streams) };
}

/** The first groups of each host are not the first groups of all. */
function withoutTop(steps: HostsTask["steps"]): HostsTask["steps"] {
  return steps.filter(({ long }) => long !== "top" && long !== "sort");
}
