/** Texts printed instead of sockets: the man page, the licences, the list of columns, shell completions. */
import type { TextStop } from "./halt.ts";
import type { World } from "./world.ts";

/** The text of `--man`, `--licenses`, `--columns help` or `--completions`. Its code is loaded on demand. */
export async function textOf({ stdout, program }: World, stop: TextStop): Promise<string> {
  switch (stop.kind) {
    case "columns":
      return (await import("./columns-help.ts")).columnsHelp(stdout.terminalColumns);
    case "man":
      return (await import("./man.ts")).manPage();
    case "licenses":
      return (await import("./licenses.ts")).licenses;
    case "completions":
      return (await import("./completions/script.ts")).completionScript(stop.shell, program);
  }
}
