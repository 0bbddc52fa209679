/** Drop counters of netlink sockets: /proc/net/netlink. proc(5). */
import type { Files } from "../host/host.ts";

/** Column numbers, from 0: Pid and Drops. */
const PORT_COLUMN = 2;
const DROPS_COLUMN = 8;

const decoder = new TextDecoder();

/** Number of messages that the kernel has dropped for a netlink socket; undefined if the file does not list it. */
export function dropsOf(files: Files, portId: number): number | undefined {
  let text: string;
  try {
    text = decoder.decode(files.read("/proc/net/netlink"));
  } catch {
    return undefined;
  }
  const line = text
    .split("\n")
    .map((each) => each.trim().split(/\s+/))
    .find((columns) => Number(columns[PORT_COLUMN]) === portId);
  return line && Number(line[DROPS_COLUMN]);
}
