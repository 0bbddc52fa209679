/** Everything that is known of a socket, in words. */

import { columnsByKind } from "../../../catalogue/describe.ts";
import { containerLabel, findContainers } from "../../../enrich/containers.ts";
import { processDetails } from "../../../enrich/process-details.ts";
import type { Owner } from "../../../enrich/processes.ts";
import type { Socket } from "../../../families/socket.ts";
import { type Column, suffixOf } from "../../../fields/column.ts";
import { type NameSource, noNames } from "../../../fields/names.ts";
import type { Files } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import type { HostNames } from "../../../lookup/names.ts";
import type { Json } from "../../../model/json.ts";
import type { Fact, FactGroup } from "./state.ts";

/** Values that are a number of something, spelled as people do. */
function valueWords(value: Json, unit: string | undefined): string {
  const text = typeof value === "object" ? JSON.stringify(value) : `${value}`;
  return unit === undefined ? text : `${text} ${unit}`;
}

/** The part of a key before its first dot, which is what columns are put together by. */
const titles: Readonly<Record<string, string>> = {
  tcpInfo: "TCP (tcp_info)",
  mptcpInfo: "Multipath TCP (mptcp_info)",
  sctpInfo: "SCTP (sctp_info)",
  memory: "Memory",
  sockopt: "Socket options",
  bbrInfo: "BBR",
  vegasInfo: "Vegas",
  dctcpInfo: "DCTCP",
};

/** What is told in groups of its own, or not of a single socket. */
const elsewhere = /^(processes|peer\.processes|container|unit|netns)/;

function columnGroups(socket: Socket, names: NameSource): FactGroup[] {
  const groups = new Map<string, Fact[]>();
  const columns = columnsByKind(names)[socket.kind] as readonly Column<unknown>[];
  for (const { key, unit, doc, read } of columns) {
    if (elsewhere.test(key)) continue;
    const value = read(socket);
    if (value === undefined) continue;
    const title = titles[key.split(".")[0]!] ?? "Socket";
    const facts = groups.get(title) ?? [];
    groups.set(title, facts);
    // A unit that the key tells is told beside the value, too: people do not read the key.
    const shown = suffixOf(unit) === undefined && unit === "sequence" ? undefined : unit;
    facts.push({ value: valueWords(value, shown), meaning: doc });
  }
  const all = Array.from(groups, ([title, facts]) => ({ title, facts }));
  // Options are many, and mostly as they always are: they come last.
  const isLast = ({ title }: FactGroup) => Number(title === titles["sockopt"]);
  return all.sort((a, b) => isLast(a) - isLast(b));
}

/** Where the process and the place of a socket are looked up. */
export interface DetailSources {
  readonly files: Files;
  /** Where /proc is. */
  readonly root: string;
  readonly names: HostNames;
  /** Id of the process that has the socket open, 0 for none that is known, and its name. */
  readonly process: { readonly pid: number; readonly name: string | undefined };
}

function processFacts({ files, root, process }: DetailSources): Fact[] {
  const { pid, name } = process;
  if (pid === 0) return [{ value: "-", meaning: "no process that we may look at has it open" }];
  let stat = new Uint8Array(0);
  try {
    stat = new Uint8Array(files.read(`${root}/${pid}/stat`));
  } catch {
    // It is gone meanwhile.
  }
  const owner: Owner = { pid, tid: pid, fd: 0, stat, processContext: undefined, socketContext: undefined };
  const { user, uid, exe, cmdline, startTime } = processDetails(files, root)(owner);
  const { container, unit } = findContainers(files, root).byProcess(pid);
  const found: readonly (readonly [string | undefined, string])[] = [
    [`${name ?? ""} ${pid}`.trim(), "name and id of the process that has it open"],
    [user ?? (uid === undefined ? undefined : `${uid}`), "its user"],
    [exe, "its program"],
    [cmdline?.join(" "), "its arguments"],
    [startTime, "when it began"],
    [container && containerLabel(container), "its container"],
    [unit, "its systemd unit"],
  ];
  return found.flatMap(([value, meaning]) => (value === undefined ? [] : [{ value, meaning }]));
}

/** The details of a socket. */
export function detailsOf(socket: Socket, sources: DetailSources): FactGroup[] {
  const { names } = sources;
  const { netns } = socket.origin;
  const source: NameSource = {
    ...noNames,
    interface: (index, place) => names.interface(index, place),
    cgroup: (id) => names.cgroup(id),
    user: (uid) => names.user(uid),
    netlinkProtocol: (protocol) => names.netlinkProtocol(protocol),
  };
  const place: Fact[] =
    netns === undefined
      ? []
      : [{ value: netnsLabel(netns), meaning: `network namespace, inode ${netns.inode}` }];
  const [first, ...rest] = columnGroups(socket, source);
  const user = "uid" in socket && socket.uid !== undefined ? names.user(socket.uid) : undefined;
  const owner: Fact[] = user === undefined ? [] : [{ value: user, meaning: "name of the socket's owner" }];
  return [
    { title: "Process", facts: [...processFacts(sources), ...place] },
    ...(first === undefined ? [] : [{ ...first, facts: [...first.facts, ...owner] }]),
    ...rest,
  ];
}
