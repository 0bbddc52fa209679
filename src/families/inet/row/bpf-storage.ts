/** What BPF programs have stored with a socket, as `--bpf-maps` and `--bpf-map-id` print it. */
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import { startLine } from "../../../table/cells.ts";
import type { Names, Style } from "../../../table/style.ts";
import type { BpfStorages } from "../layouts/bpf-storage.ts";

const CLOSE = 0x5d;
const NEWLINE = 0x0a;
const BLANK = 0x20;
const TAB = 0x09;

/** Tabs before a value that stands on lines of its own. */
const VALUE_INDENT = 2;

const mapLabel = ascii("map_id:");
const open = ascii(" [");
const valueLabel = ascii("hex:");

/** The bytes of a value whose type is not known. */
function writeBytes(text: ByteWriter, value: Uint8Array, style: Style): void {
  if (style.oneline) text.byte(BLANK);
  else text.fill(TAB, VALUE_INDENT);
  text.put(valueLabel);
  for (const byte of value) text.hex(byte, 2);
}

/** Writes `map_id:N` and the value of each requested storage, formatted by its type or as hexadecimal bytes. */
export function writeBpfStorages(
  text: ByteWriter,
  storages: BpfStorages,
  style: Style,
  { bpfMaps }: Pick<Names, "bpfMaps">,
): void {
  const { bpfMapIds, oneline } = style;
  const layout = { compact: oneline, indent: oneline ? 0 : VALUE_INDENT };
  for (const { mapId, value } of storages) {
    if (mapId === undefined || value === undefined) continue;
    if (bpfMapIds.length > 0 && !bpfMapIds.includes(mapId)) continue;
    startLine(text, style);
    text.put(mapLabel);
    text.unsigned(mapId);
    if (!oneline) {
      text.put(open);
      text.byte(NEWLINE);
    }
    const typed = bpfMaps?.text(mapId, value, layout);
    if (typed === undefined) writeBytes(text, value, style);
    else text.text(typed);
    if (oneline) continue;
    startLine(text, style);
    text.byte(CLOSE);
  }
}
