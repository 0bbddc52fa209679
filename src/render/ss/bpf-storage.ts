/** What BPF programs have stored with a socket, as `--bpf-maps` and `--bpf-map-id` print it. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import type { BpfStorages } from "../../diag/layouts/bpf-storage.ts";
import { startLine } from "./cells.ts";
import type { Style } from "./style.ts";

const CLOSE = 0x5d;

const mapLabel = ascii("map_id:");
const open = ascii(" [");
const indent = ascii("\t");
const valueLabel = ascii("hex:");

function writeValue(text: ByteWriter, value: Uint8Array): void {
  text.put(valueLabel);
  for (const byte of value) text.hex(byte, 2);
}

/**
 * Writes `map_id:N` and the value of each storage that was asked for. ss lays the value out by its type, which
 * only bpf(2) tells; here its bytes are in hexadecimal.
 */
export function writeBpfStorages(text: ByteWriter, storages: BpfStorages, style: Style): void {
  const { bpfMapIds } = style;
  for (const { mapId, value } of storages) {
    if (mapId === undefined || value === undefined) continue;
    if (bpfMapIds.length > 0 && !bpfMapIds.includes(mapId)) continue;
    startLine(text, style);
    text.put(mapLabel);
    text.unsigned(mapId);
    if (!style.oneline) text.put(open);
    startLine(text, style);
    if (!style.oneline) text.put(indent);
    writeValue(text, value);
    if (style.oneline) continue;
    startLine(text, style);
    text.byte(CLOSE);
  }
}
