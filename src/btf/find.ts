/** Finds a few types of a big BTF blob, such as the kernel's own with its 130,000 types, without a view of the others. */
import { followingBytes, HEADER, isBtf, KIND, TYPE_BYTES } from "./format.ts";

/** What to find: names of functions, and of members by the name of their struct. */
export interface WantedTypes {
  readonly functions: readonly string[];
  readonly members: Readonly<Record<string, readonly string[]>>;
}

/** What was found. */
export interface FoundTypes {
  /** The id of a function's type. */
  function(name: string): number | undefined;
  /** Bytes from the start of a struct to a member; undefined for bit-fields and for members of nested structs. */
  member(struct: string, name: string): number | undefined;
}

const WORD = 4;
const TYPE_WORDS = TYPE_BYTES / WORD;
const MEMBER_WORDS = 3;

/** Words behind a type of each kind: a fixed number, and a number for each of its members. */
const onceWords = new Uint8Array(32);
const eachWords = new Uint8Array(32);
for (const [kind, { once = 0, each = 0 }] of Object.entries(followingBytes)) {
  onceWords[Number(kind)] = once / WORD;
  eachWords[Number(kind)] = each / WORD;
}

/** Finds types by name; undefined if the blob is not BTF, or has a kind of type that we do not know. */
export function findTypes(blob: Uint8Array, { functions, members }: WantedTypes): FoundTypes | undefined {
  if (!isBtf(blob)) return undefined;
  const data = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const start = data.getUint32(HEADER.headerLength, true);
  const from = start + data.getUint32(HEADER.typeOffset, true);
  const to = from + data.getUint32(HEADER.typeLength, true);
  const stringsFrom = start + data.getUint32(HEADER.stringOffset, true);
  if (to > blob.length || stringsFrom > blob.length || (to - from) % WORD !== 0) return undefined;
  const strings = Buffer.from(blob.buffer, blob.byteOffset + stringsFrom, blob.length - stringsFrom);
  const words = new Int32Array(new Uint8Array(blob.subarray(from, to)).buffer);

  /** Where a name begins among the strings; -1 if it is not among them. */
  const nameOffset = (name: string) => strings.indexOf(`\0${name}\0`, 0, "latin1") + 1 || -1;
  const functionNames = new Map(functions.map((name) => [nameOffset(name), name]));
  const structNames = new Map(Object.keys(members).map((name) => [nameOffset(name), name]));
  const functionIds = new Map<string, number>();
  const structs = new Map<string, number>();
  const wanted = functionNames.size + structNames.size;
  let id = 1;
  for (let at = 0; at < words.length; id++) {
    const info = words[at + 1]!;
    const kind = (info >>> 24) & 31;
    if (kind === KIND.func) {
      const name = functionNames.get(words[at]!);
      if (name !== undefined && !functionIds.has(name)) functionIds.set(name, id);
    } else if (kind === KIND.struct) {
      const name = structNames.get(words[at]!);
      if (name !== undefined && !structs.has(name)) structs.set(name, at);
    } else if (followingBytes[kind] === undefined) return undefined;
    if (functionIds.size + structs.size === wanted) break;
    at += TYPE_WORDS + onceWords[kind]! + eachWords[kind]! * (info & 0xffff);
  }
  return {
    function: (name) => functionIds.get(name),
    member(struct, name) {
      const at = structs.get(struct);
      if (at === undefined) return undefined;
      const info = words[at + 1]!;
      const wanted = nameOffset(name);
      const end = at + TYPE_WORDS + (info & 0xffff) * MEMBER_WORDS;
      for (let member = at + TYPE_WORDS; member < end; member += MEMBER_WORDS) {
        if (words[member] !== wanted) continue;
        const bits = words[member + 2]!;
        const isBitField = info < 0 && bits >>> 24 !== 0;
        const offset = info < 0 ? bits & 0xff_ffff : bits;
        return isBitField || offset % 8 !== 0 ? undefined : offset / 8;
      }
      return undefined;
    },
  };
}
