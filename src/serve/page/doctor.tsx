/** What is wrong, and what to do about it. */
import { computed, effect, signal } from "@preact/signals";
import type { DoctorAnswer, Finding, Severity } from "./answers.ts";
import { request } from "./api.ts";
import { endText, filterOf } from "./ends.ts";
import { clock, moment, spanText } from "./format.ts";
import { loader } from "./loader.ts";
import { heardAt, now, showRows, time, view } from "./state.ts";

/** Pauses before an examination, in milliseconds: with the tab open, without, before the first, and in the past. */
const PAUSE = { open: 10_000, closed: 60_000, first: 4000, past: 300 };

const report = signal<{ readonly answer: DoctorAnswer; readonly at: number } | undefined>(undefined);
const failure = signal("");

const doctor = loader(async (signal) => {
  try {
    report.value = { answer: await request<DoctorAnswer>("/api/doctor", {}, signal), at: Date.now() };
    failure.value = "";
  } catch (error) {
    if (signal.aborted) return;
    failure.value = `The doctor cannot examine the host: ${(error as Error).message}`;
  }
});

/** What was wrong at the time of the past that the page shows. */
const pastReport = signal<DoctorAnswer | undefined>(undefined);
const pastFailure = signal("");

/** The time of the past that the page shows; a blank for now. */
const past = computed(() => `${view.value.from} ${view.value.at}`);

const pastDoctor = loader(async (signal) => {
  const shown = past.peek();
  try {
    const answer = await request<DoctorAnswer>("/api/doctor", time(view.peek()), signal);
    if (past.peek() === shown) pastReport.value = answer;
  } catch (error) {
    if (!signal.aborted && past.peek() === shown) pastFailure.value = (error as Error).message;
  }
});

/** The findings of the time that the page shows, as far as they are known. */
const shownFindings = computed(() => {
  const answer = view.value.at === "" ? report.value?.answer : pastReport.value;
  return answer?.findings ?? [];
});

/** How many findings there are of each severity, at the time that the page shows. */
export const findings = computed(() => {
  const counts: Partial<Record<Severity, number>> = {};
  for (const { severity } of shownFindings.value) counts[severity] = (counts[severity] ?? 0) + 1;
  return counts;
});

/** The findings about a socket of the past, by its id. Those of now are among its details. */
export function pastFindingsOf(id: string): readonly Finding[] {
  return view.value.at === "" ? [] : shownFindings.value.filter(({ ids = [] }) => ids.includes(id));
}

/** Examines the host now and then, while samples come: first some seconds after the rows, which must not wait for it. */
export function followDoctor(): void {
  effect(() => {
    // While somebody moves along the time line, only the time at which they rest is examined.
    const pause = past.value === " " ? undefined : setTimeout(() => pastDoctor.restart(), PAUSE.past);
    pastReport.value = undefined;
    pastFailure.value = "";
    return () => clearTimeout(pause);
  });
  let last = Date.now() - PAUSE.closed + PAUSE.first;
  effect(() => {
    const isOpen = view.value.tab === "doctor";
    const pause = isOpen ? PAUSE.open : PAUSE.closed;
    if (isOpen && report.peek() === undefined) last = 0;
    if (heardAt.value === 0 || document.visibilityState !== "visible" || now.value - last < pause) return;
    last = now.value;
    doctor.refresh();
  });
}

/** The ids of the sockets of a finding that are known. */
function knownIds({ ids = [] }: Finding): readonly string[] {
  return ids.filter((id) => id !== null);
}

/** Sockets whose expressions are joined, if the server has none for all of them. */
const MOST_JOINED = 10;

/** The expression that selects sockets of a finding, and what the button says that it shows. */
function selectionOf({
  filter,
  sockets,
  socketCount,
}: Finding): { filter: string; name: string } | undefined {
  const all = socketCount === 1 ? "the socket" : `the ${socketCount} sockets`;
  if (filter) return { filter, name: socketCount > 0 ? all : "the sockets" };
  const each = sockets.slice(0, MOST_JOINED).map(filterOf);
  if (each.length === 0 || each.includes(undefined)) return undefined;
  const joined = each.length === 1 ? each[0]! : each.map((one) => `( ${one} )`).join(" or ");
  return { filter: joined, name: each.length < socketCount ? `${each.length} of ${all}` : all };
}

function Card({ finding }: { readonly finding: Finding }) {
  const { severity, title, rule, why, advice, evidence, sockets, firstSeen, lastSeen, cleared } = finding;
  const selection = selectionOf(finding);
  const ids = knownIds(finding);
  return (
    <article class="card finding" data-severity={severity}>
      <h3 tabIndex={-1} data-step="">
        <span class="severity">{severity}</span> {title}
      </h3>
      {firstSeen === undefined || lastSeen === undefined ? null : (
        <p class="note">
          {cleared === undefined ? "Seen" : "Lasted"} {spanText(firstSeen, cleared ?? lastSeen)}
        </p>
      )}
      <p>{why}</p>
      {sockets.length === 0 ? null : (
        <ul class="about">
          {sockets.slice(0, 5).map(({ netid, state, local = {}, peer = {} }, index) => {
            const id = ids.length === sockets.length ? ids[index] : undefined;
            const text = `${endText(local)} → ${endText(peer)}`;
            return (
              <li key={id ?? `${index} ${text}`}>
                <span data-state={state}>{state}</span> <code>{netid}</code>{" "}
                {id === undefined ? (
                  text
                ) : (
                  <button
                    type="button"
                    class="link"
                    onClick={() => showRows(filterOf({ local, peer }) ?? "", { open: id })}
                  >
                    {text}
                  </button>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {evidence.length === 0 ? null : (
        <p class="evidence">
          {evidence.map((each) => (
            <code key={each}>{each}</code>
          ))}
        </p>
      )}
      <ol class="advice">
        {advice.map(({ text, command }) => (
          <li key={text}>
            {text}
            {command === undefined ? null : <pre>{command}</pre>}
          </li>
        ))}
      </ol>
      <footer>
        {selection === undefined ? null : (
          <button type="button" class="main" onClick={() => showRows(selection.filter)}>
            Show {selection.name}
          </button>
        )}
        <code>{rule}</code>
      </footer>
    </article>
  );
}

/** What was examined, and when. */
function Examined({ answer, at }: { readonly answer: DoctorAnswer; readonly at: string }) {
  const { rulesChecked = [], socketsExamined = 0, recorded } = answer;
  const rules = recorded
    ? "What the recorder's doctor found"
    : `${rulesChecked.length} rules on ${socketsExamined.toLocaleString("en")} sockets`;
  return (
    <span class="note">
      {rules}, {at}
    </span>
  );
}

/** The tab at a time of the past. */
function PastDoctor() {
  const { at, from } = view.value;
  const answer = pastReport.value;
  const none = answer?.recorded
    ? "The recorder noted no finding in this span."
    : "No rule finds anything wrong at this moment.";
  return (
    <div class="page">
      <div class="heading">
        <h2>What was wrong</h2>
        {answer === undefined ? null : (
          <Examined answer={answer} at={from === "" ? moment(Date.parse(answer.time)) : spanText(from, at)} />
        )}
      </div>
      {pastFailure.value === "" ? null : (
        <p class="call" data-severity="warning" role="alert">
          {pastFailure.value}
        </p>
      )}
      {answer === undefined && pastFailure.value === "" ? <p class="empty">Reading the past…</p> : null}
      {answer?.findings.length === 0 ? <p class="empty good">{none}</p> : null}
      {answer?.findings.map((finding) => (
        <Card key={`${finding.rule} ${finding.subject} ${finding.firstSeen}`} finding={finding} />
      ))}
    </div>
  );
}

/** The tab. */
export function Doctor() {
  return view.value.at === "" ? <LiveDoctor /> : <PastDoctor />;
}

function LiveDoctor() {
  const held = report.value;
  return (
    <div class="page">
      <div class="heading">
        <h2>What is wrong</h2>
        {held === undefined ? null : <Examined answer={held.answer} at={`at ${clock(held.at)}`} />}
        <button type="button" onClick={() => doctor.refresh()}>
          Examine again
        </button>
      </div>
      {failure.value === "" ? null : (
        <p class="call" data-severity="warning" role="alert">
          {failure.value}
        </p>
      )}
      {held === undefined && failure.value === "" ? <p class="empty">Examining the host…</p> : null}
      {held?.answer.findings.length === 0 ? (
        <p class="empty good">No rule found anything wrong.</p>
      ) : (
        held?.answer.findings.map((finding) => (
          <Card key={`${finding.rule} ${finding.subject}`} finding={finding} />
        ))
      )}
    </div>
  );
}
