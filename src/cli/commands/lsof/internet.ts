/** The terms of `-i`: `[46][protocol][@host][:ports]`. lsof(8). */
import type { Services } from "../../../enrich/services.ts";
import { parseIpv6 } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";

/** A range of ports, both ends in it. */
export type PortRange = readonly [low: number, high: number];

/** One term. */
export interface InternetTerm {
  /** As it was typed. */
  readonly text: string;
  /** AF_INET or AF_INET6; undefined for both. */
  readonly family: number | undefined;
  readonly protocol: "TCP" | "UDP" | "UDPLITE" | undefined;
  /** A name or an address; {@link InternetTerm.addresses} has what it stands for. */
  readonly host: string | undefined;
  /** Addresses of 4 or 16 bytes; an end matches if it has one of them. undefined for any address. */
  readonly addresses: readonly Uint8Array[] | undefined;
  /** Any of these will do; undefined for any port. */
  readonly ports: readonly PortRange[] | undefined;
}

/** A term that cannot be read; the message is lsof's. */
export class TermError extends Error {}

const protocols = { tcp: "TCP", udp: "UDP", udplite: "UDPLITE" } as const;
const HIGHEST_PORT = 65535;

/** The bytes of a dotted quad. */
function quad(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

function portsOf(
  text: string,
  term: string,
  protocol: string | undefined,
  services: () => Services,
): readonly PortRange[] {
  if (text === "") throw new TermError(`unacceptable port specification in: -i ${term}`);
  const ranges: PortRange[] = [];
  const parts = text.split(",");
  if (parts.at(-1) === "") parts.pop();
  for (const part of parts) {
    if (part === "") throw new TermError(`invalid service name: -i ${term}`);
    const numbers = /^(\d+)(-(\d*))?$/.exec(part);
    if (numbers !== null) {
      const low = Number(numbers[1]);
      const high = numbers[2] === undefined ? low : Number(numbers[3] || Number.NaN);
      if (!(high >= low)) throw new TermError(`unacceptable port specification in: -i ${term}`);
      ranges.push([low, high]);
      continue;
    }
    const wanted = protocol === undefined ? ["tcp", "udp"] : [protocol.toLowerCase()];
    const found = wanted.flatMap((each) => services().port(part, each) ?? []);
    if (found.length === 0) {
      const where = protocol === undefined ? "" : ` for ${protocol.toLowerCase()}`;
      throw new TermError(`unknown service ${part}${where} in: -i ${term}`);
    }
    for (const port of found) ranges.push([port, port]);
  }
  return ranges;
}

function protocolOf(word: string, term: string): InternetTerm["protocol"] {
  const name = word.toLowerCase();
  if (name === "") return undefined;
  if (!Object.hasOwn(protocols, name)) throw new TermError(`unknown protocol name (${word}) in: -i ${term}`);
  return protocols[name as keyof typeof protocols];
}

function isZero(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}

/** The host of a term. */
interface TermHost {
  readonly host: string;
  /** Undefined for a name. */
  readonly address: Uint8Array | undefined;
  /** What follows the host in the term. */
  readonly rest: string;
}

/** Reads the host at the beginning of a text: an IPv6 address in brackets, a dotted quad, or a name. */
function readHost(text: string, term: string, family: number | undefined): TermHost {
  const bracketed = /^\[([^\]]*)\]/.exec(text);
  const host = bracketed?.[1] ?? /^[^:]*/.exec(text)![0];
  const rest = text.slice(bracketed?.[0].length ?? host.length);
  const address = bracketed === null ? quad(host) : parseIpv6(host);
  const isWrong = bracketed === null ? host === "" : address === undefined || isZero(address);
  if (isWrong || (rest !== "" && !rest.startsWith(":")))
    throw new TermError(`unacceptable Internet address in: -i ${term}`);
  if (family !== undefined && address !== undefined && (address.length === 4) !== (family === AF_INET))
    throw new TermError(`IPv${address.length === 4 ? 4 : 6} addresses are prohibited: -i ${term}`);
  return { host, address, rest };
}

/**
 * Reads a term. Host names are not looked up: they are left in `host`.
 *
 * @param services names of ports
 * @param inherited the family of a term that names none
 * @throws TermError
 */
export function readTerm(
  term: string,
  services: () => Services,
  inherited: number | undefined = undefined,
): InternetTerm {
  const [, version, word, atHost] = /^([46]?)([^@:]*)(.*)$/s.exec(term)!;
  const family = version === "" ? inherited : version === "4" ? AF_INET : AF_INET6;
  const protocol = protocolOf(word!, term);
  const named = atHost!.startsWith("@") ? readHost(atHost!.slice(1), term, family) : undefined;
  const { host, address, rest } = named ?? { host: undefined, address: undefined, rest: atHost! };
  const isAny = address !== undefined && isZero(address);
  if (isAny && rest === "") throw new TermError(`incomplete Internet address specification: -i ${term}`);
  const ports = rest.startsWith(":") ? portsOf(rest.slice(1), term, protocol, services) : undefined;
  // 0.0.0.0 stands for any IPv4 address.
  if (isAny) return { text: term, family: AF_INET, protocol, host: undefined, addresses: undefined, ports };
  return { text: term, family, protocol, host, addresses: address && [address], ports };
}

/** An end of a socket. */
export interface End {
  /** 4 or 16 bytes; a mapped IPv4 address has 4. */
  readonly address: Uint8Array;
  readonly port: number;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Whether a term means an Internet socket: one end of it has both the address and the port. */
export function matchesTerm(
  term: InternetTerm,
  protocol: string,
  family: number,
  ends: readonly End[],
): boolean {
  if (term.protocol !== undefined && term.protocol !== protocol) return false;
  const { addresses, ports } = term;
  const actual = ends[0]!.address.length === 4 ? AF_INET : family;
  if (term.family !== undefined && term.family !== actual) return false;
  if (addresses === undefined && ports === undefined) return true;
  return ends.some(
    ({ address, port }) =>
      (addresses === undefined || addresses.some((each) => sameBytes(each, address))) &&
      (ports === undefined || ports.some(([low, high]) => port >= low && port <= high)),
  );
}

/**
 * The ports of terms as a filter of ours, which the kernel can evaluate; undefined if a term is about more sockets.
 */
export function portFilter(terms: readonly InternetTerm[]): string | undefined {
  const ranges = terms.flatMap(({ ports }) => ports ?? [[0, HIGHEST_PORT] as const]);
  if (ranges.length === 0 || ranges.some(([low, high]) => low === 0 || high > HIGHEST_PORT)) return undefined;
  const side = (word: string) =>
    ranges.map(([low, high]) =>
      low === high ? `${word} = :${low}` : `( ${word} >= :${low} and ${word} <= :${high} )`,
    );
  return [...side("sport"), ...side("dport")].join(" or ");
}
