/** What is not shown unless the user says so: the arguments of processes. */
import type { NameSource } from "../fields/names.ts";
import type { ServeContext } from "./context.ts";

/** Names without the arguments of processes, unless they are to be shown. */
export function showable(
  names: NameSource,
  { showArguments }: Pick<ServeContext, "showArguments">,
): NameSource {
  if (showArguments) return names;
  return {
    ...names,
    details(owner) {
      const details = names.details(owner);
      if (details === undefined) return undefined;
      const { cmdline: _, ...shown } = details;
      return shown;
    },
  };
}
