/** Runs the doctor: sets up an examination, waits between the samples, shows the findings. */
import { describers } from "../../../catalogue/describe.ts";
import { type ChosenRule, type ExaminedPlace, examine } from "../../../doctor/examine.ts";
import { filesBelow, processTable } from "../../../doctor/host-facts.ts";
import { rules } from "../../../doctor/rules/index.ts";
import type { Owner } from "../../../enrich/processes.ts";
import { pairRuleList } from "../../../fleet/pair-finding.ts";
import type { HostNames } from "../../../lookup/names.ts";
import { addressText } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import { stateGroups } from "../../../model/state.ts";
import { explainRule, formatReport, listRules, reportObject, ruleObject } from "../../../output/doctor.ts";
import { JsonWriter } from "../../../output/json.ts";
import { nameSource } from "../../../output/name-source.ts";
import { allParts } from "../../../query/all-parts.ts";
import { list } from "../../../query/list.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { newcomersAt, pairPast } from "../../../store/past-doctor.ts";
import { StoreReader } from "../../../store/reader.ts";
import { filterStop } from "../../filter.ts";
import { streamOptionOf } from "../../fleet/stream-settings.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { storeFolder } from "../../past.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseStates, select } from "../../select.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { type DoctorSettings, EXIT_FOUND, isFailure, type Show } from "./settings.ts";
import { ChoiceError, chooseRules } from "./thresholds.ts";
import { waitShowing } from "./wait.ts";
import { watch } from "./watch.ts";

const encoder = new TextEncoder();

/** Sockets of a finding that are shown, unless `--top` says otherwise. */
const SHOWN = 5;

function refusal(world: World, message: string): Promise<number> {
  const stop: Stop = {
    kind: "error",
    message: `${world.program}: ${message}`,
    usage: false,
    status: EXIT_USAGE,
  };
  return halt(world, stop);
}

function textOf(address: Uint8Array): string {
  const data = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return addressText(data, 0, address.length === 4 ? AF_INET : AF_INET6);
}

/** Runs the command. @returns the exit status */
export async function runDoctor(task: Task<DoctorSettings>): Promise<number> {
  const { world, draft, settings } = task;
  const isStream = draft.fleet !== undefined && settings.watch;
  if (isStream) return (await import("../../fleet/stream-findings.ts")).runFleetFindings(task);
  const ofFleet = streamOptionOf(settings.stream);
  if (ofFleet !== undefined) return refusal(world, `doctor: ${ofFleet} needs --watch and --fleet`);
  try {
    const selected = chooseRules(rules, settings.rules, settings.thresholds);
    const isPast = draft.at !== undefined;
    const needsPast = selected.find(({ rule }) => rule.recorded === true && settings.rules.includes(rule.id));
    if (!isPast && needsPast !== undefined && !settings.listRules)
      return await refusal(
        world,
        `${needsPast.rule.id} needs what a recorder has kept: use --at, or record --on`,
      );
    const chosen =
      isPast || settings.listRules ? selected : selected.filter(({ rule }) => rule.recorded !== true);
    if (settings.listRules || settings.explain !== undefined) {
      describeRules(task, chosen);
      return 0;
    }
    const takesOneSample = draft.replay !== undefined || draft.record !== undefined;
    if (isPast && settings.watch) return await refusal(world, "--watch cannot be combined with --at");
    if (!settings.watch) return await runOnce(task, chosen, takesOneSample ? 0 : settings.apartMs);
    if (takesOneSample)
      return await refusal(world, "--watch needs live sockets: not with --replay or --record");
    if (settings.apartMs === 0)
      return await refusal(world, "--watch needs time between samples: not with --for 0s");
    const said = new Set<string>();
    return await watch(task, (show) => examineOnce(task, chosen, settings.apartMs, show, said));
  } catch (error) {
    if (!(error instanceof ChoiceError)) throw error;
    return refusal(world, error.message);
  }
}

/** `--list-rules` and `--explain`. @throws ChoiceError */
function describeRules(
  { world, draft, settings }: Task<DoctorSettings>,
  chosen: readonly ChosenRule[],
): void {
  const { explain, thresholds } = settings;
  // Those between hosts have no thresholds, and cannot be chosen.
  const between = settings.rules.length === 0 ? chooseRules(pairRuleList, [], []) : [];
  const shown =
    explain === undefined
      ? [...chosen, ...between]
      : chooseRules([...rules, ...pairRuleList], [explain], thresholds);
  const write = (bytes: Uint8Array) => world.stdout.write(bytes);
  if (draft.format === "json") {
    const json = new JsonWriter("json", write);
    for (const each of shown) json.write(ruleObject(each));
    json.end();
  } else write(encoder.encode(explain === undefined ? listRules(shown) : explainRule(shown[0]!)));
}

/** Examines once and shows the report. @returns the exit status */
async function runOnce(
  task: Task<DoctorSettings>,
  chosen: readonly ChosenRule[],
  apartMs: number,
): Promise<number> {
  const { world, draft, settings } = task;
  const status = await examineOnce(
    task,
    chosen,
    apartMs,
    ({ report, how, detail }) => {
      if (draft.format === "json") {
        const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
        json.write(reportObject(report, detail));
        json.end();
      } else world.stdout.write(encoder.encode(formatReport(report, how)));
      return isFailure(settings.failOn, report.diagnoses[0]?.severity) ? EXIT_FOUND : 0;
    },
    new Set(),
  );
  return status ?? 0;
}

/**
 * Takes the samples, runs the checks and shows the result, while the namespaces are still open: names of interfaces
 * are read as rows are written.
 *
 * @param said the messages that are on standard error already
 * @returns the exit status; undefined if `show` wants to go on
 */
async function examineOnce(
  { world, host, draft, settings, words }: Task<DoctorSettings>,
  chosen: readonly ChosenRule[],
  apartMs: number,
  show: Show,
  said: Set<string>,
): Promise<number | undefined> {
  // Rules name the states that they read; options of ss that name states narrow these down.
  const choice = draft.choice.stateFilter === 0 ? chooseStates(draft.choice, stateGroups.all) : draft.choice;
  const selected = select(choice, words.args, world.program);
  if (isStop(selected)) return halt(world, selected);
  const filter = { args: selected.words, file: words.file };
  const plan = planOf(world, draft, selected.selection, filter, { demands: ["owners"] });
  const { root } = plan.sources;
  const processes = processTable(host.files, root);
  const unlisted: string[] = [];
  const addresses = new Map<string, readonly string[]>();
  const owners = new Map<number, readonly Owner[]>();
  const report = (problem: Problem) => {
    const text = problemText(world, host, plan.sources, problem);
    // Owners are looked up more than once, and --watch lists again and again.
    if (!said.has(text)) world.stderr.write(encoder.encode(text));
    said.add(text);
    if (text !== "" && problem.kind !== "unreadable") unlisted.push(text.trimEnd());
  };
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host, report, parts: allParts, keep: false }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, filter));
  }
  using query = opened;
  const { past } = host;
  const sighted = past === undefined ? [] : new StoreReader(storeFolder(world, draft.store)).sightings();
  const places: ExaminedPlace[] = query.places.map((place) => ({
    ...place,
    hostFacts: {
      netns: place.netns,
      ...filesBelow(place.host.files, root),
      ...processes,
      owners: (inode) => owners.get(inode) ?? [],
      unlisted: () => unlisted,
      addresses: (hostName) => addresses.get(hostName),
      newcomers: () =>
        past === undefined ? [] : newcomersAt(sighted, past.wallMs, place.netns?.inode ?? past.netns),
    },
  }));
  const status = { interrupted: 0 };
  const shown = draft.top ?? SHOWN;
  const outcome = await examine({
    rules: chosen,
    places,
    query: query.request,
    list: (place, query) => list(place.host, query),
    apartMs: past === undefined || pairPast(past) ? apartMs : 0,
    findsSingle: past === undefined,
    async wait(ms) {
      if (past !== undefined) return past.step(1);
      const reason = await waitShowing(world, ms);
      if (reason !== undefined) status.interrupted = reason;
      return reason === undefined;
    },
    now: () => (past === undefined ? performance.now() : past.bootMs),
    shown,
    findOwners(inodes) {
      query.findOwners(inodes);
      for (const inode of inodes) {
        const found = query.names.owners(inode);
        if (found !== undefined) owners.set(inode, found);
      }
    },
    async resolve(hostNames) {
      if (!settings.dns) return;
      const lookUps = [...hostNames].map(async (name) => {
        const found = await host.resolver.addresses(name, undefined);
        addresses.set(name, found.map(textOf));
      });
      await Promise.all(lookUps);
    },
  });
  if (outcome === undefined) return status.interrupted;
  // The names have only the owners of the latest look-up.
  const names: HostNames = { ...query.names, owners: (inode) => owners.get(inode) };
  const entered = draft.actions.find(({ kind }) => kind === "netns");
  const netns = entered?.kind === "netns" ? { name: entered.name, pid: undefined } : undefined;
  const screen = world.stdout.terminalColumns;
  const style = { ...draft.style, timers: true, escape: screen !== undefined };
  return show({
    report: outcome,
    how: { style, names, shown, screen, container: draft.demands.has("containers"), netns },
    detail: { shown, netns, describe: describers(nameSource(plan, names)) },
  });
}
