/** `-E`: the processes that have the other end of a socket open. */
import { addressKey } from "../../../enrich/resolve.ts";
import { SS_ESTABLISHED } from "../../../model/state.ts";
import type { InternetFile, LsofFile } from "./files.ts";
import { type PrintStyle, printable } from "./printable.ts";

/** The inodes that a UNIX socket is tied to: its peer, or the connections that wait for it. */
export type UnixPeers = ReadonlyMap<number, number>;

function keyOf({ family, protocol, socket }: InternetFile, swapped: boolean): string {
  const { data, sport, dport, addressLength: length, sourceOffset, destinationOffset } = socket;
  const source = `${addressKey(data, sourceOffset, length)} ${sport}`;
  const destination = `${addressKey(data, destinationOffset, length)} ${dport}`;
  const ends = swapped ? [destination, source] : [source, destination];
  return [protocol, family, socket.origin.netns?.inode ?? "", ...ends].join(" ");
}

function isEstablished(file: LsofFile): file is LsofFile & InternetFile {
  return file.kind === "internet" && file.socket.stateNumber === SS_ESTABLISHED;
}

/**
 * Makes what finds the other end of a file, as `-E` shows it.
 *
 * @param files all files of the host
 * @param commandWidth bytes of a command's name; with 0 lsof leaves the name out
 */
export function endpointFinder(
  files: readonly LsofFile[],
  unixPeers: UnixPeers,
  print: PrintStyle,
  commandWidth: number,
): (file: LsofFile) => string {
  const byKey = new Map<string, LsofFile[]>();
  const keep = (key: string, file: LsofFile) => {
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [file]);
    else same.push(file);
  };
  for (const file of files) {
    if (file.kind === "unix") keep(`unix ${file.socket.inode}`, file);
    else if (isEstablished(file)) keep(keyOf(file, false), file);
  }
  const holders = (key: string) =>
    (byKey.get(key) ?? []).map(
      ({ process, fd }) =>
        `${process.pid},${printable(process.name.subarray(0, commandWidth), print)},${fd}u`,
    );
  return (file) => {
    if (file.kind === "unix") {
      const peer = unixPeers.get(file.socket.inode);
      return peer === undefined ? "" : [`->INO=${peer}`, ...holders(`unix ${peer}`)].join(" ");
    }
    return isEstablished(file) ? holders(keyOf(file, true)).join(" ") : "";
  };
}
