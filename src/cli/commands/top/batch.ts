/** `top -b`: frames as plain text, with nothing left out; `top --json`: samples as objects. */

import { escapeJson } from "../../../bytes/terminal.ts";
import type { Breathe } from "../../../live/owners.ts";
import { pageOf, type Row, slotsInOrder, socketRow } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import type { Json } from "../../../model/json.ts";
import { coverageJson, groupJson, sampleJson, socketJson } from "./json.ts";
import { columnsOf, headingLayout, widened } from "./layout.ts";
import { type Line, plainText } from "./line.ts";
import { coverageText, type PastFrame } from "./rewind.ts";
import type { Sampler } from "./sampler.ts";
import type { TopSettings } from "./settings.ts";
import { headingLine, rowLine, summaryLines } from "./summary.ts";
import { safe } from "./text.ts";

/** The content of a frame. */
export interface FrameOptions {
  readonly settings: TopSettings;
  readonly sampler: Sampler;
  readonly host: string;
  /** The largest number of rows. */
  readonly rows: number;
  readonly allNetns: boolean;
}

/** Maps each socket, or each group, in order. */
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

/** A sample as one line of JSON, in pieces. @param past how completely it was recorded; undefined for the present */
async function* jsonPieces(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
  past?: PastFrame,
): AsyncGenerator<string> {
  const { settings, sampler, host } = options;
  const { table, owners } = sampler;
  const { by } = settings;
  const text = (value: Json) => escapeJson(JSON.stringify(value));
  const plain = sampleJson(host, time.toISOString(), sample, sampler.notes());
  const head = text(past === undefined ? plain : { ...plain, coverage: coverageJson(past) });
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

/** A frame, in pieces. @param past how completely it was recorded; undefined for the present */
async function* framePieces(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
  past?: PastFrame,
): AsyncGenerator<string> {
  const { settings, sampler, host, allNetns } = options;
  const { table, owners } = sampler;
  const text = (line: Line) => `${plainText(line).trimEnd()}\n`;
  const notes = [...(past === undefined ? [] : [coverageText(past)]), ...sampler.notes()];
  for (const line of summaryLines({ host, time, sample, notes })) yield text(line);
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
 * A sample as it is printed. It is complete, or absent.
 *
 * @param time when it was taken
 * @param breathe throws if the run was interrupted
 * @param past how completely it was recorded; undefined for the present
 */
export async function frameText(
  options: FrameOptions,
  sample: Sample,
  time: Date,
  breathe: Breathe,
  past?: PastFrame,
): Promise<string> {
  const pieces = options.settings.form === "json" ? jsonPieces : framePieces;
  let text = "";
  for await (const piece of pieces(options, sample, time, breathe, past)) text += piece;
  return text;
}

/** A stop in the past as it is printed: a sample like one of the present, or a gap, which has no values. */
export async function pastFrameText(
  options: FrameOptions,
  frame: PastFrame,
  breathe: Breathe,
): Promise<string> {
  const { time, sample } = frame;
  if (sample !== undefined) return frameText(options, sample, time, breathe, frame);
  const { host, settings } = options;
  if (settings.form === "json") {
    const gap = { time: time.toISOString(), host, coverage: coverageJson(frame) };
    return `${escapeJson(JSON.stringify(gap))}\n`;
  }
  return `${safe(host)}, ${coverageText(frame)}\n\n`;
}
