/**
 * The files of the page. Import {@link pageFiles} as a macro: it runs when the server is bundled or, in tests, when Bun
 * reads the importing file, so that the executable has the finished files and never a bundler's work to do.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The names of the files, which are their paths on the server; `index.html` is `/`. */
export type PageFileName = "index.html" | "page.js" | "page.css" | "icon.svg";

/** Where the sources are. */
const folder = join(import.meta.dirname, "page");

/** The entry point of the page's program, relative to `src/serve`. */
const ENTRY = "main.tsx";

/** Bundles a file for browsers. The bundler runs as a program of its own, as a macro cannot call it. */
function bundle(file: string): string {
  const { success, stdout, stderr } = Bun.spawnSync(
    [process.execPath, "build", join(folder, file), "--minify", "--target=browser", "--format=esm"],
    { env: { ...process.env, BUN_BE_BUN: "1", NODE_ENV: "production" }, stderr: "pipe" },
  );
  if (!success) throw new Error(`The page cannot be bundled: ${stderr}`);
  return stdout.toString();
}

/** The finished files by name, as text. @throws Error if the bundler refuses the sources */
export function pageFiles(): Record<PageFileName, string> {
  return {
    "index.html": readFileSync(join(folder, "index.html"), "utf8"),
    "page.js": bundle(ENTRY),
    "page.css": bundle("page.css"),
    "icon.svg": readFileSync(join(folder, "icon.svg"), "utf8"),
  };
}
