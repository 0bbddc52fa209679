/** The two ways of listing: what they need, and what they return. */
import type { Host } from "../../../host/host.ts";
import type { Sources } from "../../../procfs/source.ts";
import type { Problem } from "../../../query/query.ts";
import type { World } from "../../world.ts";
import type { OptionLookups } from "./options.ts";
import type { PrintStyle } from "./printable.ts";
import type { LsofSettings } from "./settings.ts";

/** One listing. */
export interface Listing {
  /** The processes of the files, each once. */
  readonly pids: ReadonlySet<number>;
  /** What was not found, as `-V` says it. */
  readonly missing: readonly string[];
  /** Writes it in the format of the settings. */
  write(): void;
}

/** What both ways of listing need. */
export interface ListingContext {
  readonly world: World;
  readonly host: Host;
  readonly settings: LsofSettings;
  readonly lookups: OptionLookups;
  readonly sources: Sources;
  readonly print: PrintStyle;
  report(problem: Problem): void;
}

/** The lines of `-t`. */
export function pidLines(pids: ReadonlySet<number>): string {
  return Array.from(pids, (pid) => `${pid}\n`).join("");
}
