/** The BPF maps and types that a run asked for, as a recording has them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BpfMap, BpfObjects } from "../host/host.ts";

/** The folder that they are in. */
export const BPF_FOLDER = "bpf";
/** A line `id type btf-id value-type name` for each map. */
const MAPS_FILE = "maps.txt";

/** As bpf(2) says that there is no object of an id. */
const ENOENT = 2;

/** BPF objects that note what is asked of them. */
export interface BpfRecorder {
  readonly bpf: BpfObjects;
  /** Writes what was asked for below the folder of a recording; nothing if that was nothing. */
  write(recording: string): void;
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
      const folder = join(recording, BPF_FOLDER);
      mkdirSync(folder);
      writeFileSync(join(folder, MAPS_FILE), formatMaps(maps.values()));
      for (const [id, blob] of blobs) writeFileSync(join(folder, `${id}.btf`), blob);
    },
  };
}

function formatMaps(maps: Iterable<BpfMap>): string {
  let text = "";
  for (const { id, type, btfId, valueType, name } of maps)
    text += `${id} ${type} ${btfId} ${valueType} ${name}\n`;
  return text;
}

/** Names are letters, digits, `_` and `.`: so the kernel takes them. */
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
 * @param read gives a file in the recording, or undefined if it is not there
 */
export function replayBpf(read: (path: string) => Uint8Array | undefined): BpfObjects {
  const text = new TextDecoder().decode(read(join(BPF_FOLDER, MAPS_FILE)));
  const maps = new Map(parseMaps(text).map((map) => [map.id, map]));
  return {
    map: (id) => maps.get(id) ?? -ENOENT,
    btf: (id) => read(join(BPF_FOLDER, `${id}.btf`)),
  };
}
