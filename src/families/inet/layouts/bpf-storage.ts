/** INET_DIAG_SK_BPF_STORAGES: values that BPF programs stored with a socket. linux/sock_diag.h. */
import { type NestedTable, NestedView, nestedView } from "../../../diag/nested.ts";

/** Attribute of INET_DIAG_SK_BPF_STORAGES: one storage, nested. */
const SK_DIAG_BPF_STORAGE = 1;
const SK_DIAG_BPF_STORAGE_MAP_VALUE = 3;

const bpfStorage = {
  mapId: {
    id: 2,
    offset: 0,
    type: "u32",
    kernel: "SK_DIAG_BPF_STORAGE_MAP_ID",
    doc: "id of the map that holds the value",
  },
} as const satisfies NestedTable;

/** View of one storage. */
export class BpfStorage extends nestedView(bpfStorage) {
  /** The value's bytes. Decoding them needs the map's type information (BTF). */
  get value(): Uint8Array | undefined {
    return this.bytes(SK_DIAG_BPF_STORAGE_MAP_VALUE);
  }
}

/** View of INET_DIAG_SK_BPF_STORAGES. */
export class BpfStorages extends NestedView {
  /** Each storage. */
  [Symbol.iterator](): Generator<BpfStorage> {
    return this.all(SK_DIAG_BPF_STORAGE, BpfStorage);
  }
}
