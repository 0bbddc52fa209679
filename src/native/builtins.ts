/** The modules of Node that are loaded on demand, see `builtin` of `#libc`. */
export interface Builtins {
  readonly "node:fs": typeof import("node:fs");
  readonly "node:os": typeof import("node:os");
  readonly "node:path": typeof import("node:path");
}
