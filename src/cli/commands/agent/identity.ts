/** What an agent says of its host. */
import { networkInterfaces } from "node:os";
import packageJson from "../../../../package.json" with { type: "json" };
import { type Begin, type Hello, PROTOCOL } from "../../../fleet/protocol.ts";
import type { Files } from "../../../host/host.ts";
import { systemClock } from "../../../store/clock.ts";

const decoder = new TextDecoder();

/** The text of a small file of /proc, in one line; empty if it cannot be read. */
function lineOf(files: Files, path: string): string {
  try {
    return decoder.decode(files.read(path)).trim();
  } catch {
    return "";
  }
}

/** What this host says of itself. */
export function helloOf(files: Files): Hello {
  return {
    version: packageJson.version,
    protocols: [PROTOCOL],
    host: lineOf(files, "/proc/sys/kernel/hostname"),
    bootId: lineOf(files, "/proc/sys/kernel/random/boot_id"),
  };
}

/** Addresses of one answer at most: a host with more would make the message too long. */
const MOST_ADDRESSES = 500;

/** How long the addresses are kept: reading them takes as long as counting a hundred sockets. */
const KEPT_MS = 10_000;

let addresses: readonly string[] = [];
let readMs = Number.NEGATIVE_INFINITY;

/** The clocks of this host now, and the IP addresses of its interfaces. */
export function beginNow(): Begin {
  const bootMs = systemClock.bootMs();
  if (bootMs - readMs > KEPT_MS) {
    readMs = bootMs;
    addresses = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .map(({ address }) => address)
      .slice(0, MOST_ADDRESSES);
  }
  return { wallMs: systemClock.wallMs(), bootMs, addresses };
}
