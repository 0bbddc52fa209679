/** The JSON objects of other hosts. */
import type { Json } from "../../model/json.ts";

/** A plain object of JSON. */
export type JsonObject = { readonly [key: string]: Json };

/** Puts the labels in front of an object, whose own values of the same keys are left out: no host speaks for another. */
export function labelled(labels: JsonObject, object: JsonObject): JsonObject {
  return { ...labels, ...object, ...labels };
}
