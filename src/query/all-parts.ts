/** All the code that a listing can need, loaded at once: for the library's sync functions and for long runs. */
import { allFamilies } from "../families/all.ts";
import * as proc from "./proc.ts";
import type { QueryParts } from "./query.ts";

/** Every part. */
export const allParts: QueryParts = { families: allFamilies, proc };
