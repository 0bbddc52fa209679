/** What a recorder notes beside sockets, because listings of the past read it. */
import type { Host } from "../../../host/host.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import { listLinks } from "../../../netlink/links.ts";
import { formatCgroups } from "../../../replay/folder.ts";
import { encodePcap } from "../../../replay/pcap.ts";
import { recordTransport } from "../../../replay/record.ts";
import { contextFiles, contextNames } from "../../../store/past.ts";
import type { Store } from "../../../store/store.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The text of a file without the white space around it; empty if it cannot be read. */
export function readText(host: Host, path: string): string {
  try {
    return decoder.decode(host.files.read(path)).trim();
  } catch {
    return "";
  }
}

/** Notes the interfaces and counters of a network namespace. @param place its number in the store */
export function notePlace(store: Store, place: number, host: Host): void {
  const { transport, packets } = recordTransport(host.transport);
  try {
    listLinks(transport);
    store.context(place, contextNames.links, encodePcap(packets()));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
  for (const name of contextFiles) {
    try {
      store.context(place, name, host.files.read(`/proc/${name}`));
    } catch {
      // A host without IPv6 lacks one of them.
    }
  }
}

/** Notes what all network namespaces share. @param place number of the first one */
export function noteHost(store: Store, place: number, host: Host): void {
  // The time of boot, from which the start times of processes count.
  const booted = /^btime \d+\n/m.exec(readText(host, "/proc/stat"))?.[0];
  if (booted !== undefined) store.context(place, "stat", encoder.encode(booted));
  const cgroups = host.cgroups();
  if (cgroups !== undefined)
    store.context(place, contextNames.cgroups, encoder.encode(formatCgroups(cgroups)));
}
