/** What ss prints about a socket's memory. */
import { keepOutOfLastTier } from "#libc";
import type { Field, StructView } from "../bytes/layout.ts";
import { putInt31, putStamp, putUint32, type Stamp } from "../bytes/put.ts";
import { roomWords } from "../bytes/room.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { inetMemInfo, skMemInfo } from "../diag/memory.ts";
import { labelStamp } from "./labels.ts";

const CLOSE = 0x29;
const ZERO = 0x30;

const skMemLabels = [
  [" skmem:(r", skMemInfo.rmemAlloc],
  [",rb", skMemInfo.rcvbuf],
  [",t", skMemInfo.wmemAlloc],
  [",tb", skMemInfo.sndbuf],
  [",f", skMemInfo.fwdAlloc],
  [",w", skMemInfo.wmemQueued],
  [",o", skMemInfo.optmem],
  [",bl", skMemInfo.backlog],
  [",d", skMemInfo.drops],
] as const;

const memLabels = [
  [" mem:(r", inetMemInfo.rmem],
  [",w", inetMemInfo.wmem],
  [",f", inetMemInfo.fmem],
  [",t", inetMemInfo.tmem],
] as const;

/** Number of words that ss always prints. It prints zero for words that the kernel did not send. */
const SK_MEM_ALWAYS = 7;

/** A word that is printed whatever its value is. */
interface Word {
  readonly label: Stamp;
  readonly offset: number;
}

const words = (labels: readonly (readonly [string, Field])[]): readonly Word[] =>
  labels.map(([text, field]) => ({ label: labelStamp(text, field), offset: field.offset }));

/** Writes words up to the first one beyond `always` that was not sent. @returns the position behind them */
function putWords(
  target: DataView,
  at: number,
  words: readonly Word[],
  always: number,
  data: DataView,
  base: number,
  length: number,
): number {
  let next = at;
  for (let index = 0; index < words.length; index++) {
    const { label, offset } = words[index]!;
    const sent = offset + 4 <= length;
    if (!sent && index >= always) break;
    const value = sent ? data.getInt32(base + offset, true) : 0;
    next = putStamp(target, next, label);
    // Most of these are 0.
    if (value === 0) target.setUint8(next++, ZERO);
    else next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  target.setUint8(next, CLOSE);
  return next + 1;
}

const skMemWords = words(skMemLabels);
/** The labels of an SK_MEMINFO array and their lengths. Only the first label is longer than eight bytes. */
const SK_MEM_WORDS = skMemWords.length;
const skMemStamps = new Float64Array(SK_MEM_WORDS);
const skMemLengths = new Uint8Array(SK_MEM_WORDS);
skMemWords.forEach(({ label }, index) => {
  skMemStamps[index] = label.first;
  skMemLengths[index] = label.length;
});
/** Bytes of the words of an SK_MEMINFO array that ss knows. */
export const SK_MEM_SIZE = 4 * SK_MEM_WORDS;

/** Writes ` skmem:(…)` from a whole SK_MEMINFO array in the room. @param word the index of its first word */
export function putWholeSkMemInfo(target: DataView, at: number, word: number): number {
  const first = roomWords[word]!;
  let next = putStamp(target, at, skMemWords[0]!.label);
  next = first >= 0 ? putInt31(target, next, first) : putUint32(target, next, first);
  for (let index = 1; index < SK_MEM_WORDS; index++) {
    const value = roomWords[word + index]!;
    target.setFloat64(next, skMemStamps[index]!, true);
    next += skMemLengths[index]!;
    if (value === 0) target.setUint8(next++, ZERO);
    else next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  target.setUint8(next, CLOSE);
  return next + 1;
}

const memWords = words(memLabels);

/** Room for the text of either struct. */
const MEMORY_ROOM = 256;

/** Writes ` skmem:(…)` from an SK_MEMINFO array of `length` bytes. @returns the position behind it */
export function putSkMemInfo(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  return putWords(target, at, skMemWords, SK_MEM_ALWAYS, data, base, length);
}

/** Writes ` mem:(…)` from a struct inet_diag_meminfo of `length` bytes. @returns the position behind it */
export function putInetMemInfo(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  return putWords(target, at, memWords, memWords.length, data, base, length);
}

/** {@link putSkMemInfo} at the end of what a writer holds. */
export function writeSkMemInfo(text: ByteWriter, { data, offset, length }: StructView): void {
  text.reserve(MEMORY_ROOM);
  text.length = putSkMemInfo(text.data, text.length, data, offset, length);
}

/** {@link putInetMemInfo} at the end of what a writer holds. */
export function writeInetMemInfo(text: ByteWriter, { data, offset, length }: StructView): void {
  text.reserve(MEMORY_ROOM);
  text.length = putInetMemInfo(text.data, text.length, data, offset, length);
}

keepOutOfLastTier(putWords, putWholeSkMemInfo);
