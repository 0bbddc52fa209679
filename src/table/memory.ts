/** What ss says of a socket's memory. */

import type { Field, StructView } from "../bytes/layout.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { inetMemInfo, skMemInfo } from "../diag/memory.ts";
import { label } from "./labels.ts";

const CLOSE = 0x29;

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

/** Words that every kernel sends, printed as zero when they are cut off. */
const SK_MEM_ALWAYS = 7;

function writer(labels: readonly (readonly [string, Field])[], always: number) {
  const rows = labels.map(([text, field]) => ({ label: label(text, field), offset: field.offset }));
  return (text: ByteWriter, view: StructView): void => {
    for (let index = 0; index < rows.length; index++) {
      const { label, offset } = rows[index]!;
      const sent = offset + 4 <= view.length;
      if (!sent && index >= always) break;
      text.put(label);
      text.unsigned(sent ? view.data.getUint32(view.offset + offset, true) : 0);
    }
    text.byte(CLOSE);
  };
}

/** Writes ` skmem:(…)` from an SK_MEMINFO array. */
export const writeSkMemInfo = writer(skMemLabels, SK_MEM_ALWAYS);

/** Writes ` mem:(…)` from a struct inet_diag_meminfo. */
export const writeInetMemInfo = writer(memLabels, memLabels.length);
