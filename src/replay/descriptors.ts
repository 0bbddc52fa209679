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

/** Link targets by the name of the descriptor; undefined for a link that could not be read. */
export type DescriptorTargets = ReadonlyMap<string, string | undefined>;

/** The descriptors of a recording. */
export interface Descriptors {
  /** Whether there are none. */
  readonly empty: boolean;
  /** Those of a directory, by its path below /proc. */
  in(folder: string): DescriptorTargets | undefined;
}

const DESCRIPTOR = /^(.+\/fd)\/(\d+)$/;
const SLASH = 0x2f;
const TAB = 0x09;
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

/**
 * Parses {@link DESCRIPTORS_FILE}. Malformed lines are skipped; of two lines for a descriptor the last counts. Only the
 * bytes are kept, and where the lines of each directory are: strings for a million descriptors would take 300 MB.
 */
export function parseDescriptors(bytes: Uint8Array): Descriptors {
  const decoder = new TextDecoder();
  /** The runs of lines of each directory: where each begins and ends. */
  const runs = new Map<string, number[]>();
  let folder: Uint8Array | undefined;
  let run: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = endOfLine(bytes, at);
    if (folder === undefined || !startsWith(bytes, at, folder)) {
      const path = bytes.subarray(at, endOfPath(bytes, at, end));
      const name = splitDescriptor(decoder.decode(path))?.folder;
      folder = name === undefined ? undefined : path.subarray(0, path.lastIndexOf(SLASH) + 1);
      if (name !== undefined) {
        run = runs.get(name) ?? [];
        runs.set(name, run);
      }
    }
    if (folder !== undefined) {
      if (run.at(-1) === at) run[run.length - 1] = end + 1;
      else run.push(at, end + 1);
    }
    at = end + 1;
  }
  return {
    empty: runs.size === 0,
    in(folder) {
      const places = runs.get(folder);
      if (places === undefined) return undefined;
      const found = new Map<string, string | undefined>();
      for (let index = 0; index < places.length; index += 2)
        for (const line of decoder.decode(bytes.subarray(places[index], places[index + 1])).split("\n")) {
          const [path = "", target] = line.split("\t");
          const split = splitDescriptor(path);
          if (split?.folder === folder)
            found.set(split.name, target === undefined ? undefined : unescapeTarget(target));
        }
      return found;
    },
  };
}

function endOfLine(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(NEWLINE, from);
  return end < 0 ? bytes.length : end;
}

/** Where the path of a line ends. */
function endOfPath(bytes: Uint8Array, from: number, end: number): number {
  const tab = bytes.subarray(from, end).indexOf(TAB);
  return tab < 0 ? end : from + tab;
}

function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  for (let index = 0; index < start.length; index++) if (bytes[at + index] !== start[index]) return false;
  return true;
}
