/**
 * Host names of filters, from /etc/hosts alone: a filter is parsed while somebody types it, and what a viewer types must
 * not go to a name server.
 */
import { parseNumericHost } from "../filter/addresses.ts";
import type { Files, Resolver } from "../host/host.ts";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET6 } from "../model/family.ts";

const HOSTS = "/etc/hosts";
/** The largest file that is read. */
const LIMIT = 1 << 20;
const IPV4_BYTES = 4;

const decoder = new TextDecoder();

/** The lines of the file: an address and its names, hosts(5). */
function* entries(files: Pick<Files, "read">): Generator<readonly [address: string, ...names: string[]]> {
  let text: string;
  try {
    text = decoder.decode(files.read(HOSTS, { limit: LIMIT }));
  } catch {
    return;
  }
  for (const line of text.slice(0, LIMIT).split("\n")) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words.length > 1) yield words as [string, ...string[]];
  }
}

/** Looks names up in /etc/hosts, whatever their case. */
export function hostsFile(files: Pick<Files, "read">): Pick<Resolver, "addresses"> {
  return {
    async addresses(name, family) {
      const wanted = name.toLowerCase();
      const found: Uint8Array[] = [];
      for (const [text, ...names] of entries(files)) {
        if (!names.some((each) => each.toLowerCase() === wanted)) continue;
        const address = parseNumericHost(text) ?? parseIpv6(text);
        if (address === undefined) continue;
        const isIpv6 = address.length > IPV4_BYTES;
        if (family === undefined || isIpv6 === (family === AF_INET6)) found.push(address);
      }
      return found.sort((a, b) => a.length - b.length);
    },
  };
}
