/**
 * Gives up the capabilities that serving does not need, in every thread. capabilities(7)
 *
 * The runtime has threads before our first instruction, and capset(2) is about one thread. So the process narrows what
 * an executed program can have, and executes itself: the new program begins with one thread, and all later ones
 * inherit from it.
 */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { libc } from "#libc";
import { systemMessage } from "../native/errno.ts";
import type { Address } from "./server.ts";

/** Capabilities by their numbers. linux/capability.h. */
export const capabilities = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const;

/** The name of a capability. */
export type Capability = keyof typeof capabilities;

/** What decides which capabilities are needed. */
export interface RightsNeeds {
  readonly address: Address;
  /** Whether network namespaces are entered. */
  readonly entersNamespaces: boolean;
  /** Whether the sockets of this machine are shown, not those of a recording. */
  readonly live: boolean;
}

const PRIVILEGED_PORTS = 1024;

/** The capabilities that a server keeps, if it has them. */
export function neededCapabilities({ address, entersNamespaces, live }: RightsNeeds): readonly Capability[] {
  const binds = address.kind === "tcp" && address.port > 0 && address.port < PRIVILEGED_PORTS;
  return [
    // Processes of other users: the links in /proc/PID/fd, and folders that only their owners may search.
    ...(live ? (["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] as const) : []),
    // Ends of connections, firewall marks, and closing sockets.
    ...(live ? (["CAP_NET_ADMIN"] as const) : []),
    ...(entersNamespaces ? (["CAP_SYS_ADMIN"] as const) : []),
    ...(binds ? (["CAP_NET_BIND_SERVICE"] as const) : []),
  ];
}

/** Requests of prctl(2). linux/prctl.h. */
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
/** _LINUX_CAPABILITY_VERSION_3. */
const CAPABILITY_VERSION = 0x20080522;
const CAPABILITY_BITS = 64;
const U32 = 0xffff_ffffn;
/** Buffers of at most 64 bytes may move, see Libc.address. */
const ROOM = 128;

/** Set for the program that was executed, so that it does not execute itself again. */
const MARK = "SOCKSCOPE_RESTRICTED";

/** The rights of a thread, as /proc shows them. */
interface Rights {
  readonly isRoot: boolean;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivileges: boolean;
}

/** The rights in the text of /proc/PID/status. */
export function readRights(status: string): Rights {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "0";
  const mask = (name: string) => BigInt(`0x${field(name)}`);
  return {
    isRoot: /^Uid:\s*\d+\s+0\s/m.test(status),
    permitted: mask("CapPrm"),
    effective: mask("CapEff"),
    inheritable: mask("CapInh"),
    bounding: mask("CapBnd"),
    ambient: mask("CapAmb"),
    noNewPrivileges: field("NoNewPrivs") === "1",
  };
}

function maskOf(kept: readonly Capability[]): bigint {
  return kept.reduce((mask, name) => mask | (1n << BigInt(capabilities[name])), 0n);
}

/** Whether a thread has nothing beyond what it may keep. */
function isNarrow({ permitted, inheritable, ambient, noNewPrivileges }: Rights, kept: bigint): boolean {
  return noNewPrivileges && ((permitted | inheritable | ambient) & ~kept) === 0n;
}

/** Rights that cannot be given up. The message is one line. */
export class RightsError extends Error {
  override readonly name = "RightsError";
}

function checked(result: number, what: string): void {
  if (result < 0) throw new RightsError(`cannot give up privileges: ${what}: ${libc.strerror(-result)}`);
}

/** Narrows what a program executed by this thread can have. @throws RightsError */
function narrow(rights: Rights, kept: bigint): void {
  const { isRoot, permitted, effective, bounding, ambient } = rights;
  const each = function* (mask: bigint): Generator<number> {
    for (let bit = 0; bit < CAPABILITY_BITS; bit++) if ((mask & (1n << BigInt(bit))) !== 0n) yield bit;
  };
  if ((effective & maskOf(["CAP_SETPCAP"])) !== 0n)
    for (const bit of each(bounding & ~kept)) checked(libc.prctl(PR_CAPBSET_DROP, bit), "PR_CAPBSET_DROP");
  for (const bit of each(ambient & ~kept))
    checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, bit), "PR_CAP_AMBIENT_LOWER");
  const left = permitted & kept;
  // A program that root executes gets what the bounding set allows; those of others what is ambient.
  const inherited = isRoot ? 0n : left;
  const header = new Uint8Array(ROOM);
  new DataView(header.buffer).setUint32(0, CAPABILITY_VERSION, true);
  const data = new Uint8Array(ROOM);
  const view = new DataView(data.buffer);
  for (const [index, mask] of [left, left, inherited].entries()) {
    view.setUint32(index * 4, Number(mask & U32), true);
    view.setUint32(12 + index * 4, Number(mask >> 32n), true);
  }
  checked(libc.capset(header, data), "capset");
  for (const bit of each(inherited))
    checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit), "PR_CAP_AMBIENT_RAISE");
  checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS");
}

/** The strings of a file in which each ends in a NUL. */
function stringsOf(path: string): Uint8Array[] {
  const bytes = readFileSync(path);
  const strings: Uint8Array[] = [];
  for (let from = 0, end = bytes.indexOf(0); end >= 0; from = end + 1, end = bytes.indexOf(0, from))
    strings.push(bytes.subarray(from, end));
  return strings;
}

/** The path of our executable; that of the kernel's link if the file was replaced. */
function executablePath(): string {
  const link = "/proc/self/exe";
  try {
    const path = readlinkSync(link);
    const [named, running] = [statSync(path), statSync(link)];
    if (named.ino === running.ino && named.dev === running.dev) return path;
  } catch {
    // The file is gone.
  }
  return link;
}

/**
 * Gives up all capabilities but the named ones, in every thread. Executes the program again with the same arguments
 * unless it has no others, so call it before anything is opened.
 *
 * @throws RightsError
 */
export function keepOnly(
  kept: readonly Capability[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  const mask = maskOf(kept);
  const rights = readRights(readFileSync("/proc/thread-self/status", "utf8"));
  if (isNarrow(rights, mask)) return;
  if (env[MARK] !== undefined) throw new RightsError("cannot give up privileges: they came back");
  narrow(rights, mask);
  const encoder = new TextEncoder();
  let failed: number;
  try {
    const variables = stringsOf("/proc/self/environ").filter((each) => each.length > 0);
    failed = libc.execve(executablePath(), stringsOf("/proc/self/cmdline"), [
      ...variables,
      encoder.encode(`${MARK}=1`),
    ]);
  } catch (error) {
    throw new RightsError(`cannot give up privileges: ${systemMessage(error)}`);
  }
  checked(failed, "execve");
}
