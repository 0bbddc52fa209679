/**
 * Loads families when they are needed: a short run reads the code of those alone that it lists. What must not wait
 * (the library's sync functions, commands that run for long) imports all.ts instead.
 */
import type { DiagMessage } from "../diag/message.ts";
import type { Kind } from "../model/selection.ts";
import type { Family } from "./family.ts";
import type { SocketsByKind } from "./socket.ts";

/** Families that are loaded. A listing may load that of inet late: when it needs the view of a socket. */
export type Families = { readonly [K in Exclude<Kind, "inet">]?: Family<SocketsByKind[K]> } & {
  inet?: Family<SocketsByKind["inet"]>;
};

/** How to load each family. */
const loaders: { readonly [K in Kind]: () => Promise<Family<SocketsByKind[K]>> } = {
  inet: async () => (await import("./inet/index.ts")).inet,
  unix: async () => (await import("./unix/index.ts")).unix,
  packet: async () => (await import("./packet/index.ts")).packet,
  netlink: async () => (await import("./netlink/index.ts")).netlink,
  vsock: async () => (await import("./vsock/index.ts")).vsock,
  tipc: async () => (await import("./tipc/index.ts")).tipc,
  xdp: async () => (await import("./xdp/index.ts")).xdp,
};

/** Loads the families of some kinds of sockets. */
export async function loadFamilies(kinds: Iterable<Kind>): Promise<Families> {
  const families: Partial<Record<Kind, unknown>> = {};
  const loading: Promise<void>[] = [];
  const load = async (kind: Kind) => {
    families[kind] = await loaders[kind]();
  };
  for (const kind of kinds) loading.push(load(kind));
  if (loading.length > 0) await Promise.all(loading);
  return families as Families;
}

/** Loads the family of inet into families that may lack it. */
export async function loadInet(families: Families): Promise<void> {
  families.inet ??= await loaders.inet();
}

/** The family of a kind of socket. @throws TypeError if it was not loaded */
export function familyOf(families: Families, kind: Kind): Family<DiagMessage> {
  const family = families[kind];
  if (family === undefined) throw new TypeError(`the family ${kind} is not loaded`);
  return family as unknown as Family<DiagMessage>;
}
