/** The PID/Program name column: the first process that has a socket open, and the base name of its program. */
import { escapeControls } from "../../../bytes/terminal.ts";
import type { Owner } from "../../../enrich/processes.ts";
import { type Files, readBounded } from "../../../host/host.ts";

/** Columns that id and name are cut to. */
const WIDTH = 19;
const NOBODY = "-";
/** Bytes of a command line that are read: PATH_MAX. The whole may have gigabytes. */
const READ_BYTES = 4096;
const SLASH = 0x2f;
const BLANK = 0x20;

const decoder = new TextDecoder("latin1");

/** The base name of what a process calls its program; undefined if it has no arguments that can be read. */
function programOf(files: Files, root: string, pid: number): Uint8Array | undefined {
  try {
    const { bytes } = readBounded(files, `${root}/${pid}/cmdline`, { limit: READ_BYTES });
    const end = bytes.indexOf(0);
    const name = bytes.subarray(0, end < 0 ? bytes.length : end);
    // Behind a blank there are no folders, but what the program wrote over its arguments: `sshd: /usr/sbin/sshd`.
    const blank = name.indexOf(BLANK);
    const path = blank < 0 ? name : name.subarray(0, blank);
    return name.subarray(path.lastIndexOf(SLASH) + 1);
  } catch {
    return undefined;
  }
}

/**
 * Makes what gives the cell of a socket.
 *
 * @param owners who has the socket of an inode open, the process with the lowest id last
 */
export function programNames(
  files: Files,
  root: string,
  owners: (inode: number) => readonly Owner[] | undefined,
  utf8Terminal: boolean,
): (inode: number) => string {
  const known = new Map<number, string>();
  return (inode) => {
    const owner = inode === 0 ? undefined : owners(inode)?.at(-1);
    if (owner === undefined) return NOBODY;
    let text = known.get(owner.pid);
    if (text === undefined) {
      const program = programOf(files, root, owner.pid) ?? new Uint8Array(0);
      const id = `${owner.pid}/`;
      const cut = program.subarray(0, Math.max(WIDTH - id.length, 0));
      const shown = utf8Terminal ? escapeControls(cut) : cut;
      text = id + (utf8Terminal ? new TextDecoder().decode(shown) : decoder.decode(shown));
      known.set(owner.pid, text);
    }
    return text;
  };
}
