/** Names of ports and protocols: /etc/services and /etc/protocols. services(5), protocols(5). */

import { U16_MAX, unsigned } from "../bytes/c-numbers.ts";
import { decodeBytes } from "../bytes/text.ts";
import type { Files } from "../host/host.ts";

/** Service names and numbers, like getservbyport(3) and getservbyname(3). */
export interface Services {
  /** Name of a port. @param protocol undefined for the first entry of any protocol */
  name(port: number, protocol: string | undefined): string | undefined;
  /** Port of a service name or alias. */
  port(name: string, protocol: string | undefined): number | undefined;
}

/** The words of each line of a file in /etc, without comments; nothing if the file cannot be read. */
function* entries(files: Files, path: string): Generator<string[]> {
  let text: string;
  try {
    text = decodeBytes(files.read(path));
  } catch {
    return;
  }
  for (const line of text.split("\n")) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words.length >= 2) yield words;
  }
}

/** Reads /etc/services. Ports may have any base, as strtoul(3) reads it. */
export function readServices(files: Files): Services {
  const names = new Map<string, string>();
  const ports = new Map<string, number>();
  const keep = <V>(map: Map<string, V>, key: string | number, protocol: string, value: V): void => {
    for (const full of [`${key}/${protocol}`, `${key}/`]) if (!map.has(full)) map.set(full, value);
  };
  for (const [name, number, ...aliases] of entries(files, "/etc/services")) {
    const slash = number!.indexOf("/");
    const port = unsigned(number!.slice(0, Math.max(0, slash)), U16_MAX);
    const protocol = number!.slice(slash + 1);
    if (port === undefined || protocol === "") continue;
    keep(names, port, protocol, name!);
    for (const each of [name!, ...aliases]) keep(ports, each, protocol, port);
  }
  return {
    name: (port, protocol) => names.get(`${port}/${protocol ?? ""}`),
    port: (name, protocol) => ports.get(`${name}/${protocol ?? ""}`),
  };
}

/** Reads a file of names and numbers: /etc/protocols, /etc/rpc. @returns the first name of each number */
export function readNumberNames(files: Files, path: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, number] of entries(files, path)) {
    const key = Number(number);
    if (!names.has(key)) names.set(key, name!);
  }
  return names;
}
