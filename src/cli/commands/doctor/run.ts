/** One run of the doctor: what is examined, the wait between the samples, how findings are shown. */
import { describers } from "../../../catalogue/describe.ts";
import { type Examination, type ExaminedPlace, examine, type Report } from "../../../doctor/examine.ts";
import { severities } from "../../../doctor/rule.ts";
import { rules } from "../../../doctor/rules/index.ts";
import { filesBelow, processTable } from "../../../doctor/surroundings.ts";
import { addressText } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import { stateGroups } from "../../../model/state.ts";
import { explainRule, formatReport, listRules, reportObject, ruleObject } from "../../../output/doctor.ts";
import { JsonWriter } from "../../../output/json.ts";
import { allParts } from "../../../query/all-parts.ts";
import { list } from "../../../query/list.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { filterStop } from "../../filter.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { nameSource } from "../../name-source.ts";
import type { Draft } from "../../options.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseStates, select } from "../../select.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { type DoctorSettings, EXIT_FOUND } from "./settings.ts";
import { ChoiceError, chooseRules, ruleOf } from "./thresholds.ts";
import { waitShowing } from "./wait.ts";

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

/** Does what a command line asks of the doctor. @returns the exit status */
export async function runDoctor(task: Task<DoctorSettings>): Promise<number> {
  const { world, draft, settings } = task;
  try {
    const chosen = chooseRules(rules, settings.rules, settings.thresholds);
    if (settings.listRules || settings.explain !== undefined) {
      const told =
        settings.explain === undefined ? chosen : chooseRules(rules, [settings.explain], settings.thresholds);
      const write = (bytes: Uint8Array) => world.stdout.write(bytes);
      if (draft.format === "json") {
        const json = new JsonWriter("json", write);
        for (const each of told) json.write(ruleObject(each));
        json.end();
      } else if (settings.explain !== undefined) {
        ruleOf(rules, settings.explain);
        write(encoder.encode(explainRule(told[0]!)));
      } else write(encoder.encode(listRules(told)));
      return 0;
    }
    return await examineSockets(task, chosen);
  } catch (error) {
    if (!(error instanceof ChoiceError)) throw error;
    return refusal(world, error.message);
  }
}

async function examineSockets(
  { world, host, draft, settings, words }: Task<DoctorSettings>,
  chosen: Examination["rules"],
): Promise<number> {
  // Rules say which states they look at; options of ss that name states narrow that down.
  const choice = draft.choice.stateFilter === 0 ? chooseStates(draft.choice, stateGroups.all) : draft.choice;
  const selected = select(choice, words.args, world.program);
  if (isStop(selected)) return halt(world, selected);
  const filter = { args: selected.words, file: words.file };
  const plan = planOf(world, draft, selected.selection, filter, { demands: ["owners"] });
  const { root } = plan.sources;
  const processes = processTable(host.files, root);
  const unlisted: string[] = [];
  const addresses = new Map<string, readonly string[]>();
  const report = (problem: Problem) => {
    const text = problemText(world, host, plan.sources, problem);
    world.stderr.write(encoder.encode(text));
    if (text !== "" && problem.kind !== "unreadable") unlisted.push(text.trimEnd());
  };
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host, program: world.program, report, parts: allParts, keep: false }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, filter));
  }
  using query = opened;
  const places: ExaminedPlace[] = query.places.map((place) => ({
    ...place,
    surroundings: {
      netns: place.netns,
      ...filesBelow(place.host.files, root),
      ...processes,
      owners: (inode) => query.names.owners(inode) ?? [],
      unlisted: () => unlisted,
      addresses: (hostName) => addresses.get(hostName),
    },
  }));
  const once = draft.replay !== undefined || draft.record !== undefined;
  const status = { interrupted: 0 };
  const outcome = await examine({
    rules: chosen,
    places,
    query: query.request,
    list: (place, query) => list(place.host, query),
    apartMs: once ? 0 : settings.apartMs,
    async wait(ms) {
      const reason = await waitShowing(world, ms);
      if (reason !== undefined) status.interrupted = reason;
      return reason === undefined;
    },
    now: () => performance.now(),
    shown: draft.top ?? SHOWN,
    findOwners: (inodes) => query.findOwners(inodes),
    async resolve(hostNames) {
      const found = [...hostNames].map(async (name) => {
        const bytes = await host.resolver.addresses(name, undefined);
        addresses.set(name, bytes.map(textOf));
      });
      await Promise.all(found);
    },
  });
  if (outcome === undefined) return status.interrupted;
  show(world, draft, query, outcome);
  const worst = outcome.diagnoses[0]?.severity;
  const { failOn } = settings;
  const fails =
    failOn !== undefined && worst !== undefined && severities.indexOf(worst) >= severities.indexOf(failOn);
  return fails ? EXIT_FOUND : 0;
}

function show(world: World, draft: Draft, { names, plan }: OpenQuery, report: Report): void {
  const write = (bytes: Uint8Array) => world.stdout.write(bytes);
  const shown = draft.top ?? SHOWN;
  if (draft.format === "json") {
    const describe = describers(nameSource(plan, names));
    const json = new JsonWriter("ndjson", write);
    json.write(reportObject(report, { shown, describe }));
    json.end();
    return;
  }
  const screen = world.stdout.terminalColumns;
  const style = { ...draft.style, timers: true, escape: screen !== undefined };
  const how = { style, names, shown, screen, container: draft.demands.has("containers") };
  write(encoder.encode(formatReport(report, how)));
}
