/** Where the server listens: the address as typed, the names that it has there, and the UNIX socket's file. */
import { lstatSync, type Stats, statSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import type { Address } from "./server.ts";

/** How addresses are written, for error messages. */
export const addressSpelling = "ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH";

/** The port unless another one is named. */
export const DEFAULT_PORT = 7787;

/** Bytes of a path that fit into struct sockaddr_un with the NUL behind it. unix(7). */
const UNIX_PATH_BYTES = 107;

/** Only we may connect to the UNIX socket. */
export const SOCKET_UMASK = 0o177;

/**
 * Reads an address. A port alone means the loopback address.
 *
 * @returns undefined if it is not an address; a UNIX path must be a file, and fit into the kernel's struct
 */
export function readAddress(text: string): Address | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    const isFile = path !== "" && !path.startsWith("@") && !path.includes("\0");
    return isFile && Buffer.byteLength(path) <= UNIX_PATH_BYTES ? { kind: "unix", path } : undefined;
  }
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text);
  if (match === null || Number(match[2]) > 0xffff) return undefined;
  const hostname = (match[1] ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  return { kind: "tcp", hostname, port: Number(match[2]) };
}

/** Whether only programs of this machine can reach an address. */
export function isLocal(address: Address): boolean {
  if (address.kind === "unix") return true;
  const { hostname } = address;
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** An address as it stands in `Host`. */
function bracketed(address: string): string {
  return (address.includes(":") ? `[${address.replace(/%.*$/, "")}]` : address).toLowerCase();
}

/**
 * The names that requests may use for a server: those of the loopback, its address, and those that the user adds. A
 * server on every address also has the addresses of all interfaces.
 */
export function namesOf(address: Address, added: readonly string[]): ReadonlySet<string> {
  const names = ["localhost", "127.0.0.1", "::1", ...added];
  if (address.kind === "tcp") {
    const { hostname } = address;
    names.push(hostname);
    if (hostname === "0.0.0.0" || hostname === "::")
      for (const each of Object.values(networkInterfaces()).flat()) if (each) names.push(each.address);
  }
  return new Set(names.map(bracketed));
}

/** The address of the page, without the token. */
export function pageUrl(address: Address, port: number | undefined, tls: boolean): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { hostname } = address;
  const reachable = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  return `${tls ? "https" : "http"}://${bracketed(reachable)}:${port}/`;
}

/** Whether a program answers at a UNIX socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A file at a path that the socket cannot take. The message is one line. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

const ANYBODY_WRITES = 0o002;
const STICKY = 0o1000;

/**
 * Makes room for a UNIX socket: removes the socket that a killed server has left, and nothing else.
 *
 * @throws ListenError if there is something else, or the folder lets others replace the socket
 */
export async function makeRoom(path: string): Promise<void> {
  let folder: Stats;
  try {
    folder = statSync(dirname(path));
  } catch {
    throw new ListenError(`there is no folder ${dirname(path)}`);
  }
  if ((folder.mode & ANYBODY_WRITES) !== 0 && (folder.mode & STICKY) === 0)
    throw new ListenError(`anybody can replace files in ${dirname(path)}`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new ListenError(`${path} exists and is not a socket`);
  if (found.uid !== process.geteuid?.()) throw new ListenError(`${path} belongs to another user`);
  if (await isAnswered(path)) throw new ListenError(`another program listens on ${path}`);
  unlinkSync(path);
}

/** Remembers a file that we have made, and removes it if it is still the same. */
export function removerOf(path: string): () => void {
  const { ino, dev } = lstatSync(path);
  return () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.ino === ino && found.dev === dev) unlinkSync(path);
  };
}
