/** The columns of the processes that have a socket open, and of those that have its peer open. */

import type { AnySocket as Socket } from "../diag/message.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Column, ItemKey } from "./column.ts";
import type { NameSource } from "./names.ts";

const decoder = new TextDecoder();

/** The keys of each process. */
const ownerKeys: readonly ItemKey[] = [
  { key: "pid", type: "integer", doc: "process id" },
  { key: "tid", type: "integer", doc: "thread id, of a thread with descriptors of its own", optional: true },
  { key: "fd", type: "integer", doc: "file descriptor" },
  { key: "comm", type: "string", doc: "name of the process" },
  { key: "uid", type: "integer", doc: "effective user id", optional: true },
  { key: "user", type: "string", doc: "name of that user", optional: true },
  { key: "exe", type: "string", doc: "path of the program", optional: true },
  { key: "cmdline", type: "array", items: "string", doc: "arguments, at most 64 KiB", optional: true },
  { key: "startTime", type: "string", doc: "when the process began, ISO 8601", optional: true },
  { key: "context", type: "string", doc: "SELinux context of the process; with -Z", optional: true },
  { key: "socketContext", type: "string", doc: "SELinux context of the socket; with -z", optional: true },
];

function describeOwner(owner: Owner, names: NameSource): Json {
  const { pid, tid, fd, stat, processContext, socketContext } = owner;
  return {
    pid,
    ...(tid === pid ? {} : { tid }),
    fd,
    comm: decoder.decode(processName(stat)),
    ...names.details(owner),
    ...(processContext === undefined ? {} : { context: decoder.decode(processContext) }),
    ...(socketContext === undefined ? {} : { socketContext: decoder.decode(socketContext) }),
  };
}

/** The `processes` column of a socket that has an inode. */
export function processesColumn(names: NameSource): Column<{ readonly inode: number | undefined }> {
  return {
    key: "processes",
    type: "array",
    items: ownerKeys,
    ss: "users:(",
    demand: "owners",
    doc: "who has the socket open",
    read: ({ inode }) =>
      inode === undefined ? undefined : names.owners(inode)?.map((owner) => describeOwner(owner, names)),
  };
}

/** The `peer.processes` column. @param demand what fills it */
export function peerProcessesColumn<S extends Socket>(names: NameSource, demand: Demand): Column<S> {
  return {
    key: "peer.processes",
    type: "array",
    items: ownerKeys,
    demand,
    doc: "who has the socket at the other end open, if that is on this host",
    read: (socket) => names.peerOwners(socket)?.map((owner) => describeOwner(owner, names)),
  };
}
