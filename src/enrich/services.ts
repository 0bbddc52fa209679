/** Names of ports and protocols: /etc/services and /etc/protocols. services(5), protocols(5). */
import type { Files } from "../host/host.ts";

/** Service names and numbers, as getservbyport(3) and getservbyname(3) answer. */
export interface Services {
  /** Name of a port; `protocol` undefined takes the first entry of any protocol. */
  name(port: number, protocol: string | undefined): string | undefined;
  /** Port of a service name or alias. */
  port(name: string, protocol: string | undefined): number | undefined;
}

const decoder = new TextDecoder();

/** The lines of a file in /etc as words, without comments; a file that cannot be read has none. */
function* entries(files: Files, path: string): Generator<string[]> {
  let text: string;
  try {
    text = decoder.decode(files.read(path));
  } catch {
    return;
  }
  for (const line of text.split("\n")) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words.length >= 2) yield words;
  }
}

/** Reads /etc/services. */
export function readServices(files: Files): Services {
  const names = new Map<string, string>();
  const ports = new Map<string, number>();
  const keep = <V>(map: Map<string, V>, key: string | number, protocol: string, value: V): void => {
    for (const full of [`${key}/${protocol}`, `${key}/`]) if (!map.has(full)) map.set(full, value);
  };
  for (const [name, number, ...aliases] of entries(files, "/etc/services")) {
    const match = /^(\d+)\/(\S+)$/.exec(number!);
    if (match === null) continue;
    const [port, protocol] = [Number(match[1]), match[2]!];
    keep(names, port, protocol, name!);
    for (const each of [name!, ...aliases]) keep(ports, each, protocol, port);
  }
  return {
    name: (port, protocol) => names.get(`${port}/${protocol ?? ""}`),
    port: (name, protocol) => ports.get(`${name}/${protocol ?? ""}`),
  };
}

/** Reads a file of names and numbers, as /etc/protocols or /etc/rpc. @returns name by number, the first counts */
export function readNumberNames(files: Files, path: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, number] of entries(files, path)) {
    const key = Number(number);
    if (!names.has(key)) names.set(key, name!);
  }
  return names;
}
