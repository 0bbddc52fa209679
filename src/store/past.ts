/**
 * The machine as it was: a host whose kernel is played from stored messages, and whose /proc has the processes that
 * had sockets open. Everything that lists sockets works on it as on a live one.
 */
import { allFamilies } from "../families/all.ts";
import { INET_DIAG_REQ_PROTOCOL } from "../families/inet/layouts/inet-diag.ts";
import { inetRequest } from "../families/inet/request.ts";
import type { Files, Host, HostNamespace, Resolver } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { demands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import { type DumpName, dumpOrder, kindOfDump, tables } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { NETLINK_SOCK_DIAG, NLM_F_MULTI, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { DUMP_SEQUENCE, encodeDumpRequest } from "../netlink/dump.ts";
import { u32Payload } from "../netlink/message.ts";
import type { Transport } from "../netlink/transport.ts";
import { parseCgroups } from "../replay/folder.ts";
import { REPLAY_PORT, replayTransport } from "../replay/kernel.ts";
import { decodePcap } from "../replay/pcap.ts";
import { type Conversation, type ProtocolRecording, readRecording } from "../replay/recording.ts";
import { groupName, timesToAges } from "./image.ts";
import type { StoredMessage } from "./image-decoder.ts";
import type { StoredOwners } from "./owners.ts";
import type { Moment } from "./reader.ts";
import type { StoredContext, StoredPlace, StoredProcess } from "./rows.ts";
import { statText } from "./stat-text.ts";

/** Names of what is noted beside sockets, where it is no file below /proc. */
export const contextNames = { links: "links", cgroups: "cgroups" } as const;

/** Files below /proc that listings of the past read. */
export const contextFiles = [
  "net/sockstat",
  "net/sockstat6",
  "net/snmp",
  "sys/net/ipv4/ip_local_port_range",
] as const;

/** What a past machine is made of. */
export interface PastFacts {
  /** Messages of a place, request and family, in the kernel's order. */
  messages(place: number, dump: number, family: number): readonly StoredMessage[];
  /** Milliseconds since boot to which stored times are turned into ages; undefined if messages have ages. */
  readonly agesAtMs: number | undefined;
  readonly owners: StoredOwners;
  readonly processes: readonly StoredProcess[];
  readonly places: readonly StoredPlace[];
  readonly context: readonly StoredContext[];
  /** When the machine was booted, in milliseconds since 1970; undefined if unknown. */
  readonly bootedMs: number | undefined;
  /** The name of the machine; undefined if unknown. */
  readonly hostName?: string;
}

/** The facts of a moment. */
export function factsOf({
  image,
  owners,
  processes,
  places,
  context,
  wallMs,
  bootMs,
  run,
}: Moment): PastFacts {
  return {
    messages: (place, dump, family) => image.get(groupName({ place, dump, family }))?.messages ?? [],
    agesAtMs: bootMs,
    owners,
    processes,
    places,
    context,
    bootedMs: wallMs - bootMs,
    hostName: run.host,
  };
}

/** Bytes of a datagram at most, as the kernel's. */
const DATAGRAM = 1 << 15;
const WORD = 4;
const HEADER_WORDS = NLMSG_HDRLEN / WORD;

/** Messages as datagrams of the kernel. */
function datagramsOf(
  messages: readonly StoredMessage[],
  family: number,
  agesAtMs: number | undefined,
): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  let buffer = new Uint32Array(DATAGRAM / WORD);
  let at = 0;
  const finish = () => {
    if (at > 0) datagrams.push(new Uint8Array(buffer.buffer, 0, at * WORD));
    at = 0;
  };
  for (const { words, length } of messages) {
    const end = at + HEADER_WORDS + words.length;
    if (end > DATAGRAM / WORD) {
      finish();
      buffer = new Uint32Array(Math.max(DATAGRAM / WORD, HEADER_WORDS + words.length));
    }
    buffer[at] = NLMSG_HDRLEN + length;
    buffer[at + 1] = SOCK_DIAG_BY_FAMILY | (NLM_F_MULTI << 16);
    buffer[at + 2] = DUMP_SEQUENCE;
    buffer[at + 3] = REPLAY_PORT;
    const from = at + HEADER_WORDS;
    at = from + words.length;
    buffer.set(words, from);
    if (agesAtMs !== undefined) timesToAges(buffer, { family }, agesAtMs, from, at);
  }
  finish();
  return datagrams;
}

const everything = new Set(Object.keys(demands) as (keyof typeof demands)[]);

/** The request that lists a table, as the query makes it. */
function requestOf(dump: DumpName, family: number): Uint8Array {
  const kind = kindOfDump(dump);
  if (kind === "inet") {
    const protocol = inetTables[dump as InetTable];
    const wide = protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
    return encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(family, protocol, 0xff, stateGroups.all), wide);
  }
  const { dump: listing } = allFamilies[kind];
  if (listing === undefined) throw new TypeError(`no request lists ${dump}`);
  return encodeDumpRequest(SOCK_DIAG_BY_FAMILY, listing.request(everything, stateGroups.all));
}

/** The families that a request lists one by one. */
function familiesOf(dump: DumpName): readonly number[] {
  if (kindOfDump(dump) === "inet") return [AF_INET, AF_INET6];
  return Object.values(tables).find((row) => row.dump === dump)!.families;
}

/** Facts that may be of another moment at the next reading. */
type Facts = () => PastFacts;

/** Something that is made of facts when it is read first, and again when they are of another moment. */
function madeOf<T>(facts: Facts, make: (facts: PastFacts) => T): () => T {
  let made: { readonly of: PastFacts; readonly value: T } | undefined;
  return () => {
    const of = facts();
    if (made?.of !== of) made = { of, value: make(of) };
    return made.value;
  };
}

/** The number that the store has for a network namespace at the moment; -1 if it was not there. */
function placeNumber({ places }: PastFacts, inode: number): number {
  return places.find((place) => place.inode === inode)?.id ?? -1;
}

/** A request with an answer that is made when it is read. */
function conversationOf(facts: Facts, inode: number, dump: DumpName, family: number): Conversation {
  const index = dumpOrder.indexOf(dump);
  const answer = madeOf(facts, (of) =>
    datagramsOf(of.messages(placeNumber(of, inode), index, family), family, of.agesAtMs),
  );
  return {
    request: requestOf(dump, family),
    get answer() {
      return answer();
    },
  };
}

/** The kernel of a network namespace. Its interfaces are those of the first moment. */
function pastTransport(facts: Facts, inode: number): Transport {
  const conversations = dumpOrder.flatMap((dump) =>
    familiesOf(dump).map((family) => conversationOf(facts, inode, dump, family)),
  );
  const recording = new Map<number, ProtocolRecording>([
    [NETLINK_SOCK_DIAG, { conversations, multicasts: [] }],
  ]);
  const place = placeNumber(facts(), inode);
  const links = facts().context.find((each) => each.place === place && each.name === contextNames.links);
  if (links !== undefined)
    for (const [protocol, each] of readRecording(decodePcap(links.data, "links")))
      if (protocol !== NETLINK_SOCK_DIAG) recording.set(protocol, each);
  return replayTransport(recording);
}

const encoder = new TextEncoder();
const USER_HZ = 100;
const MS_PER_SECOND = 1000;

/** The error for a file that does not exist. */
function notFound(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
    code: "ENOENT",
    errno: -2,
  });
}

const PROC = /^\/proc(?:\/|$)/;
const PROCESS = /^\/proc\/(\d+)(?:\/task\/(\d+))?(?:\/(.*))?$/;

/** Whether two rows are the same process: it may have another name since it runs another program. */
function isSame(one: StoredProcess, other: StoredProcess): boolean {
  return one.pid === other.pid && one.start_ticks === other.start_ticks;
}

/** A process that had sockets open: its row, and its descriptors with the inodes of their sockets. */
interface PastProcess {
  readonly row: StoredProcess;
  readonly descriptors: [fd: number, inode: number][];
}

/** What /proc has of a moment, in one network namespace. */
interface PastProc {
  readonly processes: ReadonlyMap<number, PastProcess>;
  /** Files that are no process's, by path. */
  readonly fixed: ReadonlyMap<string, Uint8Array>;
}

function procOf(facts: PastFacts, inode: number): PastProc {
  const rows = new Map(facts.processes.map((row) => [row.id, row]));
  const processes = new Map<number, PastProcess>();
  for (const [inode, owners] of facts.owners)
    for (const { process, fd } of owners) {
      const row = rows.get(process);
      if (row === undefined) continue;
      let found = processes.get(row.pid);
      if (found === undefined) {
        found = { row, descriptors: [] };
        processes.set(row.pid, found);
      }
      // Over a long span two processes may have had one id. Of these, only the first is shown.
      if (!isSame(found.row, row)) continue;
      found.descriptors.push([fd, inode]);
    }
  for (const { descriptors } of processes.values()) descriptors.sort((a, b) => a[0] - b[0]);
  const place = placeNumber(facts, inode);
  const fixed = new Map<string, Uint8Array>(
    facts.context.filter((each) => each.place === place).map(({ name, data }) => [`/proc/${name}`, data]),
  );
  if (facts.bootedMs !== undefined && !fixed.has("/proc/stat"))
    fixed.set("/proc/stat", encoder.encode(`btime ${Math.round(facts.bootedMs / MS_PER_SECOND)}\n`));
  if (facts.hostName !== undefined)
    fixed.set("/proc/sys/kernel/hostname", encoder.encode(`${facts.hostName}\n`));
  return { processes, fixed };
}

/** /proc as it was, of the processes that had sockets open; everything else from the machine. */
function pastFiles(facts: Facts, inode: number, elsewhere: Files): Files {
  const proc = madeOf(facts, (of) => procOf(of, inode));

  /** The process and the rest of a path below /proc/PID. */
  function lookUp(path: string): { readonly process: PastProcess; readonly rest: string } | undefined {
    const match = PROCESS.exec(path.replace(/\/+$/, ""));
    if (match === null || (match[2] !== undefined && match[2] !== match[1])) return undefined;
    const process = proc().processes.get(Number(match[1]));
    return process && { process, rest: match[3] ?? "" };
  }

  const readers: Readonly<Record<string, (row: StoredProcess) => Uint8Array | undefined>> = {
    stat: ({ pid, name, start_ticks }) => statText(pid, name, start_ticks),
    cmdline: (row) => row.arguments ?? undefined,
    status: ({ uid }) =>
      uid === null ? undefined : encoder.encode(`Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`),
    cgroup: ({ cgroup }) => (cgroup === null ? undefined : encoder.encode(cgroup)),
  };

  return {
    read(path, bound) {
      if (!PROC.test(path)) return elsewhere.read(path, bound);
      const found = lookUp(path);
      const bytes = found === undefined ? proc().fixed.get(path) : readers[found.rest]?.(found.process.row);
      if (bytes === undefined) throw notFound(path);
      return bound === undefined ? bytes : bytes.subarray(0, bound.limit + 1);
    },
    list(path) {
      if (!PROC.test(path)) return elsewhere.list(path);
      if (path === "/proc" || path === "/proc/")
        return [...proc().processes.keys()].sort((a, b) => a - b).map((pid) => `${pid}`);
      const found = lookUp(path);
      if (found?.rest === "fd") return found.process.descriptors.map(([fd]) => `${fd}`);
      if (found?.rest === "task") return [`${found.process.row.pid}`];
      throw notFound(path);
    },
    link(path) {
      if (!PROC.test(path)) return elsewhere.link(path);
      const found = lookUp(path);
      if (found === undefined) return undefined;
      const { process, rest } = found;
      if (rest === "exe") return process.row.exe ?? undefined;
      const fd = /^fd\/(\d+)$/.exec(rest)?.[1];
      const descriptor = process.descriptors.find(([number]) => `${number}` === fd);
      return descriptor && `socket:[${descriptor[1]}]`;
    },
    securityContext: (path) => (PROC.test(path) ? undefined : elsewhere.securityContext(path)),
    sockets(directory, visit) {
      const found = lookUp(directory);
      if (found?.rest !== "fd") return false;
      for (const [fd, inode] of found.process.descriptors) visit(fd, inode);
      return true;
    },
  };
}

/** A duration in clock ticks, as /proc counts it. */
export function ticksOf(ms: number): number {
  return Math.round((ms * USER_HZ) / MS_PER_SECOND);
}

/** The network namespace of a row. */
function netnsOf({ inode, name, pid }: StoredPlace): Netns {
  return { inode, name: name ?? undefined, pid: pid ?? undefined };
}

/** The machine as it was. @param elsewhere the files of this machine */
export function pastHost(facts: PastFacts, elsewhere: Files, resolver: Resolver): Host {
  return movingHost(() => facts, elsewhere, resolver);
}

/**
 * A past machine that moves in time. Names of hosts are looked up now, and files outside of /proc are those of this
 * machine.
 *
 * @param facts gives those of the present moment, always of the same network namespaces
 * @param elsewhere the files of this machine
 */
export function movingHost(facts: Facts, elsewhere: Files, resolver: Resolver): Host {
  const tree = madeOf(facts, ({ context }) => {
    const cgroups = context.find(({ name }) => name === contextNames.cgroups);
    return cgroups && parseCgroups(new TextDecoder().decode(cgroups.data));
  });
  const hostOf = (inode: number): Host => ({
    transport: pastTransport(facts, inode),
    files: pastFiles(facts, inode, elsewhere),
    resolver,
    bpf: async () => ({ map: () => -2, btf: () => undefined }),
    cgroups: tree,
  });
  // The same at each moment, so that its sockets are known again.
  const known = new Map<number, HostNamespace>();
  const namespaceOf = (place: StoredPlace): HostNamespace => {
    const found = known.get(place.inode) ?? { host: hostOf(place.inode), netns: netnsOf(place) };
    known.set(place.inode, found);
    return found;
  };
  // The recorder notes its own network namespace first.
  return {
    ...hostOf(facts().places[0]?.inode ?? 0),
    namespaces: () => facts().places.map(namespaceOf),
  };
}
