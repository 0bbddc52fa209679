/** Names for columns whose source can be exchanged, so that columns are made once and used for many queries. */
import { type NameSource, noNames } from "./names.ts";

/** Names that come from a source that can be exchanged. */
export interface ExchangeableNames extends NameSource {
  /** Takes the names from another source from now on. */
  from(source: NameSource): void;
}

/** Makes names that first come from nowhere. */
export function exchangeableNames(): ExchangeableNames {
  let source = noNames;
  return {
    from: (other) => {
      source = other;
    },
    service: (port) => source.service(port),
    interface: (index, netns) => source.interface(index, netns),
    netlinkProtocol: (protocol) => source.netlinkProtocol(protocol),
    processStat: (pid) => source.processStat(pid),
    processContext: (pid) => source.processContext(pid),
    bpfValue: (mapId, value) => source.bpfValue(mapId, value),
    cgroup: (id) => source.cgroup(id),
    host: (data, at, length) => source.host(data, at, length),
    user: (uid) => source.user(uid),
    owners: (inode) => source.owners(inode),
    details: (owner) => source.details(owner),
    peerOwners: (socket) => source.peerOwners(socket),
    peerName: (socket) => source.peerName(socket),
    cgroupOwner: (socket) => source.cgroupOwner(socket),
    explanation: (socket) => source.explanation(socket),
  };
}
