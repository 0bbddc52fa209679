/** A fake file system as plain objects, for tests. */
import type { Files } from "../src/host/host.ts";

const encoder = new TextEncoder();

/** A folder. A string is the content of a file, or the target of a link. */
export type Tree = { readonly [name: string]: string | Tree };

/** The {@link Files} interface over a tree. */
export function filesOf(root: Tree): Files {
  const at = (path: string) =>
    path
      .split("/")
      .filter(Boolean)
      .reduce<string | Tree | undefined>(
        (tree, name) => (typeof tree === "object" ? tree[name] : undefined),
        root,
      );
  const missing = (path: string) => Object.assign(new Error(path), { code: "ENOENT", errno: -2 });
  return {
    read(path) {
      const found = at(path);
      if (typeof found !== "string") throw missing(path);
      return encoder.encode(found);
    },
    list(path) {
      const found = at(path);
      if (typeof found !== "object") throw missing(path);
      return Object.keys(found);
    },
    link(path) {
      const found = at(path);
      return typeof found === "string" ? found : undefined;
    },
    securityContext: (path) => (at(path) === undefined ? undefined : encoder.encode(`socket_of:${path}`)),
  };
}
