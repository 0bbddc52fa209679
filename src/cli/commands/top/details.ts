/** All that is known of a socket: each fact with its meaning. */

import { columnsByKind } from "../../../catalogue/describe.ts";
import { containerLabel, findContainers } from "../../../enrich/containers.ts";
import { processDetails } from "../../../enrich/process-details.ts";
import type { Owner } from "../../../enrich/processes.ts";
import { uidNumber } from "../../../families/numbers.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Column } from "../../../fields/column.ts";
import { type NameSource, noNames } from "../../../fields/names.ts";
import type { Files } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import type { HostNames } from "../../../lookup/names.ts";
import type { Json } from "../../../model/json.ts";
import { explanationOf } from "../../../output/explain.ts";
import type { Fact, FactGroup } from "./state.ts";

const decoder = new TextDecoder();

/** A value with its unit, as people write it. */
function valueWords(value: Json, unit: string | undefined): string {
  const text = typeof value === "object" ? JSON.stringify(value) : `${value}`;
  return unit === undefined ? text : `${text} ${unit}`;
}

/** Headings by the part of a key before its first dot. */
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

/** Columns that have groups of their own, or none. */
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
    const shown = unit === "sequence" ? undefined : unit;
    facts.push({ value: valueWords(value, shown), meaning: doc });
  }
  const all = Array.from(groups, ([title, facts]) => ({ title, facts }));
  // Options are many, and most have their defaults: they come last.
  const isLast = ({ title }: FactGroup) => Number(title === titles["sockopt"]);
  return all.sort((a, b) => isLast(a) - isLast(b));
}

/** Where the process and the namespace of a socket are looked up. */
export interface DetailSources {
  readonly files: Files;
  /** Where /proc is. */
  readonly root: string;
  readonly names: HostNames;
  /** Id of the process that has the socket open, 0 if none is known, and its name. */
  readonly process: { readonly pid: number; readonly name: string | undefined };
}

function processFacts({ files, root, process }: DetailSources): Fact[] {
  const { pid, name } = process;
  if (pid === 0) return [{ value: "-", meaning: "no process that we may read has it open" }];
  let stat = new Uint8Array(0);
  try {
    stat = new Uint8Array(files.read(`${root}/${pid}/stat`));
  } catch {
    // The process has ended.
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

/** The path of a control group; undefined for the text that stands for one without a path. */
function pathOrNothing(path: Uint8Array): Uint8Array | undefined {
  return decoder.decode(path).startsWith("unreachable:") ? undefined : path;
}

/** The details of a socket: what limits it now, its process, and every field that the kernel sent. */
export function detailsOf(socket: Socket, sources: DetailSources): FactGroup[] {
  const { names } = sources;
  const { netns } = socket.origin;
  const source: NameSource = {
    ...noNames,
    interface: (index, place) => names.interface(index, place),
    cgroup: (id) => pathOrNothing(names.cgroup(id)),
    user: (uid) => names.user(uid),
    netlinkProtocol: (protocol) => names.netlinkProtocol(protocol),
  };
  const place: Fact[] =
    netns === undefined
      ? []
      : [{ value: netnsLabel(netns), meaning: `network namespace, inode ${netns.inode}` }];
  const [first, ...rest] = columnGroups(socket, source);
  const uid = uidNumber(socket);
  const user = uid === undefined ? undefined : names.user(uid);
  const owner: Fact[] = user === undefined ? [] : [{ value: user, meaning: "name of the socket's owner" }];
  const limit = socket.kind === "inet" ? explanationOf(socket) : undefined;
  return [
    ...(limit === undefined ? [] : [{ title: "Now", text: limit.sentence, facts: [] }]),
    { title: "Process", facts: [...processFacts(sources), ...place] },
    ...(first === undefined ? [] : [{ ...first, facts: [...first.facts, ...owner] }]),
    ...rest,
  ];
}
