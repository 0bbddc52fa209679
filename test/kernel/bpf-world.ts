/**
 * Runs in a network namespace of its own: two listeners and a UDP socket, with values in BPF maps. Says which maps these are as JSON, or why there are none, and lives until its standard input ends.
 */
import { libc } from "#libc";
import { SOCK_DGRAM, SOCK_STREAM } from "../../src/model/family.ts";
import { BtfBuilder, INT_ENCODING } from "../btf/builder.ts";
import { ipv4, listen, loopbackUp, openAt } from "./c.ts";

/** enum bpf_cmd, enum bpf_map_type, and a flag. linux/bpf.h. */
const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_BTF_LOAD = 18;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_MAP_TYPE_SK_STORAGE = 24;
const BPF_F_NO_PREALLOC = 1;

function bpf(command: number, size: number, fill: (attributes: DataView) => void): number {
  const attributes = new DataView(new ArrayBuffer(size));
  fill(attributes);
  const result = libc.bpf(command, new Uint8Array(attributes.buffer));
  if (result >= 0) return result;
  console.log(JSON.stringify({ refused: libc.strerror(-result) }));
  process.exit();
}

/** Bytes that may be pointed at, the first of them given. */
function pointable(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(Math.max(128, bytes.length));
  room.set(bytes);
  return room;
}

const builder = new BtfBuilder();
const int = builder.int("int", 4, INT_ENCODING.signed);
const char = builder.int("char", 1, INT_ENCODING.signed);
const u64 = builder.int("long long unsigned int", 8);
const color = builder.enum("color", 4, { RED: 0, GREEN: 5 });
const flow = builder.aggregate("struct", "flow", 32, [
  { name: "bytes", type: builder.to("typedef", u64, "u64"), offset: 0 },
  { name: "name", type: builder.array(char, 8, int), offset: 64 },
  { name: "hops", type: builder.array(int, 2, int), offset: 128 },
  { name: "color", type: color, offset: 192 },
]);
const types = builder.build();
const blob = pointable(types);
const btf = bpf(BPF_BTF_LOAD, 32, (attributes) => {
  attributes.setBigUint64(0, libc.address(blob), true);
  attributes.setUint32(16, types.length, true);
});

function createMap(type: number, name: string, valueBytes: number, valueType: number): number {
  const storage = type === BPF_MAP_TYPE_SK_STORAGE;
  return bpf(BPF_MAP_CREATE, 72, (attributes) => {
    const words = [type, 4, valueBytes, storage ? 0 : 1, storage ? BPF_F_NO_PREALLOC : 0];
    for (const [index, word] of words.entries()) attributes.setUint32(index * 4, word, true);
    new Uint8Array(attributes.buffer).set(Buffer.from(name), 28);
    if (!storage) return;
    attributes.setUint32(48, btf, true);
    attributes.setUint32(52, int, true);
    attributes.setUint32(56, valueType, true);
  });
}

function idOf(map: number): number {
  const info = pointable(new Uint8Array(0));
  bpf(BPF_OBJ_GET_INFO_BY_FD, 16, (attributes) => {
    attributes.setUint32(0, map, true);
    attributes.setUint32(4, info.length, true);
    attributes.setBigUint64(8, libc.address(info), true);
  });
  return new DataView(info.buffer).getUint32(4, true);
}

/** Keeps a value with a socket. */
function store(map: number, socket: number, value: Uint8Array): void {
  const key = pointable(new Uint8Array(Int32Array.of(socket).buffer));
  const bytes = pointable(value);
  bpf(BPF_MAP_UPDATE_ELEM, 32, (attributes) => {
    attributes.setUint32(0, map, true);
    attributes.setBigUint64(8, libc.address(key), true);
    attributes.setBigUint64(16, libc.address(bytes), true);
  });
}

loopbackUp();
const [first, second] = [801, 802].map((port) => {
  const fd = openAt(ipv4("127.0.0.1", port), SOCK_STREAM);
  listen(fd, 1);
  return fd;
});
// The kernel also stores values with UDP sockets, but does not send them.
const datagrams = openAt(ipv4("127.0.0.1", 803), SOCK_DGRAM);
const flows = createMap(BPF_MAP_TYPE_SK_STORAGE, "flows", 32, flow);
const marks = createMap(BPF_MAP_TYPE_SK_STORAGE, "marks", 4, color);
const other = createMap(BPF_MAP_TYPE_ARRAY, "other", 4, 0);
const value = Buffer.from("ffffffffffffffff6375726c0000000001000000feffffff05000000", "hex");
store(flows, first!, value);
store(marks, first!, Uint8Array.of(5, 0, 0, 0));
store(marks, second!, Uint8Array.of(0, 0, 0, 0));
store(marks, datagrams, Uint8Array.of(7, 0, 0, 0));
console.log(JSON.stringify({ flows: idOf(flows), marks: idOf(marks), other: idOf(other) }));
await Bun.stdin.bytes();
