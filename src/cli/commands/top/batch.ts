/** `top -b`: frames as plain text, with nothing left out; `top --json`: samples as objects. */
import { type PageRequest, pageOf } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { JsonWriter } from "../../../render/json.ts";
import type { World } from "../../world.ts";
import type { TopSettings } from "../top.ts";
import { groupJson, sampleJson, socketJson } from "./json.ts";
import { columnsOf, naturalLayout } from "./layout.ts";
import { plainText } from "./line.ts";
import type { Sampler } from "./sampler.ts";
import { summaryLines, tableLines } from "./summary.ts";

const encoder = new TextEncoder();

/** What a frame is made of. */
export interface FrameOptions {
  readonly world: World;
  readonly settings: TopSettings;
  readonly sampler: Sampler;
  readonly host: string;
  /** How many rows are shown at most. */
  readonly rows: number;
  readonly allNetns: boolean;
}

/** Prints a sample. @param time when it was taken */
export function printFrame(options: FrameOptions, sample: Sample, time: Date): void {
  const { world, settings, sampler, host, rows } = options;
  const { sort, by, form } = settings;
  const { table, owners } = sampler;
  const request: PageRequest = { sort, by, first: 0, count: rows };
  const notes = sampler.notes();
  if (form === "json") {
    const page = pageOf(table, owners, request);
    const shown =
      by === undefined
        ? { sockets: page.rows.map(({ key }) => socketJson(table, table.slotOf(key)!, owners)) }
        : { groups: page.rows.map((row) => groupJson(by, row)) };
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write({ ...sampleJson(host, time.toISOString(), sample, notes), ...shown });
    json.end();
    return;
  }
  const page = pageOf(table, owners, request);
  const layout = naturalLayout(columnsOf(by, options.allNetns), page.rows);
  const lines = [
    ...summaryLines({ host, time, sample, notes }),
    ...tableLines(layout, page, sort, "none"),
    [],
  ];
  world.stdout.write(encoder.encode(lines.map((line) => `${plainText(line).trimEnd()}\n`).join("")));
}
