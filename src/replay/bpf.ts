/** The BPF maps and types in a recording. */
import { join } from "node:path";
import type { BpfMap, BpfObjects } from "../host/host.ts";
import type { NewFolder } from "./new-folder.ts";

/** The folder that they are in. */
const BPF_FOLDER = "bpf";
/** The list of maps, one line `id type btf-id value-type name` each. */
const MAPS_FILE = "maps.txt";

/** The errno of bpf(2) for an unknown id. */
const ENOENT = 2;

/** BPF objects that record which of them are read. */
export interface BpfRecorder {
  readonly bpf: BpfObjects;
  /** Writes the maps that were read into the folder of a recording; nothing if there were none. */
  write(recording: NewFolder): void;
}

/** Records BPF objects. */
export function recordBpf(inner: BpfObjects): BpfRecorder {
  const maps = new Map<number, BpfMap>();
  const blobs = new Map<number, Uint8Array>();
  return {
    bpf: {
      map(id) {
        const map = inner.map(id);
        if (typeof map !== "number") maps.set(id, map);
        return map;
      },
      btf(id) {
        const blob = inner.btf(id);
        if (blob !== undefined) blobs.set(id, blob);
        return blob;
      },
    },
    write(recording) {
      if (maps.size === 0) return;
      recording.write(join(BPF_FOLDER, MAPS_FILE), new TextEncoder().encode(formatMaps(maps.values())));
      for (const [id, blob] of blobs) recording.write(join(BPF_FOLDER, `${id}.btf`), blob);
    },
  };
}

function formatMaps(maps: Iterable<BpfMap>): string {
  let text = "";
  for (const { id, type, btfId, valueType, name } of maps)
    text += `${id} ${type} ${btfId} ${valueType} ${name}\n`;
  return text;
}

/** The kernel only accepts letters, digits, `_` and `.` in names. */
const MAP = /^(\d+) (\d+) (\d+) (\d+) ([\w.]{0,15})$/;

function parseMaps(text: string): BpfMap[] {
  return text
    .split("\n")
    .map((line) => MAP.exec(line))
    .filter((match) => match !== null)
    .map(([, id, type, btfId, valueType, name]) => ({
      id: Number(id),
      type: Number(type),
      btfId: Number(btfId),
      valueType: Number(valueType),
      name: name!,
      fd: undefined,
    }));
}

/**
 * The BPF objects of a recording.
 *
 * @param read reads a file of the recording; undefined if it does not exist
 */
export function replayBpf(read: (path: string) => Uint8Array | undefined): BpfObjects {
  const text = new TextDecoder().decode(read(join(BPF_FOLDER, MAPS_FILE)));
  const maps = new Map(parseMaps(text).map((map) => [map.id, map]));
  return {
    map: (id) => maps.get(id) ?? -ENOENT,
    btf: (id) => read(join(BPF_FOLDER, `${id}.btf`)),
  };
}
