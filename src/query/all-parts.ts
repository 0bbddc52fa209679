/** All code that a listing may need, loaded at once: for the library's sync functions and for long runs. */
import { allFamilies } from "../families/all.ts";
import type { MakeOwnerLookup } from "../lookup/names.ts";
import { ownerLookup } from "../lookup/owners.ts";
import * as peers from "../lookup/peers.ts";
import type { PeerSearch } from "../lookup/places.ts";
import * as closing from "./destroyed.ts";
import * as filters from "./filters.ts";
import * as proc from "./proc.ts";
import type { Closing, ProcListing, QueryParts } from "./query.ts";

/** Every part of a listing, and the filter code. */
export interface AllParts extends QueryParts {
  readonly proc: ProcListing;
  readonly closing: Closing;
  readonly filters: typeof filters;
  readonly ownerLookup: MakeOwnerLookup;
  readonly peers: PeerSearch;
}

/** Every part of a listing, and the filter code. */
export const allParts: AllParts = { families: allFamilies, proc, closing, filters, ownerLookup, peers };
