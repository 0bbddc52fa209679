/** The machines that there are executables for. */
import { existsSync } from "node:fs";

/** A platform: what npm chooses it by, and the dynamic loader of its executables. */
export interface Platform {
  readonly cpu: string;
  readonly libc: string;
  /** Where it must be, or the executable cannot be started. */
  readonly loader: string;
}

/** The platforms by the names of their packages, which are Bun's names for them. */
export const platforms: Readonly<Record<string, Platform>> = {
  "linux-x64": { cpu: "x64", libc: "glibc", loader: "/lib64/ld-linux-x86-64.so.2" },
  "linux-arm64": { cpu: "arm64", libc: "glibc", loader: "/lib/ld-linux-aarch64.so.1" },
  "linux-x64-musl": { cpu: "x64", libc: "musl", loader: "/lib/ld-musl-x86_64.so.1" },
  "linux-arm64-musl": { cpu: "arm64", libc: "musl", loader: "/lib/ld-musl-aarch64.so.1" },
};

/** The platform of this machine. @throws Error if there is none */
export function ownPlatform(): Platform {
  const found = Object.values(platforms).find(
    ({ cpu, loader }) => cpu === process.arch && existsSync(loader),
  );
  if (found === undefined) throw new Error(`There is no executable for ${process.arch}`);
  return found;
}
