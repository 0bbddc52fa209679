/** Names of netlink protocols: the usual ones, and what the administrator says in nl_protos. */
import { ascii } from "../bytes/writer.ts";
import type { Files } from "../host/host.ts";
import { netlinkProtocols } from "../model/netlink-protocols.ts";

/** The first of these that can be read counts. */
const paths = ["/etc/iproute2/nl_protos", "/usr/share/iproute2/nl_protos"];

const decoder = new TextDecoder();

/** Reads nl_protos: lines of a number, decimal or `0x` hexadecimal, and a name. @returns name by number */
export function readNetlinkProtocols(files: Files): ReadonlyMap<number, Uint8Array> {
  const names = new Map<number, Uint8Array>(netlinkProtocols.map(([number, name]) => [number, ascii(name)]));
  for (const line of firstReadable(files).split("\n")) {
    const match = /^\s*(0x[\da-f]+|\d+)\s+([^\s#]+)/i.exec(line);
    if (match !== null) names.set(Number(match[1]), ascii(match[2]!));
  }
  return names;
}

function firstReadable(files: Files): string {
  for (const path of paths) {
    try {
      return decoder.decode(files.read(path));
    } catch {
      // The next one, then.
    }
  }
  return "";
}
