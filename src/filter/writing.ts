/** SsOperands as words that read as the same operands again. */

import { ByteWriter } from "../bytes/writer.ts";
import { writeIpv4, writeIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6, AF_TIPC, AF_UNIX, AF_XDP } from "../model/family.ts";
import { IPV4_BYTES, type Prefix } from "./addresses.ts";
import { ANY } from "./number-hosts.ts";
import {
  type HostOperand,
  hostPrefixes,
  type InetHost,
  type MarkOperand,
  type NamedHost,
} from "./operands.ts";

/** The state of the formatter. */
export interface Writing {
  /** The AF_* that the parser of the text so far prefers. */
  preferred: number | undefined;
}

/** Preferred families with which a port without an address reads as it does without a preference. */
const LIKE_INET: ReadonlySet<number | undefined> = new Set([undefined, AF_INET, AF_INET6, AF_TIPC, AF_XDP]);
const decoder = new TextDecoder();

/** Quotes blanks, tabs and backslashes. */
export function writeWord(text: string): string {
  return text.replace(/[\\ \t]/g, "\\$&");
}

function anyOr(value: number): string {
  return value === ANY ? "*" : String(value);
}

function prefixText({ address, length }: Prefix): string {
  const writer = new ByteWriter();
  const data = new DataView(address.buffer, address.byteOffset, address.length);
  const isIpv4 = address.length === IPV4_BYTES;
  (isIpv4 ? writeIpv4 : writeIpv6)(writer, data, 0);
  const text = decoder.decode(writer.view());
  const full = length === address.length * 8 ? text : `${text}/${length}`;
  return isIpv4 ? full : `[${full}]`;
}

/** Puts the family in front of a host, unless the parser prefers it anyway. */
function withFamily(word: string, text: string, writing: Writing): string {
  const family = hostPrefixes[word];
  if (writing.preferred === family) return text;
  writing.preferred = family;
  return `${word}:${text}`;
}

function writeInet({ prefix, port }: InetHost, writing: Writing, portOnly: boolean): string {
  if (prefix === undefined) {
    const text = portOnly ? anyOr(port) : port === ANY ? "*" : `*:${port}`;
    return LIKE_INET.has(writing.preferred) ? text : withFamily("inet", text, writing);
  }
  const text = port === ANY ? prefixText(prefix) : `${prefixText(prefix)}:${port}`;
  if (writing.preferred === undefined) return text;
  return withFamily(prefix.address.length === IPV4_BYTES ? "inet" : "inet6", text, writing);
}

function writeName({ name, family, port }: NamedHost, writing: Writing): string {
  // Always with a port, as a host may be called `and`.
  const text = `${name}:${anyOr(port)}`;
  if (family === undefined) return text;
  return withFamily(family === AF_INET ? "inet" : "inet6", text, writing);
}

/** Writes a host. @param portOnly whether it is the operand of `sport` or `dport` */
export function writeHost(host: HostOperand, writing: Writing, portOnly: boolean): string {
  switch (host.kind) {
    case "inet":
      return writeInet(host, writing, portOnly);
    case "name":
      return writeName(host, writing);
    case "unix":
      // Always with its prefix, as a pattern may be empty or look like a keyword.
      writing.preferred = AF_UNIX;
      return `unix:${writeWord(host.pattern)}`;
    default: {
      const text = portOnly ? anyOr(host.port) : `${anyOr(host.address)}:${anyOr(host.port)}`;
      return withFamily(host.kind, text, writing);
    }
  }
}

/** Writes a firewall mark. */
export function writeMark({ mark, mask }: MarkOperand): string {
  return `0x${mark.toString(16)}/0x${mask.toString(16)}`;
}
