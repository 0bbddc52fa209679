/** GET /api/doctor: what is wrong with the sockets of this host. One examination serves all for a while. */
import { describers } from "../catalogue/describe.ts";
import {
  type ChosenRule,
  type Diagnosis,
  type ExaminedPlace,
  examine,
  type Report,
} from "../doctor/examine.ts";
import { filesBelow, processTable } from "../doctor/host-facts.ts";
import { rules } from "../doctor/rules/index.ts";
import type { Owner } from "../enrich/processes.ts";
import type { Json } from "../model/json.ts";
import { reportObject } from "../output/doctor.ts";
import { explanationOf, explanationText } from "../output/explain.ts";
import { nameSource } from "../output/name-source.ts";
import { recordedFindingObject } from "../output/recorded-finding.ts";
import { allParts } from "../query/all-parts.ts";
import { list } from "../query/list.ts";
import { openQuery } from "../query/open.ts";
import type { StoredSighting } from "../store/noted.ts";
import { newcomersAt, pairPast } from "../store/past-doctor.ts";
import type { Span } from "../store/reader.ts";
import type { ServeContext } from "./context.ts";
import { openStore } from "./history.ts";
import { machineAt, readWhen } from "./moments.ts";
import { problemSentence } from "./notes.ts";
import { pastParameters, queryParameter, readWord } from "./parameters.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { planOf } from "./sampler.ts";
import { showable } from "./secrets.ts";
import { jsonAnswer } from "./server.ts";
import { socketIdOf } from "./socket-id.ts";

/** How long a report answers requests. */
const KEPT_MS = 10_000;
/** Time between the two samples of an examination. */
const APART_MS = 2000;
/** Sockets of a finding that are shown. */
const SHOWN = 20;

/** A report, and the same as JSON. */
export interface Examined {
  readonly report: Report;
  /** When it was made, in milliseconds since 1970. */
  readonly timeMs: number;
  /** As docs/doctor-schema.json describes it; each finding also has `ids` and `filter`. */
  readonly object: { readonly [key: string]: Json };
  /** The findings about a socket, by its id. */
  findingsOf(
    id: string,
  ): readonly { readonly rule: string; readonly severity: string; readonly title: string }[];
}

/** Examines the host on request. */
export interface Doctor {
  /** The last report, if there is one. */
  readonly latest: Examined | undefined;
  /** A report that is not old. @param apart whether to take two samples: rules about rates need them */
  report(apart: boolean): Promise<Examined>;
  /** Calls a listener with every new report. @returns a function that ends it */
  subscribe(listener: (examined: Examined) => void): () => void;
}

/** The rules with their default thresholds. */
const everyRule: readonly ChosenRule[] = rules.map((rule) => ({
  rule,
  thresholds: Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
}));
/** Those that need no more than the machine itself. */
const liveRules = everyRule.filter(({ rule }) => rule.recorded !== true);

/** A filter that selects the sockets of a finding of our own network namespace, if its subject gives one. */
function filterOf({ subject, place }: Diagnosis): string | null {
  return place?.netns === undefined ? filterOfSubject(subject) : null;
}

function filterOfSubject(subject: string): string | null {
  const [, what, number] = /^(port|pid) (\d+)$/.exec(subject) ?? [];
  if (number !== undefined) return what === "port" ? `sport = :${number}` : `pid = ${number}`;
  // An address with a port is that of a listener, or of the peers of connections.
  if (/^(?:[\d.]+|\[[0-9a-f:.]+\]):\d+$/.test(subject)) return `( src ${subject} or dst ${subject} )`;
  if (!/^[0-9a-f.:]+$/.test(subject)) return null;
  return subject.includes(":") ? `dst [${subject}]` : subject.includes(".") ? `dst ${subject}` : null;
}

function idsOf({ sockets = [] }: Diagnosis): string[] {
  return sockets.map((socket) => socketIdOf(socket));
}

/** How a machine is examined. */
interface ExamineOptions {
  /** Milliseconds between the two samples; 0 for one sample. Those of the past are as far apart as they were taken. */
  readonly apartMs: number;
  /** When it was so, if not now, in milliseconds since 1970. */
  readonly timeMs?: number;
  /** What was seen for the first time, of all times. */
  readonly sighted?: readonly StoredSighting[];
}

/** Examines a machine. */
async function examineOnce(
  context: ServeContext,
  { apartMs, timeMs = Date.now(), sighted = [] }: ExamineOptions,
): Promise<Examined> {
  const { host, sources, showArguments } = context;
  const { past } = host;
  const unlisted: string[] = [];
  const report = (problem: Parameters<typeof problemSentence>[0]) => {
    const sentence = problemSentence(problem);
    if (sentence !== undefined) unlisted.push(sentence);
  };
  const plan = planOf(context);
  using query = await openQuery({ host, report, parts: allParts, keep: false }, plan);
  const owners = new Map<number, readonly Owner[]>();
  const processes = processTable(host.files, sources.root);
  const places: ExaminedPlace[] = query.places.map((place) => ({
    ...place,
    hostFacts: {
      netns: place.netns,
      ...filesBelow(place.host.files, sources.root),
      ...processes,
      // Findings quote what they read.
      commandLine: (pid) => (showArguments ? processes.commandLine(pid) : []),
      owners: (inode) => owners.get(inode) ?? [],
      unlisted: () => unlisted,
      addresses: () => undefined,
      newcomers: () =>
        past === undefined ? [] : newcomersAt(sighted, timeMs, place.netns?.inode ?? past.netns),
    },
  }));
  const found = await examine({
    rules: past === undefined ? liveRules : everyRule,
    places,
    query: { ...query.request, demands: new Set() },
    list: (place, query) => list(place.host, query),
    apartMs: past === undefined || pairPast(past) ? apartMs : 0,
    findsSingle: past === undefined,
    wait: async (ms) => {
      if (past !== undefined) return past.step(1);
      await Bun.sleep(ms);
      return true;
    },
    now: () => (past === undefined ? performance.now() : past.bootMs),
    shown: SHOWN,
    findOwners(inodes) {
      query.findOwners(inodes);
      for (const inode of inodes) {
        const known = query.names.owners(inode);
        if (known !== undefined) owners.set(inode, known);
      }
    },
    resolve: async () => undefined,
  });
  if (found === undefined) throw new Refusal(404, "The sample after this moment is gone.");
  const names = { ...query.names, owners: (inode: number) => owners.get(inode) };
  const describe = describers(showable(nameSource(plan, names, { explanationOf, explanationText }), context));
  const object = reportObject(found, { shown: SHOWN, netns: undefined, describe });
  const ids = found.diagnoses.map(idsOf);
  const findings = (object["findings"] as { [key: string]: Json }[]).map((finding, index) => ({
    ...finding,
    ids: ids[index]!.slice(0, SHOWN),
    filter: filterOf(found.diagnoses[index]!),
  }));
  const bySocket = new Map<string, { rule: string; severity: string; title: string }[]>();
  for (const [index, { rule, severity, title }] of found.diagnoses.entries())
    for (const id of ids[index]!) {
      const own = bySocket.get(id) ?? [];
      own.push({ rule: rule.id, severity, title });
      bySocket.set(id, own);
    }
  return {
    report: found,
    timeMs,
    object: { time: new Date(timeMs).toISOString(), ...object, findings },
    findingsOf: (id) => bySocket.get(id) ?? [],
  };
}

/** Makes the doctor of a server. */
export function openDoctor(context: ServeContext): Doctor {
  const listeners = new Set<(examined: Examined) => void>();
  const kept = new Map<boolean, { readonly untilMs: number; readonly report: Promise<Examined> }>();
  let latest: Examined | undefined;
  return {
    get latest() {
      return latest;
    },
    report(apart) {
      const known = kept.get(apart);
      if (known !== undefined && performance.now() < known.untilMs) return known.report;
      const report = examineOnce(context, { apartMs: apart && context.live ? APART_MS : 0 }).then(
        (examined) => {
          latest = examined;
          for (const listener of listeners) listener(examined);
          return examined;
        },
      );
      kept.set(apart, { untilMs: performance.now() + KEPT_MS + (apart ? APART_MS : 0), report });
      report.catch(() => kept.delete(apart));
      return report;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What the recorder's doctor found in a span, as far as it is kept. */
function recordedFindings(context: ServeContext, span: Span) {
  const findings = openStore(context)?.findings(span) ?? [];
  return {
    time: new Date(span.untilMs).toISOString(),
    recorded: true,
    findings: findings.map((finding) => ({
      ...recordedFindingObject(finding),
      why: rules.find(({ id }) => id === finding.rule)?.why ?? "",
      advice: [],
      filter: finding.netns === undefined ? filterOfSubject(finding.subject) : null,
    })),
  };
}

/** The route. @param doctor undefined where only the past is served */
export function doctorRoute(context: ServeContext, doctor?: Doctor): Route {
  return {
    method: "GET",
    path: "/api/doctor",
    doc: "What is wrong with the sockets of this host, as 'sockscope doctor --json' reports it. A report serves all requests of ten seconds. Of a moment of the past, what the rules find in the sample of that moment and the next; of a span, what the recorder noted.",
    access: "token",
    parameters: [
      queryParameter("apart", "Time between the two samples that rules about rates need; 0s takes one.", {
        enum: ["0s", "2s"],
        default: "2s",
      }),
      ...pastParameters,
    ],
    types: ["application/json"],
    async handle({ values, request }) {
      const apart = readWord("apart", values["apart"], ["0s", "2s"], "2s");
      const when = readWhen(values) ?? (doctor === undefined ? { atMs: Date.now() } : undefined);
      if (when === undefined) return jsonAnswer(request, (await doctor!.report(apart === "2s")).object);
      if (!("atMs" in when)) return jsonAnswer(request, recordedFindings(context, when));
      const { context: then, reader, timeMs } = machineAt(context, when.atMs);
      const apartMs = apart === "2s" ? APART_MS : 0;
      const examined = await examineOnce(then, { apartMs, timeMs, sighted: reader.sightings() });
      return jsonAnswer(request, examined.object);
    },
  };
}
