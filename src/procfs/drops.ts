/** What netlink sockets have lost: /proc/net/netlink. proc(5). */
import type { Files } from "../host/host.ts";

/** Columns, counted from 0: Pid and Drops. */
const PORT_COLUMN = 2;
const DROPS_COLUMN = 8;

const decoder = new TextDecoder();

/** How many messages a netlink socket has lost so far, if the kernel tells. */
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
