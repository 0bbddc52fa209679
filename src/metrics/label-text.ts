/** Makes text from strangers (process names, addresses) safe as a label value: valid UTF-8, printable, bounded. */
import { escapeText } from "../bytes/terminal.ts";

/** Bytes of the longest label value, before the exposition format escapes it. */
export const LABEL_LIMIT = 256;

/** The label value of everything that has no series of its own. */
export const OTHER = "other";
/** The label value where a socket has no process, or none that we may see. */
export const NONE = "none";

const reserved: ReadonlySet<string> = new Set([OTHER, NONE]);

const PLAIN = /^[\x20-\x7e]*$/;
const LONE_SURROGATE = /[\ud800-\udfff]/gu;

const encoder = new TextEncoder();
const room = new Uint8Array(LABEL_LIMIT);

/** A byte that was no UTF-8 (bytes/text.ts has them as U+DC80 to U+DCFF) as `\xNN`; other surrogates as U+FFFD. */
function spellSurrogate(character: string): string {
  const code = character.charCodeAt(0);
  return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : "\ufffd";
}

/** The text without control characters, direction marks and malformed UTF-8, at most {@link LABEL_LIMIT} bytes long. */
export function labelText(text: string): string {
  if (text.length <= LABEL_LIMIT && PLAIN.test(text)) return text;
  // Nothing beyond the limit counts, and each character is at least one byte.
  const safe = escapeText(text.slice(0, LABEL_LIMIT).replace(LONE_SURROGATE, spellSurrogate));
  return safe.slice(0, encoder.encodeInto(safe, room).read);
}

/** The label value of a name that a stranger chose: never one of the words that we use ourselves, and never empty. */
export function nameLabel(name: string): string {
  const text = labelText(name);
  // Prometheus takes an empty label for a missing one.
  if (text === "") return NONE;
  return reserved.has(text) ? `'${text}'` : text;
}
