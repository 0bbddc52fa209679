/** What the rules about listeners and peers that are new have in common. */
import { endpoint } from "./endpoint.ts";
import type { Newcomer } from "./sample.ts";

/** The threshold of the age of a newcomer. */
export const newcomerAge = {
  value: 3_600_000,
  quantity: "time",
  doc: "since it was first seen: an hour leaves time to read the message",
} as const;

/** The process of a newcomer for a sentence. */
export function processOf({ process }: Newcomer): string {
  return process === "" ? "an unknown process" : process;
}

/** The newcomers of one kind that are no older than a threshold. */
export function newcomersOf(
  newcomers: readonly Newcomer[],
  kinds: readonly Newcomer["what"][],
  ageMs: number,
): Newcomer[] {
  return newcomers.filter((each) => kinds.includes(each.what) && each.ageMs <= ageMs);
}

/** The address and port of a newcomer. */
export function whereOf({ address, port }: Newcomer): string {
  return endpoint(address, port);
}
