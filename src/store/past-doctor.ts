/** What the doctor needs of the past: a second sample for rules about rates, and what was new then. */
import type { Newcomer } from "../doctor/sample.ts";
import type { PastTime } from "../host/host.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import type { StoredSighting } from "./noted.ts";

/** Moves a past machine so that another sample follows. @returns false if there is only one */
export function pairPast(past: PastTime): boolean {
  if (!past.step(1)) return past.step(-1);
  past.step(-1);
  return true;
}

/** What was new at a time in a network namespace. @param inode of the namespace */
export function newcomersAt(sighted: readonly StoredSighting[], atMs: number, inode: number): Newcomer[] {
  return sighted.flatMap(({ what, process, protocol, address, port, afterMs, firstMs, netns }) => {
    if (afterMs === undefined || firstMs > atMs || netns?.inode !== inode) return [];
    const netid = protocol === IPPROTO_TCP ? "tcp" : "udp";
    return { what, process, netid, address, port, ageMs: atMs - firstMs };
  });
}
