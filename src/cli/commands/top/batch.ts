/** `top -b`: frames as plain text, with nothing left out; `top --json`: samples as objects. */

import { escapeJson } from "../../../bytes/terminal.ts";
import type { Breathe } from "../../../live/owners.ts";
import { pageOf, type Row, slotsInOrder, socketRow } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import type { Json } from "../../../model/json.ts";
import { groupJson, sampleJson, socketJson } from "./json.ts";
import { columnsOf, headingLayout, widened } from "./layout.ts";
import { type Line, plainText } from "./line.ts";
import type { Sampler } from "./sampler.ts";
import type { TopSettings } from "./settings.ts";
import { headingLine, rowLine, summaryLines } from "./summary.ts";

/** What a frame is made of. */
export interface FrameOptions {
  readonly settings: TopSettings;
  readonly sampler: Sampler;
  readonly host: string;
  /** How many rows are shown at most. */
  readonly rows: number;
  readonly allNetns: boolean;
}

/** Makes something of each socket, or of each group, in their order. */
async function made<T>(
  { settings, sampler, rows }: FrameOptions,
  breathe: Breathe,
  ofSocket: (slot: number) => T,
  ofGroup: (row: Row) => T,
): Promise<T[]> {
  const { table, owners } = sampler;
  const { by, sort } = settings;
  if (by !== undefined) return pageOf(table, owners, { sort, by, first: 0, count: rows }).rows.map(ofGroup);
  const all: T[] = [];
  for (const slot of slotsInOrder(table, owners, sort, rows)) {
    all.push(ofSocket(slot));
    await breathe();
  }
  return all;
}

/** A sample as one line of JSON, in pieces. */
async function* jsonPieces(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
): AsyncGenerator<string> {
  const { settings, sampler, host } = options;
  const { table, owners } = sampler;
  const { by } = settings;
  const text = (value: Json) => escapeJson(JSON.stringify(value));
  const head = text(sampleJson(host, time.toISOString(), sample, sampler.notes()));
  yield `${head.slice(0, -1)},"${by === undefined ? "sockets" : "groups"}":[`;
  const items = await made(
    options,
    breathe,
    (slot) => text(socketJson(table, slot, owners)),
    (row) => text(groupJson(by!, row, owners)),
  );
  yield items.join(",");
  yield "]}\n";
}

/** A frame, in pieces. */
async function* framePieces(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
): AsyncGenerator<string> {
  const { settings, sampler, host, allNetns } = options;
  const { table, owners } = sampler;
  const text = (line: Line) => `${plainText(line).trimEnd()}\n`;
  for (const line of summaryLines({ host, time, sample, notes: sampler.notes() })) yield text(line);
  let layout = headingLayout(columnsOf(settings.by, allNetns));
  const seen = (row: Row) => {
    layout = widened(layout, row);
    return row;
  };
  const rows = await made(options, breathe, (slot) => seen(socketRow(table, slot, owners)), seen);
  yield text(headingLine(layout, settings.sort));
  for (const row of rows) {
    yield text(rowLine(layout, row, false));
    await breathe();
  }
  yield "\n";
}

/**
 * A sample as it is printed. It is whole, or not there at all.
 *
 * @param time when it was taken
 * @param breathe throws if it is not wanted any more
 */
export async function frameText(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
): Promise<string> {
  const pieces = options.settings.form === "json" ? jsonPieces : framePieces;
  let text = "";
  for await (const piece of pieces(options, sample, time, breathe)) text += piece;
  return text;
}
