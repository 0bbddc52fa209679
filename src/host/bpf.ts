/** BPF maps and types of this machine. bpf(2), linux/bpf.h. */
import { libc } from "#libc";
import type { BpfMap, BpfObjects } from "./host.ts";

/** enum bpf_cmd. */
const COMMAND = { mapGetFdById: 14, objectGetInfoByFd: 15, btfGetFdById: 19 } as const;

/** struct bpf_map_info. */
const MAP_INFO = { type: 0, name: 24, nameBytes: 16, btfId: 64, valueType: 72 };
/** struct bpf_btf_info. */
const BTF_INFO = { btf: 0, size: 8 };
/** Room for either struct, also in the longer form of newer kernels. */
const INFO_BYTES = 256;

const decoder = new TextDecoder();

/** Opens an object by its id. @returns the descriptor, or -errno */
function open(command: number, id: number): number {
  // id, next_id, flags.
  return libc.bpf(command, new Uint8Array(Uint32Array.of(id, 0, 0).buffer));
}

/** BPF_OBJ_GET_INFO_BY_FD. @returns 0 or -errno */
function getInfo(fd: number, info: DataView): number {
  const attributes = new DataView(new ArrayBuffer(16));
  const bytes = new Uint8Array(info.buffer);
  attributes.setUint32(0, fd, true);
  attributes.setUint32(4, bytes.length, true);
  attributes.setBigUint64(8, libc.address(bytes), true);
  return libc.bpf(COMMAND.objectGetInfoByFd, new Uint8Array(attributes.buffer));
}

function openMap(id: number): BpfMap | number {
  const fd = open(COMMAND.mapGetFdById, id);
  if (fd < 0) return fd;
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  const result = getInfo(fd, info);
  if (result < 0) {
    libc.close(fd);
    return result;
  }
  const name = new Uint8Array(info.buffer, MAP_INFO.name, MAP_INFO.nameBytes);
  return {
    id,
    type: info.getUint32(MAP_INFO.type, true),
    name: decoder.decode(name.subarray(0, name.indexOf(0))),
    btfId: info.getUint32(MAP_INFO.btfId, true),
    valueType: info.getUint32(MAP_INFO.valueType, true),
    fd,
  };
}

function readBtf(fd: number): Uint8Array | undefined {
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  if (getInfo(fd, info) < 0) return undefined;
  const blob = new Uint8Array(info.getUint32(BTF_INFO.size, true));
  const filled = new DataView(new ArrayBuffer(INFO_BYTES));
  filled.setBigUint64(BTF_INFO.btf, libc.address(blob), true);
  filled.setUint32(BTF_INFO.size, blob.length, true);
  return getInfo(fd, filled) < 0 ? undefined : blob;
}

/** The BPF objects of this machine. Every map that was read stays open for the life of the process. */
export function liveBpf(): BpfObjects {
  const maps = new Map<number, BpfMap>();
  return {
    map(id) {
      const known = maps.get(id);
      if (known !== undefined) return known;
      const map = openMap(id);
      if (typeof map !== "number") maps.set(id, map);
      return map;
    },
    btf(id) {
      const fd = open(COMMAND.btfGetFdById, id);
      if (fd < 0) return undefined;
      try {
        return readBtf(fd);
      } finally {
        libc.close(fd);
      }
    },
  };
}
