/** Names for the columns of a run, limited to what its plan demands. */
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { NameSource } from "../fields/names.ts";
import type { HostNames } from "../lookup/names.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { requestOrder } from "../model/request-order.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import type { Plan } from "../plan/plan.ts";
import type { SocketBatch } from "../query/query.ts";

/** The functions behind `--explain`, which are loaded on demand. */
export type Explainer = Pick<typeof import("./explain.ts"), "explanationOf" | "explanationText">;

/** The name lookups for columns. A lookup that the plan does not demand returns undefined. */
export function nameSource(
  { serviceNames, demands, bpfMapIds }: Pick<Plan, "serviceNames" | "demands" | "bpfMapIds">,
  names: HostNames,
  explainer?: Explainer,
): NameSource {
  const describesMap = (mapId: number) =>
    demands.has("bpfStorages") && (bpfMapIds.length === 0 || bpfMapIds.includes(mapId));
  return {
    service: (port) => (!serviceNames || port === 0 ? undefined : names.port(port)),
    interface: (index, netns) => names.interface(index, netns),
    netlinkProtocol: (protocol) => (serviceNames ? names.netlinkProtocol(protocol) : undefined),
    processStat: (pid) => (serviceNames ? names.processStat(pid) : undefined),
    processContext: (pid) => (demands.has("processContext") ? names.processContext(pid) : undefined),
    bpfValue: (mapId, value) =>
      describesMap(mapId) ? (names.bpfMaps?.describe(mapId, value) ?? {}) : undefined,
    cgroup: (id) => (demands.has("cgroup") ? names.cgroup(id) : undefined),
    host: (data, at, length) => names.host(data, at, length),
    owners: (inode) => (demands.has("owners") ? (names.owners(inode) ?? []) : undefined),
    details: (owner) => names.details(owner),
    peerOwners: (socket: Socket) => (demands.has("peerOwners") ? names.peerOwners(socket) : undefined),
    peerName: (socket) => names.peerName(socket),
    cgroupOwner: (socket: Socket) => (demands.has("containers") ? names.cgroupOwner(socket) : undefined),
    user: (uid) => names.user(uid),
    explanation: (socket: InetSocket) => explainer?.explanationOf(socket),
  };
}

/**
 * Makes a function that chooses the table that the ports of a batch are named by. In ss that is the last requested table
 * with services, even if that has no rows; for events it is any protocol.
 */
export function tableChooser(
  names: HostNames,
  following: boolean,
  selection: Selection,
): (batch: SocketBatch) => void {
  if (following) return () => undefined;
  const chosen = new Map<DumpName, DumpName>();
  let last: DumpName | undefined;
  for (const { name } of requestOrder(selection)) {
    if (name === "raw" || name === "udp" || name === "tcp") last = name;
    chosen.set(name, last ?? name);
  }
  return ({ dump, sockets }) => {
    names.useTable((chosen.get(dump) ?? dump) as InetTable, sockets[0]?.origin.netns);
  };
}
