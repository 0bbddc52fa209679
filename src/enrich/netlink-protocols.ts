/** Names of netlink protocols: the built-in ones, and the names that the administrator sets in nl_protos. */
import { ascii } from "../bytes/writer.ts";
import type { Files } from "../host/host.ts";
import { netlinkProtocols } from "../model/netlink-protocols.ts";

/** The first readable file counts. */
const paths = ["/etc/iproute2/nl_protos", "/usr/share/iproute2/nl_protos"];

/** A number, decimal or `0x` hexadecimal, and a name. */
const ENTRY = /^[\t ]*(?:0x([\da-f]+)\s+|([+-]?\d+)(?!\d)\s*)(\S+)/i;
const NO_ENTRY = /^[\t ]*(?:#|$)/;

/** ss reads file names byte by byte. */
const decoder = new TextDecoder("latin1");

/**
 * Reads nl_protos. Like ss it stops at the first line that is neither an entry nor a comment.
 *
 * @param complain takes the path of the file and that line
 * @returns names as bytes, by number
 */
export function readNetlinkProtocols(
  files: Files,
  complain: (path: string, line: string) => void,
): ReadonlyMap<number, Uint8Array> {
  const names = new Map<number, Uint8Array>(netlinkProtocols.map(([number, name]) => [number, ascii(name)]));
  const { path, text } = firstReadable(files);
  for (const line of text.split("\n")) {
    if (NO_ENTRY.test(line)) continue;
    const match = ENTRY.exec(line);
    if (match === null) {
      complain(path, line);
      break;
    }
    const [, hexadecimal, decimal, name] = match;
    const number = hexadecimal === undefined ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    names.set(
      number,
      Uint8Array.from(name!, (character) => character.charCodeAt(0)),
    );
  }
  return names;
}

function firstReadable(files: Files): { path: string; text: string } {
  for (const path of paths) {
    try {
      return { path, text: decoder.decode(files.read(path)) };
    } catch {
      // Tries the next file.
    }
  }
  return { path: "", text: "" };
}
