/** Processes of the sockets of a query: owners, peers, containers. Loaded only for queries that want any of them. */
import { type Owner, OwnerTable } from "../enrich/owner-table.ts";
import { processContext, type ScanOptions, scanProcesses } from "../enrich/processes.ts";
import { sweepingFiles } from "../host/socket-sweep.ts";
import { knowPlaces, type PlaceSources, type Places } from "./places.ts";

/** What is known of the processes of sockets. */
export interface OwnerLookup extends Places {
  /** The processes that have the socket of an inode open, if {@link OwnerLookup.findOwners} looked for them. */
  owners(inode: number): readonly Owner[] | undefined;
  /** The owners that {@link OwnerLookup.findOwners} found last, if they are in a table. */
  ownerTable?(): OwnerTable;
  /** Looks for the owners of sockets, see {@link scanProcesses}. @returns ids of processes that cannot be read */
  findOwners(inodes: ReadonlySet<number> | undefined, options: ScanOptions): readonly number[];
  /** The SELinux context of a process, 0 the kernel; undefined if there is none. */
  processContext(pid: number): Uint8Array | undefined;
}

/** What owners are looked up with. */
export type OwnerSources = Omit<PlaceSources, "owners">;

/** Makes the look-up of one query. */
export function ownerLookup({ host, root, cgroupPath, peers }: OwnerSources): OwnerLookup {
  let found = new OwnerTable();
  const contexts = new Map<number, Uint8Array | undefined>();
  const owners = (inode: number) => found.get(inode);
  return {
    ...knowPlaces({ host, root, owners, cgroupPath, peers }),
    owners,
    ownerTable: () => found,
    findOwners(inodes, options) {
      const files = inodes?.size === 0 ? host.files : sweepingFiles(host.files, root);
      const scan = scanProcesses(files, root, inodes, options);
      found = scan.owners;
      return scan.unreadable;
    },
    processContext(pid) {
      if (!contexts.has(pid)) contexts.set(pid, processContext(host.files, root, pid));
      return contexts.get(pid);
    },
  };
}
