/** The values that BPF programs keep with sockets, shown by the types of their maps. */
import { typeName } from "../btf/declaration.ts";
import { valueJson } from "../btf/json.ts";
import { type BtfLayout, formatValue } from "../btf/text.ts";
import { Btf } from "../btf/types.ts";
import { decodeValue } from "../btf/value.ts";
import type { BpfMap, BpfObjects, Host } from "../host/host.ts";
import type { Json } from "../model/json.ts";
import { DecodeError } from "../netlink/errors.ts";

/** What JSON shows in addition to the bytes of a value, as far as it is known. */
export interface BpfDescription {
  /** The name of its map. */
  readonly mapName?: string;
  /** Its type, as C calls it. */
  readonly type?: string;
  readonly decoded?: Json;
}

/** The maps of the values. */
export interface BpfMaps {
  /** Descriptors of maps, as far as there are any. */
  descriptors(ids: readonly number[]): readonly number[];
  /** A value in the form of libbpf, or undefined if its type is not known. */
  text(mapId: number, value: Uint8Array, layout: BtfLayout): string | undefined;
  /** A value for machines. */
  describe(mapId: number, value: Uint8Array): BpfDescription;
}

/** A map and the types that it was created with, if they are available. */
interface TypedMap {
  readonly map: BpfMap | undefined;
  readonly btf: Btf | undefined;
}

/** The result of `read`, or undefined for malformed bytes. */
function decodable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function typedMap(bpf: BpfObjects, id: number): TypedMap {
  const found = bpf.map(id);
  if (typeof found === "number") return { map: undefined, btf: undefined };
  const blob = found.btfId === 0 || found.valueType === 0 ? undefined : bpf.btf(found.btfId);
  return { map: found, btf: blob && decodable(() => new Btf(blob)) };
}

/**
 * Reads the BPF maps of a host, each when one of its values is first shown.
 *
 * @param report takes the id of each map whose types are not available
 */
export async function lookUpBpfMaps(host: Host, report: (mapId: number) => void): Promise<BpfMaps> {
  const bpf = await host.bpf();
  const known = new Map<number, TypedMap>();
  const typed = (id: number): TypedMap => {
    let found = known.get(id);
    if (found === undefined) {
      found = typedMap(bpf, id);
      if (found.btf === undefined) report(id);
      known.set(id, found);
    }
    return found;
  };
  return {
    descriptors: (ids) =>
      [...new Set(ids)].flatMap((id) => {
        const map = bpf.map(id);
        return typeof map === "number" ? [] : (map.fd ?? []);
      }),
    text(mapId, value, layout) {
      const { map, btf } = typed(mapId);
      if (map === undefined || btf === undefined) return undefined;
      return decodable(() => formatValue(btf, map.valueType, decodeValue(btf, map.valueType, value), layout));
    },
    describe(mapId, value) {
      const { map, btf } = typed(mapId);
      if (map === undefined) return {};
      const { name, valueType } = map;
      const mapName = name === "" ? {} : { mapName: name };
      const typedValue =
        btf &&
        decodable(() => ({
          type: typeName(btf, valueType),
          decoded: valueJson(decodeValue(btf, valueType, value)),
        }));
      return { ...mapName, ...typedValue };
    },
  };
}
