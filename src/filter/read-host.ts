/** The reader of hosts and ports: the operands of `src`, `dst`, `sport` and `dport`. */

import { integer, U32_MAX, unsigned } from "../bytes/c-numbers.ts";
import { AF_INET, AF_INET6, AF_TIPC, AF_UNIX, AF_XDP } from "../model/family.ts";
import {
  IPV4_BYTES,
  IPV6_BYTES,
  type Prefix,
  parseNumericHost,
  parsePrefix,
  wholeAddress,
} from "./addresses.ts";
import { ANY, type NumberPrefix, numberFamilies, numberPrefixes } from "./number-hosts.ts";
import { type HostOperand, hostPrefixes, type NamedHost, type NumberHost } from "./operands.ts";
import { type Reading, refuse } from "./reading.ts";
import type { FilterWord } from "./source.ts";

const ANY_WORDS: ReadonlySet<string> = new Set(["default", "all", "any"]);
const ADDRESS_BYTES: ReadonlyMap<number | undefined, number> = new Map([
  [AF_INET, IPV4_BYTES],
  [AF_INET6, IPV6_BYTES],
]);
const FAMILIES_OF_NAMES: ReadonlySet<number | undefined> = new Set([undefined, AF_INET, AF_INET6]);
/** Families whose hosts ss reads as IPv4 addresses without a prefix length, although their sockets have none. */
const LIKE_IPV4: ReadonlySet<number | undefined> = new Set([AF_TIPC, AF_XDP]);
/**
 * Words that are looked up as host names: letters, digits, `.`, `_`, `-` and anything beyond ASCII, as the hosts file
 * may have it, but not digits and dots alone. All other words are refused without a look-up.
 */
const HOST_NAME = /^(?=.*[^0-9.])[A-Za-z0-9._\u0080-\uffff-]+$/;

/** Whether a text is an address to getaddrinfo(3), although ss takes only numbers up to 255 for one: `0x7f000001`. */
function isNumeric(text: string): boolean {
  return text.split(".").every((part) => unsigned(part, U32_MAX) !== undefined);
}

function withoutColon(text: string): string {
  return text.startsWith(":") ? text.slice(1) : text;
}

function inetPort(text: string, word: FilterWord, reading: Reading): number {
  if (text === "" || text.startsWith("*")) return ANY;
  const number = integer(text);
  if (number !== undefined) return number;
  const { lookups, tables } = reading.context;
  const ports = new Set<number>();
  for (const protocol of ["udp", "tcp"] as const) {
    if (!tables.has(protocol)) continue;
    for (const port of [lookups.port(text, protocol) ?? [], lookups.rpcPorts?.(text, protocol) ?? []].flat())
      ports.add(port);
  }
  if (ports.size > 1) refuse(word, "ambiguousPort", "a port or an unambiguous service", text);
  for (const port of ports) return port;
  return refuse(word, "port", "a port or a service", text);
}

/** Splits `ADDRESS:PORT`. Without brackets the last colon separates, and only behind the prefix length. */
function splitInet(text: string, word: FilterWord): readonly [address: string, port: string] {
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) refuse(word, "host", "a closing bracket");
    return [text.slice(1, end), withoutColon(text.slice(end + 1))];
  }
  if (text.startsWith("*")) return ["*", withoutColon(text.slice(1))];
  const colon = text.lastIndexOf(":");
  if (colon < text.indexOf("/") || colon < 0) return [text, ""];
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function parseHost(text: string, family: number | undefined): Prefix | undefined {
  if (LIKE_IPV4.has(family)) return text.includes("/") ? undefined : parseHost(text, AF_INET);
  const numeric = family === AF_INET6 ? undefined : parseNumericHost(text);
  return parsePrefix(text, family) ?? (numeric && wholeAddress(numeric));
}

function readInet(text: string, portOnly: boolean, word: FilterWord, reading: Reading): HostOperand {
  if (portOnly) {
    const inner = text.startsWith("[") ? splitInet(text, word)[0] : text;
    return { kind: "inet", prefix: undefined, port: inetPort(withoutColon(inner), word, reading) };
  }
  const [address, portText] = splitInet(text, word);
  const port = inetPort(portText, word, reading);
  const family = reading.preferred;
  if (address === "" || address === "*") return { kind: "inet", prefix: undefined, port };
  if (ANY_WORDS.has(address)) {
    const bytes = ADDRESS_BYTES.get(family);
    const prefix = bytes === undefined ? undefined : { address: new Uint8Array(bytes), length: 0 };
    return { kind: "inet", prefix, port };
  }
  const prefix = parseHost(address, family);
  if (prefix !== undefined) return { kind: "inet", prefix, port };
  if (!FAMILIES_OF_NAMES.has(family) || !HOST_NAME.test(address) || isNumeric(address))
    refuse(word, "address", "an address", address);
  const { offset, length } = word;
  const position = { offset, length };
  const host: NamedHost = { kind: "name", name: address, family, port, addresses: undefined, position };
  reading.names.push(host);
  return host;
}

/** Reads `ADDRESS:PORT`, both optional, or with `portOnly` the port alone. */
function readNumbers(
  kind: NumberPrefix,
  text: string,
  portOnly: boolean,
  word: FilterWord,
  { context: { lookups } }: Reading,
): NumberHost {
  const readers = numberFamilies[kind];
  const colon = text.indexOf(":");
  const port = portOnly
    ? readers.port(withoutColon(text), lookups)
    : colon < 0
      ? ANY
      : readers.port(text.slice(colon + 1), lookups);
  const address = portOnly ? ANY : readers.address(colon < 0 ? text : text.slice(0, colon), lookups);
  if (port === undefined || address === undefined) return refuse(word, "host", "a host of the family's kind");
  return { kind, address, port };
}

/**
 * Reads a host. The family of its prefix, or else the preferred one, becomes the only family of the run.
 *
 * @param portOnly whether it is the operand of `sport` or `dport`
 * @throws FilterError
 */
export function readHost(word: FilterWord, reading: Reading, portOnly: boolean): HostOperand {
  let text = word.text;
  for (const [prefix, family] of Object.entries(hostPrefixes)) {
    if (!text.startsWith(`${prefix}:`)) continue;
    text = text.slice(prefix.length + 1);
    reading.preferred = family;
    break;
  }
  const { preferred } = reading;
  if (preferred === undefined) return readInet(text, portOnly, word, reading);
  reading.family = preferred;
  if (preferred === AF_UNIX) return { kind: "unix", pattern: text };
  const prefix = numberPrefixes.get(preferred);
  if (prefix === undefined) return readInet(text, portOnly, word, reading);
  return readNumbers(prefix, text, portOnly, word, reading);
}
