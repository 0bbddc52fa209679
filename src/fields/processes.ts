/** The columns of the processes that have a socket open, and of the processes that have its peer open. */
import type { AnySocket as Socket } from "../diag/message.ts";
import type { ProcessDetails } from "../enrich/process-details.ts";
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
  {
    key: "uid",
    type: "integer",
    doc: "effective user id; it and the facts below only of the first 64 processes",
    optional: true,
  },
  { key: "user", type: "string", doc: "name of that user", optional: true },
  { key: "exe", type: "string", doc: "path of the program", optional: true },
  {
    key: "cmdline",
    type: "array",
    items: "string",
    doc: "arguments; 4 KiB of a longer command line, 16 KiB for all processes of a socket",
    optional: true,
  },
  { key: "startTime", type: "string", doc: "when the process began, ISO 8601", optional: true },
  { key: "context", type: "string", doc: "SELinux context of the process; with -Z", optional: true },
  { key: "socketContext", type: "string", doc: "SELinux context of the socket; with -z", optional: true },
];

/**
 * How many processes of one socket have details, and how many characters their command lines have together. A user can
 * share thousands of sockets among thousands of processes.
 */
export const detailLimits = { processes: 64, commandLines: 1 << 14 } as const;

/** The details of the first processes of a socket, within {@link detailLimits}; undefined for the others. */
export function detailsWithin(
  owners: readonly Owner[],
  names: Pick<NameSource, "details">,
): (ProcessDetails | undefined)[] {
  let left: number = detailLimits.commandLines;
  return owners.map((owner, index) => {
    const details = index < detailLimits.processes ? names.details(owner) : undefined;
    if (details?.cmdline === undefined) return details;
    left -= details.cmdline.reduce((sum, { length }) => sum + length + 1, 0);
    const { cmdline, ...others } = details;
    return left < 0 ? others : details;
  });
}

function describeOwner(owner: Owner, details: ProcessDetails | undefined): Json {
  const { pid, tid, fd, stat, processContext, socketContext } = owner;
  return {
    pid,
    ...(tid === pid ? {} : { tid }),
    fd,
    comm: decoder.decode(processName(stat)),
    ...details,
    ...(processContext === undefined ? {} : { context: decoder.decode(processContext) }),
    ...(socketContext === undefined ? {} : { socketContext: decoder.decode(socketContext) }),
  };
}

function describeOwners(owners: readonly Owner[] | undefined, names: NameSource): Json | undefined {
  if (owners === undefined) return undefined;
  const details = detailsWithin(owners, names);
  return owners.map((owner, index) => describeOwner(owner, details[index]));
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
    read: ({ inode }) => (inode === undefined ? undefined : describeOwners(names.owners(inode), names)),
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
    read: (socket) => describeOwners(names.peerOwners(socket), names),
  };
}
