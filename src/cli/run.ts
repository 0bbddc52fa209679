/**
 * One run of the program: what was typed, what is listed, how it is shown.
 *
 * What most runs do without is loaded when it is needed: half of the time of a short run is loading.
 */

import { type AddressAt, resolveHosts } from "../enrich/resolve.ts";
import type { FilterSource } from "../filter/words.ts";
import type { Host } from "../host/host.ts";
import { stateGroups } from "../model/state.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Problem, SocketBatch } from "../query/list.ts";
import { performActions } from "./actions.ts";
import { isCommand } from "./commands/words.ts";
import { complaint } from "./complaint.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import { halt, type TextStop } from "./halt.ts";
import { openListing } from "./listing.ts";
import { onMachine } from "./machine.ts";
import { refuseWithAllNetns } from "./namespaces.ts";
import { type Draft, parse } from "./options.ts";
import { inodesOf, peerInodesOf, tellsPeers } from "./owners.ts";
import { arranged } from "./rows.ts";
import { select } from "./select.ts";
import { nameSource, show } from "./show.ts";
import { withSummary } from "./summary.ts";
import { type View, viewOf } from "./view.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** Does what the arguments ask for. @returns the exit status */
export async function run(world: World): Promise<number> {
  const [first] = world.args;
  if (first !== undefined && isCommand(first)) {
    const { runCommand } = await import("./commands/run.ts");
    return runCommand(world, first);
  }
  const { draft, words, stop } = parse(world);
  const done = await performActions(world, draft);
  if ("kind" in done) return halt(world, done);
  const text = async (wanted: TextStop) => (await import("./texts.ts")).textOf(world, wanted);
  if (stop?.kind === "help" && words.length === 1 && words[0] === "filter") {
    const { filterUsage } = await import("./filter-help.ts");
    world.stdout.write(encoder.encode(filterUsage(world)));
    return 0;
  }
  if (stop !== undefined) return halt(world, stop, { text });
  const refused = refuseWithAllNetns(draft, sourcesOf(world.env), world.program);
  if (refused !== undefined) return halt(world, refused);
  const input = { args: words, file: done.filterFile };
  return onMachine(world, draft, (host) => showSockets(world, host, draft, input));
}

async function showSockets(world: World, host: Host, draft: Draft, words: FilterSource): Promise<number> {
  const plain = viewOf(draft, world.program);
  if ("kind" in plain) return halt(world, plain);
  const view = plain.needs.explain ? { ...plain, explainer: await import("../output/explain.ts") } : plain;
  return withSummary(world, host, draft, words.args, () => listSockets(world, host, draft, view, words));
}

async function listSockets(
  world: World,
  host: Host,
  draft: Draft,
  view: View,
  words: FilterSource,
): Promise<number> {
  const selected = select(draft.choice, words.args, world.program);
  if ("kind" in selected) return nothingSelected(world, selected, draft);
  const { needs } = view;
  if (draft.diagFile !== undefined) {
    const { dumpDiag } = await import("./diag-dump.ts");
    const report = (problem: Problem) => world.stderr.write(encoder.encode(complaint(problem)));
    const stop = dumpDiag(world, host, draft.diagFile, selected.selection, { details: draft, report });
    return stop === undefined ? 0 : halt(world, stop);
  }
  // Owners and host names are looked up for the sockets that are listed, so these must all be there first.
  const ownersAsked = needs.processes || needs.container;
  const keep = ownersAsked || needs.resolve || view.sort.length > 0;
  const opened = await openListing(world, host, {
    selection: selected.selection,
    words: { args: selected.words, file: words.file },
    needs,
    uid: tellsOwners(view),
    keep,
  });
  if ("kind" in opened) return halt(world, opened);
  using listing = opened;
  const { selection, predicate, names, query } = listing;
  if (draft.events && predicate?.settle !== undefined) return halt(world, ownerless(world));
  if (draft.events) {
    const { followEvents } = await import("./events.ts");
    return followEvents(world, host, draft, view, query, names);
  }
  if (draft.kill && !draft.killAll && (needs.allNetns || !narrows(draft, selected.words)))
    return halt(world, refusal(world, needs.allNetns));
  let batches: Iterable<SocketBatch> = listing.list();
  if (keep) {
    const kept: SocketBatch[] = [];
    for (const batch of batches) {
      // While the kernel tells of the rest, the owners of what there is are looked for.
      if (ownersAsked && kept.length === 0) host.files.beginSockets?.(sourcesOf(world.env).root);
      kept.push(batch);
    }
    const peers = tellsPeers(needs) ? peerInodesOf(kept, names, needs) : new Set<number>();
    // A filter by owners has found them already, but those of peers.
    if (ownersAsked && (predicate?.settle === undefined || peers.size > 0))
      listing.findOwners(new Set([...inodesOf(kept), ...peers]));
    if (needs.resolve) {
      const rpc = listing.rpcNames?.();
      names.useHosts(await resolveHosts(host.resolver, addressesOf(kept)));
      if (rpc !== undefined) names.useRpc(await rpc);
    }
    batches = kept;
  }
  if (view.by === undefined && (view.sort.length > 0 || view.top !== undefined))
    batches = arranged(view, { names, source: nameSource(needs, names, view.explainer), batches });
  show(world, draft, selection, names, batches, { view });
  return listing.status();
}

/** Ends a run that selects nothing. That may be no error: who reads JSON gets an empty document. */
function nothingSelected(world: World, stop: Stop, { format }: Draft): Promise<number> {
  const isError = stop.kind === "error" && stop.status !== 0;
  if (format === "json" && !isError) world.stdout.write(encoder.encode("[]\n"));
  return halt(world, stop);
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
