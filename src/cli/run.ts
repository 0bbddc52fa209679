/**
 * One run of the program: what was typed, what is listed, how it is shown.
 *
 * What most runs do without is loaded when it is needed: half of the time of a short run is loading.
 */

import { hostNames } from "../enrich/names.ts";
import { once } from "../enrich/once.ts";
import { type AddressAt, resolveHosts, withDeadline } from "../enrich/resolve.ts";
import { FilterError } from "../filter/errors.ts";
import type { FilterSource } from "../filter/words.ts";
import type { Host } from "../host/host.ts";
import type { FindOwners } from "../list/predicate.ts";
import type { Selection } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Problem, Query, SocketBatch } from "../query.ts";
import { performActions } from "./actions.ts";
import { complaint } from "./complaint.ts";
import type { Filtered } from "./filter.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import { usage, version } from "./help.ts";
import { filterPlaces, listPlaces, openPlaces, refuseWithAllNetns } from "./namespaces.ts";
import { type Draft, parse } from "./options.ts";
import { inodesOf, noteUnreadable, peerInodesOf, tellsPeers } from "./owners.ts";
import { arranged } from "./rows.ts";
import { select } from "./select.ts";
import { nameSource, show } from "./show.ts";
import { withSummary } from "./summary.ts";
import { type View, viewOf } from "./view.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** Does what the arguments ask for. @returns the exit status */
export async function run(world: World): Promise<number> {
  const { draft, words, stop } = parse(world);
  const done = performActions(world, draft.actions);
  if ("kind" in done) return halt(world, done);
  if (stop?.kind === "help" && words.length === 1 && words[0] === "filter") {
    const { filterUsage } = await import("./filter-help.ts");
    world.stdout.write(encoder.encode(filterUsage(world)));
    return 0;
  }
  if (stop !== undefined) return halt(world, stop);
  const refused = refuseWithAllNetns(draft, sourcesOf(world.env), world.program);
  if (refused !== undefined) return halt(world, refused);
  const input = { args: words, file: done.filterFile };
  const machine = await machineOf(world, draft);
  if (draft.record === undefined) return showSockets(world, machine, draft, input);
  const { recordHost } = await import("../replay/record.ts");
  const recorder = recordHost(machine, draft.record);
  const status = await showSockets(world, recorder.host, draft, input);
  recorder.finish();
  return status;
}

/** The machine to look at: this one, or that of a recording. */
async function machineOf({ host }: World, { replay, resolveTimeoutMs }: Draft): Promise<Host> {
  let machine = host;
  if (replay !== undefined) {
    const { replayHost } = await import("../replay/host.ts");
    machine = replayHost(replay, host.files);
  }
  return { ...machine, resolver: withDeadline(machine.resolver, resolveTimeoutMs) };
}

async function showSockets(world: World, host: Host, draft: Draft, words: FilterSource): Promise<number> {
  const view = viewOf(draft, world.program);
  if ("kind" in view) return halt(world, view);
  return withSummary(world, host, draft, words.args, () => listSockets(world, host, draft, view, words));
}

async function listSockets(
  world: World,
  host: Host,
  draft: Draft,
  view: View,
  words: FilterSource,
): Promise<number> {
  const say = (text: string) => world.stderr.write(encoder.encode(text));
  const selected = select(draft.choice, words.args, world.program);
  if ("kind" in selected) return halt(world, selected, draft.format);
  const { needs } = view;
  const report = (problem: Problem) => say(complaint(problem));
  if (draft.diagFile !== undefined) {
    const { dumpDiag } = await import("./diag-dump.ts");
    const stop = dumpDiag(world, host, draft.diagFile, selected.selection, { details: draft, report });
    return stop === undefined ? 0 : halt(world, stop);
  }
  const sources = sourcesOf(world.env);
  const portRange = sources.path("portRange");
  const names = hostNames(host, { root: sources.root, portRange }, (line) => say(`${line}\n`));
  const source = { args: selected.words, file: words.file };
  const lookForOwners = (inodes: ReadonlySet<number> | undefined) => {
    const unreadable = names.findOwners(sources.root, inodes, needs);
    noteUnreadable(world, host, sources.root, unreadable);
  };
  const everyOwner = once(() => lookForOwners(undefined));
  const findOwners: FindOwners = (batches) => {
    // The sockets of other namespaces are yet to come, and one pass is enough for all.
    if (needs.allNetns) everyOwner();
    else lookForOwners(inodesOf(batches));
    return { owners: names.owners, container: (socket) => names.cgroupOwner(socket).container };
  };
  const refused = refuseWithAllNetns(needs, sources, world.program);
  if (refused !== undefined) return halt(world, refused);
  using open = openPlaces(needs, host, (line) => say(`${line}\n`));
  names.usePlaces(open.list);
  let places: Awaited<ReturnType<typeof filterPlaces>>;
  try {
    places = await filterPlaces(open.list, (place) =>
      filtered(world, place.host, selected.selection, source, portRange, findOwners),
    );
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { filterComplaint } = await import("./filter.ts");
    say(filterComplaint(world, error, source));
    return error.status;
  }
  const { selection, predicate } = places[0].filtered;
  // Owners and host names are looked up for the sockets that are listed, so these must all be there first.
  const ownersAsked = needs.processes || needs.container;
  const keep = ownersAsked || needs.resolve || view.sort.length > 0;
  const query: Query = {
    selection,
    details: { ...needs, uid: tellsOwners(view) },
    predicate,
    keep,
    sources,
    report,
  };
  if (draft.events && predicate?.settle !== undefined) return halt(world, ownerless(world));
  if (draft.events) {
    const { followEvents } = await import("./events.ts");
    return followEvents(world, host, draft, view, query, names);
  }
  if (draft.kill && !draft.killAll && (needs.allNetns || !narrows(draft, selected.words)))
    return halt(world, refusal(world, needs.allNetns));
  let batches: Iterable<SocketBatch> = listPlaces(places, query, draft);
  if (keep) {
    const kept = [...batches];
    const peers = tellsPeers(needs) ? peerInodesOf(kept, names, needs) : new Set<number>();
    // A filter by owners has found them already, but those of peers.
    if (ownersAsked && (predicate?.settle === undefined || peers.size > 0))
      lookForOwners(new Set([...inodesOf(kept), ...peers]));
    if (needs.resolve) names.useHosts(await resolveHosts(host.resolver, addressesOf(kept)));
    batches = kept;
  }
  if (view.by === undefined && (view.sort.length > 0 || view.top !== undefined))
    batches = arranged(view, { names, source: nameSource(needs, names), batches });
  show(world, draft, selection, names, batches, { view });
  return 0;
}

/** What a filter makes of a selection; without words, nothing. @throws FilterError */
async function filtered(
  world: World,
  host: Host,
  selection: Selection,
  source: FilterSource,
  portRange: string,
  findOwners: FindOwners,
): Promise<Filtered> {
  if (source.args.length === 0 && source.file === undefined) return { selection, predicate: undefined };
  const { applyFilter } = await import("./filter.ts");
  return applyFilter(world, host, selection, source, portRange, findOwners);
}

/** Whether the owners of UNIX sockets can be shown: ss's own table has no place for them. */
function tellsOwners({ needs, columns, by, sort }: View): boolean {
  return needs.format !== "table" || columns !== undefined || by !== undefined || sort.length > 0;
}

/** Whether anything narrows down which sockets are meant: a table, a family, a state or a filter. */
function narrows({ choice }: Draft, words: readonly string[]): boolean {
  const everyState = choice.stateFilter === 0 || choice.stateFilter === stateGroups.all;
  return choice.made || !everyState || words.length > 0;
}

/** ss would close every connection of the host; we want to be told so. */
function refusal({ program }: World, allNetns: boolean): Stop {
  const message = allNetns
    ? `${program}: --kill with --all-netns closes sockets of the whole host: say --kill-all, too`
    : `${program}: --kill alone closes every socket: choose a table, a state or a filter, or say --kill-all`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** An event tells of a socket that nobody has open any more. */
function ownerless({ program }: World): Stop {
  const message = `${program}: --events cannot be filtered by process: a destroyed socket has none`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The IP addresses of sockets. */
function* addressesOf(batches: Iterable<SocketBatch>): Generator<AddressAt> {
  for (const { sockets } of batches) {
    for (const socket of sockets) {
      if (socket.kind !== "inet") continue;
      const { data, addressLength: length } = socket;
      yield { data, at: socket.sourceOffset, length };
      yield { data, at: socket.destinationOffset, length };
    }
  }
}

/** Ends a run that shows no socket. @returns the exit status */
async function halt(world: World, stop: Stop, format: Draft["format"] = "table"): Promise<number> {
  if (stop.kind !== "error") {
    world.stdout.write(encoder.encode(await answer(world, stop)));
    return 0;
  }
  world.stderr.write(encoder.encode(`${stop.message}\n${stop.usage ? usage(world) : ""}`));
  // Nothing to show is no error: who reads JSON gets an empty document.
  if (stop.status === 0 && format === "json") world.stdout.write(encoder.encode("[]\n"));
  return stop.status;
}

/** The text that a run was asked for instead of sockets. */
async function answer(world: World, stop: Exclude<Stop, { kind: "error" }>): Promise<string> {
  switch (stop.kind) {
    case "help":
      return usage(world);
    case "version":
      return version();
    case "columns":
      return (await import("./columns.ts")).columnsHelp();
    case "man":
      return (await import("./man.ts")).manPage();
    case "completions":
      return (await import("./completions/script.ts")).completionScript(stop.shell, world.program);
  }
}
