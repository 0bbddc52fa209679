/** The target of `who`: a port, an address or a process. */
import type { Services } from "../../../enrich/services.ts";
import type { JsonObject } from "../../../model/json.ts";

/** A port, an end of a socket by its address, or a process. */
export type Target =
  | { readonly kind: "port"; readonly port: number }
  | {
      readonly kind: "address";
      /** An IPv4 address, an IPv6 address without brackets, a prefix of either, or a host name. */
      readonly host: string;
      readonly port: number | undefined;
    }
  | { readonly kind: "process"; readonly pid: number };

/** What was typed: a bare number may be a port or a process. */
export interface TypedTarget {
  readonly target: Target;
  /** What it means if no socket has the port. */
  readonly otherwise?: Target;
}

const HIGHEST_PORT = 65_535;
/** The highest process id that Linux can be set to give. proc(5), pid_max. */
const HIGHEST_PID = 4_194_304;

/** How targets are written, for error messages. */
export const targetSpelling =
  "a port, an address, ADDRESS:PORT or a process (8080, 10.0.0.5, [::1]:80, pid=42)";

function portOf(text: string, services: () => Services): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= HIGHEST_PORT ? Number(text) : undefined;
  return services().port(text, undefined);
}

function readNumber(text: string): TypedTarget | undefined {
  const number = Number(text);
  const process = { kind: "process", pid: number } as const;
  if (number <= HIGHEST_PORT) {
    const target = { kind: "port", port: number } as const;
    return number === 0 ? undefined : { target, otherwise: process };
  }
  return number <= HIGHEST_PID ? { target: process } : undefined;
}

/** Reads an operand. @param services names of ports @returns undefined if it is none */
export function readTarget(text: string, services: () => Services): TypedTarget | undefined {
  if (/^\d+$/.test(text)) return readNumber(text);
  const pid = /^pid[=:](\d{1,7})$/.exec(text)?.[1];
  if (pid !== undefined) return { target: { kind: "process", pid: Number(pid) } };
  const only = /^:(.+)$/.exec(text)?.[1];
  if (only !== undefined && !only.includes(":")) {
    const port = portOf(only, services);
    return port === undefined ? undefined : { target: { kind: "port", port } };
  }
  const bracketed = /^\[([0-9a-fA-F:.]+(?:\/\d+)?)\](?::(.+))?$/.exec(text);
  const bare = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:\/\d+)?)$/.exec(text);
  const plain = /^([A-Za-z0-9._/-]+)(?::(.+))?$/.exec(text);
  const match = bracketed ?? bare ?? plain;
  if (match === null) return undefined;
  const [, host, portText] = match;
  if (portText === undefined && match === plain && /^[a-z]/.test(host!)) {
    const service = services().port(host!, undefined);
    if (service !== undefined) return { target: { kind: "port", port: service } };
  }
  const port = portText === undefined ? undefined : portOf(portText, services);
  if (portText !== undefined && port === undefined) return undefined;
  return { target: { kind: "address", host: host!, port } };
}

/** The filter for the sockets whose own end, or whose other end, is the target. */
export function targetFilter(target: Exclude<Target, { kind: "process" }>, end: "own" | "other"): string[] {
  if (target.kind === "port") return [end === "own" ? "sport" : "dport", "=", `:${target.port}`];
  const { host, port } = target;
  const address = host.includes(":")
    ? `[${host.replace(/\/\d+$/, "")}]${/\/\d+$/.exec(host)?.[0] ?? ""}`
    : host;
  return [end === "own" ? "src" : "dst", port === undefined ? address : `${address}:${port}`];
}

/** The target in words: `port 80`, `10.0.0.5`, `process 42`. */
export function targetText(target: Target): string {
  if (target.kind === "port") return `port ${target.port}`;
  if (target.kind === "process") return `process ${target.pid}`;
  const { host, port } = target;
  return port === undefined ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The target in JSON. */
export function targetObject(target: Target): JsonObject {
  if (target.kind === "port") return { port: target.port };
  if (target.kind === "process") return { pid: target.pid };
  return { address: target.host, ...(target.port === undefined ? {} : { port: target.port }) };
}
