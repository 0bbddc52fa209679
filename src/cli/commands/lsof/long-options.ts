/** The options of `sockscope lsof` that lsof does not have. */
import type { LsofSettings } from "./settings.ts";

/** Each by its name without dashes. */
export const longOptions = {
  json: { brief: "JSON as the other commands of Sockscope print it", change: { format: "ours" } },
  "all-netns": { brief: "Sockets of all network namespaces", change: { allNetns: true } },
  container: { brief: "A CONTAINER column", change: { containers: true } },
} as const satisfies Readonly<
  Record<string, { readonly brief: string; readonly change: Partial<LsofSettings> }>
>;
