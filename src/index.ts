/**
 * Lists the sockets of a Linux host, as typed views over the kernel's answers.
 *
 * ```ts
 * import { sockets } from "sockscope";
 *
 * for (const socket of sockets({ tables: ["tcp"], states: ["listening"] })) console.log(socket.toJSON());
 * ```
 *
 * Runs on Bun and on Node ≥ 20. docs/library.md explains it task by task.
 *
 * @module sockscope
 */
import { destroySocket } from "./families/inet/destroy.ts";
import type { InetSocket } from "./families/inet/socket.ts";
import type { Socket } from "./families/socket.ts";
import type { Filter } from "./filter/tree.ts";
import type { Files, Host } from "./host/host.ts";
import { liveFiles, liveHost } from "./host/live.ts";
import { findNamespaces, type Netns, openNamespace } from "./host/namespaces.ts";
import { type DestroyEvent, type Machine, machineOf, type SocketOwner } from "./library/machine.ts";
import type { Abortable, SelectionOptions, SocketsOptions } from "./library/options.ts";
import { NETLINK_SOCK_DIAG } from "./netlink/constants.ts";
import { offThreadTransport, pollingTransport } from "./netlink/deferred.ts";
import { NetlinkError } from "./netlink/errors.ts";
import type { Transport } from "./netlink/transport.ts";
import type { Summary } from "./output/summary.ts";
import { replayHost } from "./replay/host.ts";

export type { StructView } from "./bytes/layout.ts";
export type { InetMemInfo, SkMemInfo } from "./diag/memory.ts";
export type { DiagMessage, MalformedAttribute, Origin } from "./diag/message.ts";
export type { NestedView } from "./diag/nested.ts";
export type { ProcessDetails } from "./enrich/process-details.ts";
export type { DiagFileProblem } from "./families/inet/diag-file.ts";
export type { BpfStorage, BpfStorages } from "./families/inet/layouts/bpf-storage.ts";
export type { BbrInfo, DctcpInfo, VegasInfo } from "./families/inet/layouts/congestion.ts";
export type { Md5Signature } from "./families/inet/layouts/md5.ts";
export type { MptcpInfo } from "./families/inet/layouts/mptcp-info.ts";
export type { SctpInfo, SctpStateName, SocketAddress } from "./families/inet/layouts/sctp-info.ts";
export type { InetSockopt } from "./families/inet/layouts/sockopt.ts";
export type { TcpInfo } from "./families/inet/layouts/tcp-info.ts";
export type { MptcpSubflow, TlsInfo, UlpInfo } from "./families/inet/layouts/ulp.ts";
export type { ProcInetDetails, ProcTcpDetails, ProcTcpInfo } from "./families/inet/proc-details.ts";
export type { InetSocket, Shutdown, Timer } from "./families/inet/socket.ts";
export type { TimerName } from "./families/inet/timer-names.ts";
export type { NetlinkDiagSocket, ProcNetlinkDetails } from "./families/netlink/socket.ts";
export type { PacketDiagInfo, PacketDiagRing, PacketFanout } from "./families/packet/layout.ts";
export type { BpfInstruction, PacketSocket } from "./families/packet/socket.ts";
export type { Socket, SocketsByKind } from "./families/socket.ts";
export type { TipcConnection, TipcSocketNest, TipcStatistics } from "./families/tipc/layout.ts";
export type { TipcSocket } from "./families/tipc/socket.ts";
export type { ProcUnixDetails, UnixSocket } from "./families/unix/socket.ts";
export type { VsockSocket } from "./families/vsock/socket.ts";
export type { XdpDiagInfo, XdpDiagRing, XdpDiagStats, XdpDiagUmem } from "./families/xdp/layout.ts";
export type { XdpSocket } from "./families/xdp/socket.ts";
export type { Prefix } from "./filter/addresses.ts";
export type { FilterErrorKind, FilterPosition } from "./filter/errors.ts";
export { FilterError } from "./filter/errors.ts";
export type {
  AmountOperand,
  FactOperands,
  PatternOperand,
  TimerOperand,
  UserOperand,
} from "./filter/facts.ts";
export { formatFilter } from "./filter/format.ts";
export type {
  CgroupOperand,
  DeviceOperand,
  HostOperand,
  InetHost,
  MarkOperand,
  NamedHost,
  NumberHost,
  SsOperands,
  UnixHost,
} from "./filter/operands.ts";
export type { FilterRelation } from "./filter/relations.ts";
export type {
  Filter,
  FilterJoin,
  FilterKeyword,
  FilterNot,
  FilterOperands,
  FilterPredicate,
} from "./filter/tree.ts";
export type { Files, ReadBound, SweepWorker } from "./host/host.ts";
export type { NamespaceProblem, Netns } from "./host/namespaces.ts";
export type { DestroyEvent, Machine, SocketOwner } from "./library/machine.ts";
export type { Abortable, SelectionOptions, SocketsOptions } from "./library/options.ts";
export type { NameProblem } from "./lookup/names.ts";
export type { InetTable } from "./model/inet-tables.ts";
export type { Json, JsonObject } from "./model/json.ts";
export type { DumpName, Family, Kind, Table } from "./model/selection.ts";
export type { StateName } from "./model/state.ts";
export { DecodeError, NetlinkError } from "./netlink/errors.ts";
export type { NetlinkSocket, Recall, Transport } from "./netlink/transport.ts";
export type { Summary, TransportCounts } from "./output/summary.ts";
export type { FamilyCounts } from "./procfs/sockstat.ts";
export type { Problem } from "./query/list.ts";
export { RecordingError } from "./replay/error.ts";
export { type PlayedSocket, playedKernel } from "./replay/played.ts";

const here = machineOf({ host: liveHost(), dumps: offThreadTransport(), events: pollingTransport() });

/**
 * Lists sockets: tables in ss's order, the sockets of a table in the kernel's order.
 *
 * A socket is a view over the kernel's bytes. A getter decodes its field on each read, and returns `undefined` if the
 * kernel did not send it. A view stays valid as long as you keep it.
 *
 * ```ts
 * for (const socket of sockets({ tables: ["tcp"], info: true, filter: "dport = :443 and rtt > 50ms" }))
 *   if (socket.kind === "inet") console.log(socket.dst, socket.tcpInfo?.rtt);
 * ```
 *
 * @returns an iterable for one pass. The kernel is queried during the iteration, which also throws all errors
 * @throws NetlinkError if no netlink socket can be opened, or the kernel refuses a request
 * @throws RangeError for an unknown table, family or state, and for a namespace that is gone
 * @throws FilterError for a wrong filter, and for a filter with a host name, which needs {@link socketsAsync}
 */
export function sockets(options?: SocketsOptions): Generator<Socket> {
  return here.sockets(options);
}

/**
 * Like {@link sockets}, without blocking the event loop: for servers. Looks up host names in the filter.
 *
 * On Node, the kernel is queried on another thread. On Bun, it is queried on this thread, one datagram at a time, and
 * the event loop runs in between.
 *
 * ```ts
 * const signal = AbortSignal.timeout(1000);
 * let waiting = 0;
 * for await (const socket of socketsAsync({ tables: ["tcp"], states: ["close-wait"], signal })) waiting++;
 * ```
 *
 * @throws the errors of {@link sockets}, and the signal's reason
 */
export function socketsAsync(options?: SocketsOptions & Abortable): AsyncGenerator<Socket> {
  return here.socketsAsync(options);
}

/**
 * Streams TCP and UDP sockets as the kernel destroys them, from the call on, until you leave the loop or abort it.
 * The kernel drops events that are not read in time, which is an event of kind `lost`. Needs CAP_NET_ADMIN.
 *
 * ```ts
 * for await (const event of destroyed({ tables: ["tcp"] }))
 *   if (event.kind === "lost") console.warn("missed", event.count);
 *   else console.log(event.socket.src, event.socket.sport, event.socket.tcpInfo?.totalRetrans);
 * ```
 *
 * @throws NetlinkError if the multicast groups cannot be joined
 * @throws RangeError for an unknown table or family, and for a filter by process
 * @throws FilterError for a wrong filter, and for a filter with a host name
 * @throws during the iteration, the signal's reason
 */
export function destroyed(options?: SelectionOptions & Abortable): AsyncIterableIterator<DestroyEvent> {
  return here.destroyed(options);
}

const ENOENT = 2;

/**
 * Closes a socket by force. Its connection is reset, and the processes that have it open get ECONNABORTED. Needs
 * CAP_NET_ADMIN.
 *
 * ```ts
 * for (const socket of sockets({ tables: ["tcp"], filter: "dst 192.0.2.1" }))
 *   if (socket.kind === "inet") destroy(socket);
 * ```
 *
 * @returns false if the socket was already gone
 * @throws NetlinkError if the kernel refuses: EPERM, or EOPNOTSUPP for a kind of socket that cannot be closed
 * @throws TypeError for a socket that was read from /proc, which lacks the ids that the kernel needs
 * @throws RangeError if the network namespace of the socket is gone
 */
export function destroy(socket: InetSocket): boolean {
  if (socket.procfs !== undefined) throw new TypeError("Cannot destroy a socket that was read from /proc");
  const { transport } = liveHost();
  const { netns } = socket.origin;
  const place = netns && openNamespace(liveFiles, netns.inode);
  if (netns !== undefined && place === undefined)
    throw new RangeError("Cannot destroy a socket whose network namespace is gone");
  const open = () => transport.open(NETLINK_SOCK_DIAG);
  try {
    const conversation = place === undefined ? open() : place.within(open);
    try {
      destroySocket(conversation, socket);
      return true;
    } finally {
      conversation.close();
    }
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENOENT) return false;
    throw error;
  } finally {
    place?.close();
  }
}

/**
 * Counts sockets, like `ss -s`. Reads the kernel's own counters, so it costs the same on any host.
 *
 * ```ts
 * const { tcpStates, transports } = summary();
 * console.log(tcpStates.established, transports.udp.total);
 * ```
 *
 * @throws an error with a system error `code` if /proc cannot be read
 */
export function summary(): Summary {
  return here.summary();
}

/**
 * Finds the processes that have sockets open, in one pass over the descriptors of all processes. Processes that you
 * have no permission to read are left out.
 *
 * ```ts
 * const listeners = [...sockets({ tables: ["tcp"], states: ["listening"] })];
 * const found = owners(listeners.map(({ inode }) => inode ?? 0));
 * for (const { inode } of listeners) console.log(found.get(inode ?? 0)?.map(({ comm, pid }) => `${comm}/${pid}`));
 * ```
 *
 * @param inodes inodes of the sockets to look for; default: all sockets
 * @returns the owners by inode of the socket, in ss's order: the last one found comes first
 */
export function owners(inodes?: Iterable<number>): ReadonlyMap<number, readonly SocketOwner[]> {
  return here.owners(inodes);
}

/**
 * Finds the network namespaces of this host that we have permission to see: those of processes, the named ones of
 * `ip netns`, and those mounted elsewhere.
 *
 * ```ts
 * for (const netns of netnsList())
 *   for (const socket of sockets({ netns, states: ["listening"] })) console.log(netns.name, socket.toJSON());
 * ```
 */
export function netnsList(): readonly Netns[] {
  return findNamespaces(liveFiles).namespaces.map(({ inode, name, pid }) => ({ inode, name, pid }));
}

/**
 * Parses a filter, to check user input or to inspect its syntax tree. `formatFilter` turns the tree back into text.
 * Services, interfaces, users and cgroups are looked up on this host. Host names stay names.
 *
 * ```ts
 * try {
 *   parseFilter("dport = :443 and rtt > 50");
 * } catch (error) {
 *   if (error instanceof FilterError) console.error(error.offset, error.expected);
 * }
 * ```
 *
 * @returns undefined for an empty filter, which matches every socket
 * @throws FilterError for a wrong filter
 */
export function parseFilter(text: string): Filter | undefined {
  return here.parseFilter(text);
}

/**
 * Opens a recording of `sockscope --record`, or a bare pcap of netlink. A replayed kernel answers requests in place of
 * the live one.
 *
 * ```ts
 * for (const socket of replay("evidence").sockets({ tables: ["tcp"], info: true })) console.log(socket.toJSON());
 * ```
 *
 * @throws RecordingError if it cannot be read
 */
export function replay(path: string): Machine {
  const host = replayHost(path, liveFiles);
  // All answers of a recording are in memory, so it never has to wait.
  const transport = { ...host.transport, arrival: () => Promise.resolve() };
  return machineOf({ host, dumps: transport, events: transport });
}

/** The parts of a {@link machine}. */
export interface MachineParts {
  /** Its kernel: a {@link playedKernel}, or a transport of your own with sockets that do not block. */
  readonly transport: Transport;
  /** Its files, for owners and names. Default: no files. */
  readonly files?: Files;
}

const noFiles: Files = {
  read: (path) => {
    throw Object.assign(new Error(`${path} does not exist`), { code: "ENOENT" });
  },
  list: (path) => {
    throw Object.assign(new Error(`${path} does not exist`), { code: "ENOENT" });
  },
  link: () => undefined,
  securityContext: () => undefined,
};

/**
 * Makes a machine from parts, to test a program against sockets that do not exist.
 *
 * ```ts
 * const kernel = playedKernel([{ table: "tcp", state: "CLOSE-WAIT", src: "10.0.0.1", sport: 80 }]);
 * const [socket] = machine({ transport: kernel }).sockets({ tables: ["tcp"] });
 * console.log(socket?.toJSON());
 * ```
 *
 * It looks up no host names, and has no control groups and no BPF maps.
 */
export function machine({ transport, files = noFiles }: MachineParts): Machine {
  const host: Host = {
    transport,
    files,
    resolver: { addresses: async () => [], name: async () => undefined, rpcServices: async () => [] },
    bpf: async () => ({ map: () => -ENOENT, btf: () => undefined }),
    cgroups: () => undefined,
  };
  const deferred = { ...transport, arrival: () => Promise.resolve() };
  return machineOf({ host, dumps: deferred, events: deferred });
}
