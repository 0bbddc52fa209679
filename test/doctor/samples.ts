/** Builds the input of rules: sockets as the kernel would send them, counters, facts about the host. */
import { type Field, type Layout, writeField } from "../../src/bytes/layout.ts";
import { skMemInfo } from "../../src/diag/memory.ts";
import type { Finding, Rule } from "../../src/doctor/rule.ts";
import type { HostFacts, ProcessFact, Samples } from "../../src/doctor/sample.ts";
import type { Owner } from "../../src/enrich/processes.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../../src/families/inet/layouts/inet-diag.ts";
import { mptcpInfo } from "../../src/families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../../src/families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../../src/families/inet/socket.ts";
import {
  NETLINK_DIAG_MESSAGE_SIZE,
  netlinkAttributes,
  netlinkDiagMessage,
} from "../../src/families/netlink/layout.ts";
import { NetlinkDiagSocket } from "../../src/families/netlink/socket.ts";
import type { Socket } from "../../src/families/socket.ts";
import { UNIX_DIAG_MESSAGE_SIZE, unixAttributes, unixDiagMessage } from "../../src/families/unix/layout.ts";
import { UnixSocket } from "../../src/families/unix/socket.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_MPTCP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "../../src/model/family.ts";
import { SS_CLOSE, stateMask } from "../../src/model/state.ts";
import { type AttributeToWrite, encodeAttributes } from "../../src/netlink/message.ts";
import { ipv4, ipv6 } from "./addresses.ts";

const encoder = new TextEncoder();
const SIZE = 512;

/** Values for the fields of a layout. */
type Values<L extends Layout> = Readonly<Partial<Record<keyof L & string, number>>>;

/** A struct with some of its fields set and the others 0. */
function struct<L extends Layout>(layout: L, values: Values<L>, size = SIZE): Uint8Array {
  const bytes = new Uint8Array(size);
  const data = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries(values)) {
    const field = layout[name] as Field & { readonly bits?: readonly [number, number] };
    if (field.bits === undefined) writeField(field, data, 0, value as number);
    else bytes[field.offset]! |= (value as number) << field.bits[0];
  }
  return bytes;
}

/** The number of a state by the word that filters use. */
function stateNumber(word: string): number {
  return Math.log2(stateMask(word)!);
}

let cookies = 0n;

/** What a TCP or UDP socket has; the rest is 0. Addresses are written `10.0.0.1:80` or `[::1]:80`. */
export interface InetValues {
  /** A state word of ss filters, such as `established`. */
  readonly state?: string;
  readonly local?: string;
  readonly peer?: string;
  readonly rqueue?: number;
  readonly wqueue?: number;
  readonly inode?: number;
  readonly timer?: number;
  readonly expires?: number;
  readonly retransmits?: number;
  readonly info?: Values<typeof tcpInfo>;
  readonly mptcp?: Values<typeof mptcpInfo>;
  readonly memory?: Values<typeof skMemInfo>;
  /** Sockets with the same cookie are the same socket in two samples; left out, a new one. */
  readonly cookie?: bigint;
}

function endpointOf(text: string): { bytes: Uint8Array; port: number; isIpv6: boolean } {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[|\]$/g, "");
  const isIpv6 = host.includes(":");
  return { bytes: isIpv6 ? ipv6(host) : ipv4(host), port: Number(text.slice(at + 1)), isIpv6 };
}

function inet(protocol: number, values: InetValues): InetSocket {
  const { state = "established", local = "10.0.0.1:8080", peer, info, mptcp, memory } = values;
  const from = endpointOf(local);
  const to = endpointOf(peer ?? (from.isIpv6 ? "[::]:0" : "0.0.0.0:0"));
  const attributes: AttributeToWrite[] = [];
  if (info !== undefined) attributes.push({ type: inetAttributes.info.id, payload: struct(tcpInfo, info) });
  if (mptcp !== undefined)
    attributes.push({ type: inetAttributes.info.id, payload: struct(mptcpInfo, mptcp) });
  if (memory !== undefined)
    attributes.push({ type: inetAttributes.skMemInfo.id, payload: struct(skMemInfo, memory, 36) });
  const message = struct(
    inetDiagMessage,
    {
      familyNumber: from.isIpv6 ? AF_INET6 : AF_INET,
      stateNumber: stateNumber(state),
      timerNumber: values.timer ?? 0,
      retransmits: values.retransmits ?? 0,
      sport: from.port,
      dport: to.port,
      expires: values.expires ?? 0,
      rqueue: values.rqueue ?? 0,
      wqueue: values.wqueue ?? 0,
      inode: values.inode ?? 0,
    },
    INET_DIAG_MESSAGE_SIZE,
  );
  const bytes = new Uint8Array([...message, ...encodeAttributes(attributes)]);
  const data = new DataView(bytes.buffer);
  writeField(inetDiagMessage.cookie, data, 0, values.cookie ?? ++cookies);
  const socket = new InetSocket(data, 0, bytes.length, { protocol, describe: () => ({}) });
  bytes.set(from.bytes, socket.sourceOffset);
  bytes.set(to.bytes, socket.destinationOffset);
  return socket;
}

/** A TCP socket, established unless told otherwise. */
export const tcp = (values: InetValues = {}): InetSocket => inet(IPPROTO_TCP, values);
/** A UDP socket, unconnected unless told otherwise. */
export const udp = (values: InetValues = {}): InetSocket =>
  inet(IPPROTO_UDP, { state: "unconnected", ...values });
/** An MPTCP connection. */
export const mptcp = (values: InetValues = {}): InetSocket => inet(IPPROTO_MPTCP, values);

/** A TCP listener. @param backlog Send-Q */
export function listener(local: string, values: InetValues & { backlog?: number } = {}): InetSocket {
  return tcp({ state: "listening", local, wqueue: values.backlog ?? 128, ...values });
}

/** The same socket in another sample: the values of the first, and those that changed. */
export function inBoth(values: InetValues, changed: InetValues = {}): readonly [InetSocket, InetSocket] {
  const cookie = ++cookies;
  return [
    tcp({ ...values, cookie }),
    tcp({ ...values, ...changed, info: { ...values.info, ...changed.info }, cookie }),
  ];
}

/** A UNIX listener. */
export function unixListener(name: string, rqueue: number, backlog: number, inode = 0): UnixSocket {
  const message = struct(
    unixDiagMessage,
    { familyNumber: AF_UNIX, type: 1, stateNumber: stateNumber("listening"), inode },
    UNIX_DIAG_MESSAGE_SIZE,
  );
  const queues = new Uint8Array(new Uint32Array([rqueue, backlog]).buffer);
  const attributes = encodeAttributes([
    { type: unixAttributes.name.id, payload: encoder.encode(name) },
    { type: unixAttributes.rqlen.id, payload: queues },
  ]);
  const bytes = new Uint8Array([...message, ...attributes]);
  return new UnixSocket(new DataView(bytes.buffer), 0, bytes.length, { protocol: 0, describe: () => ({}) });
}

/** A netlink socket that has dropped messages. */
export function netlink(drops: number, inode = 0, portId = ++cookies): NetlinkDiagSocket {
  const message = struct(netlinkDiagMessage, { familyNumber: AF_NETLINK, inode }, NETLINK_DIAG_MESSAGE_SIZE);
  const memory = { type: netlinkAttributes.memInfo.id, payload: struct(skMemInfo, { drops }, 36) };
  const bytes = new Uint8Array([...message, ...encodeAttributes([memory])]);
  const data = new DataView(bytes.buffer);
  writeField(netlinkDiagMessage.cookie, data, 0, portId);
  return new NetlinkDiagSocket(data, 0, bytes.length, { protocol: 0, describe: () => ({}) });
}

/** A process with the sockets of some inodes. */
export function owner(pid: number, name: string, state = "S"): Owner {
  const stat = encoder.encode(`${pid} (${name}) ${state} 1 1 1 0 -1 0`);
  return { pid, tid: pid, fd: 3, stat, processContext: undefined, socketContext: undefined };
}

/** A process in the table of processes. */
export function processFact(pid: number, name: string, more: Partial<ProcessFact> = {}): ProcessFact {
  return { pid, name, state: "S", executable: `/usr/bin/${name}`, ...more };
}

/** What a rule is given; what is left out is empty. */
export interface Scene {
  readonly sockets?: readonly Socket[];
  /** The second sample; left out, there is one sample only, unless counters or `elapsedMs` say otherwise. */
  readonly again?: readonly Socket[];
  readonly counters?: Readonly<Record<string, number>>;
  readonly countersAgain?: Readonly<Record<string, number>>;
  readonly elapsedMs?: number;
  /** Files below /proc. */
  readonly files?: Readonly<Record<string, string>>;
  /** Owners by inode. */
  readonly owners?: Readonly<Record<number, readonly Owner[]>>;
  readonly facts?: Partial<HostFacts>;
}

/** The time between the samples of a scene with two. */
export const ELAPSED_MS = 2000;

/** The facts of a scene. */
export function factsOf({ files = {}, owners = {}, facts }: Scene): HostFacts {
  return {
    netns: undefined,
    file: (path) => files[path],
    numbers: (path) => (files[path] ?? "").match(/\d+/g)?.map(Number) ?? [],
    owners: (inode) => owners[inode] ?? [],
    commandLine: () => [],
    processes: () => [],
    processState: (pid) => facts?.processes?.().find((each) => each.pid === pid)?.state,
    socketsOf: (pid) =>
      new Set(
        Object.entries(owners).flatMap(([inode, all]) =>
          all.some((each) => each.pid === pid) ? Number(inode) : [],
        ),
      ),
    unreadable: () => [],
    unlisted: () => [],
    descriptors: () => [],
    addresses: () => undefined,
    newcomers: () => [],
    ...facts,
  };
}

/** The table that lists a socket. */
function tableOf(socket: Socket): string {
  if (socket.kind !== "inet") return socket.kind;
  const tables: Record<number, string> = {
    [IPPROTO_TCP]: "tcp",
    [IPPROTO_UDP]: "udp",
    [IPPROTO_MPTCP]: "mptcp",
  };
  return tables[socket.origin.protocol]!;
}

/**
 * Runs a rule on a scene, with its own thresholds unless others are given: only sockets of its tables and states
 * reach it, as in an examination.
 */
export function check(rule: Rule, scene: Scene, changed: Readonly<Record<string, number>> = {}): Finding[] {
  const thresholds = {
    ...Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
    ...changed,
  };
  const facts = factsOf(scene);
  const { sockets: gathering } = rule;
  const collect = (sockets: readonly Socket[], states: number) => {
    const collector = gathering?.collect(thresholds);
    for (const socket of sockets) {
      const state = socket.kind === "inet" || socket.kind === "unix" ? socket.stateNumber : SS_CLOSE;
      if (gathering?.tables.some((table) => table === tableOf(socket)) && ((1 << state) & states) !== 0)
        collector!.see(socket);
    }
    return collector?.gathered;
  };
  const states = gathering?.states ?? 0;
  const gathered = collect(scene.sockets ?? [], states);
  const hasTwo =
    scene.again !== undefined || scene.countersAgain !== undefined || scene.elapsedMs !== undefined;
  const elapsedMs = scene.elapsedMs ?? (hasTwo ? ELAPSED_MS : 0);
  if (elapsedMs === 0 && rule.rate === true) return [];
  let gatheredAgain = gathered;
  if (elapsedMs > 0 && gathering?.again !== undefined) {
    const picked = gathering.again(gathered, thresholds);
    const wanted = picked === "all" ? undefined : new Set(picked.map(({ cookie }) => cookie));
    const again = (scene.again ?? scene.sockets ?? []).filter(
      ({ cookie }) => wanted === undefined || wanted.has(cookie),
    );
    gatheredAgain = collect(again, gathering.statesAgain ?? states);
  }
  const inodes = new Set(
    [gathered, gatheredAgain].flatMap((each) => [...(gathering?.inodes?.(each, facts) ?? [])]),
  );
  const samples: Samples<unknown> = {
    ...facts,
    // Only owners that the rule has asked for are known, as in an examination.
    owners: (inode) => (inodes.has(inode) ? facts.owners(inode) : []),
    first: { gathered, counters: new Map(Object.entries(scene.counters ?? {})) },
    last: {
      gathered: gatheredAgain,
      counters: new Map(Object.entries(scene.countersAgain ?? scene.counters ?? {})),
    },
    elapsedMs,
    thresholds,
  };
  return rule.check(samples);
}
