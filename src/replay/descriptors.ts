/**
 * The descriptors of a recording: one line for each, instead of a symbolic link. A host may have a million, and a file
 * system needs minutes for that many links.
 *
 * A line is `PID/fd/FD`, a tab, and the target of the link. Control characters and backslashes in the target are
 * written as `\xNN`. A descriptor whose link could not be read has no tab and no target.
 */

/** The name of the file. */
export const DESCRIPTORS_FILE = "descriptors.tsv";
/** Bytes that the file may have: it may come from a stranger. A million descriptors take about 25 MB. */
export const DESCRIPTORS_LIMIT = 1 << 26;

/** The link targets of descriptors by the directory's path below /proc and the descriptor's name. */
export type Descriptors = ReadonlyMap<string, ReadonlyMap<string, string | undefined>>;

const DESCRIPTOR = /^(.+\/fd)\/(\d+)$/;
const NEWLINE = 0x0a;

/** Splits the path of a descriptor below /proc; undefined if it is the path of something else. */
export function splitDescriptor(
  path: string,
): { readonly folder: string; readonly name: string } | undefined {
  const [, folder, name] = DESCRIPTOR.exec(path) ?? [];
  return folder === undefined || name === undefined ? undefined : { folder, name };
}

function escapeTarget(target: string): string {
  return target.replace(
    /[\\\x00-\x1f\x7f]/g,
    (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function unescapeTarget(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The text of {@link DESCRIPTORS_FILE}. @param links link targets by path below /proc */
export function formatDescriptors(
  links: Iterable<readonly [path: string, target: string | undefined]>,
): string {
  let text = "";
  for (const [path, target] of links)
    text += target === undefined ? `${path}\n` : `${path}\t${escapeTarget(target)}\n`;
  return text;
}

/** Parses {@link DESCRIPTORS_FILE}. Malformed lines are skipped; of two lines for a descriptor the last counts. */
export function parseDescriptors(bytes: Uint8Array): Descriptors {
  const decoder = new TextDecoder();
  const found = new Map<string, Map<string, string | undefined>>();
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const [path = "", target] = decoder.decode(bytes.subarray(at, end)).split("\t");
    at = end + 1;
    const split = splitDescriptor(path);
    if (split === undefined) continue;
    let names = found.get(split.folder);
    if (names === undefined) {
      names = new Map();
      found.set(split.folder, names);
    }
    names.set(split.name, target === undefined ? undefined : unescapeTarget(target));
  }
  return found;
}
