/** One socket: what limits it, its rates, its process, and every field with unit and meaning. */
import { effect, signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FieldValue, SocketAnswer } from "./answers.ts";
import { Refusal, request } from "./api.ts";
import { pastFindingsOf } from "./doctor.tsx";
import { endText } from "./ends.ts";
import { cellText, moment } from "./format.ts";
import { plotData } from "./gaps.ts";
import { Kill } from "./kill.tsx";
import { loader } from "./loader.ts";
import { Plot } from "./plot.tsx";
import { host, sample, show, showRows, time, view } from "./state.ts";

/** The open socket. */
const socket = signal<SocketAnswer | undefined>(undefined);
const failure = signal("");

const details = loader(async (signal) => {
  const { open } = view.peek();
  if (open === "") return;
  try {
    const path = `/api/socket/${encodeURIComponent(open)}`;
    socket.value = await request<SocketAnswer>(path, time(view.peek()), signal);
    failure.value = "";
  } catch (error) {
    if (signal.aborted) return;
    failure.value =
      error instanceof Refusal && error.status === 404
        ? "This socket does not exist any more."
        : `Its details are not known: ${(error as Error).message}`;
  }
});

/** Requests the open socket whenever it or the sample changes. */
export function followDetails(): void {
  effect(() => {
    void [view.value.open, view.value.at, view.value.from];
    if (socket.peek()?.id !== view.value.open) socket.value = undefined;
    failure.value = "";
    details.restart();
  });
  effect(() => {
    void sample.value?.generation;
    const { open, at } = view.peek();
    if (open !== "" && at === "" && socket.peek()?.state !== "closed") details.refresh();
  });
}

/** The value of a field, exactly. */
function exact(value: unknown, unit: string | undefined): string {
  if (typeof value === "number" && unit !== undefined && unit !== "sequence")
    return value.toLocaleString("en");
  return cellText(value, undefined);
}

function FieldGroup({
  title,
  facts,
  isOpen,
}: {
  readonly title: string;
  readonly facts: readonly FieldValue[];
  readonly isOpen: boolean;
}) {
  return (
    <details open={isOpen}>
      <summary>
        {title} <small>{facts.length}</small>
      </summary>
      <dl>
        {facts.map(({ key, value, unit, doc }) => (
          <div key={key}>
            <dt title={key}>{key.slice(key.lastIndexOf(".") + 1)}</dt>
            <dd>
              <b>{exact(value, unit)}</b> {unit !== undefined && unit !== "sequence" ? <i>{unit}</i> : null}
              <p>{doc}</p>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** All fields, with a search among them. */
function AllFields({ facts }: { readonly facts: readonly FieldValue[] }) {
  const wanted = useSignal("");
  const words = wanted.value.toLowerCase();
  const found = facts.filter(({ key, doc }) => `${key} ${doc}`.toLowerCase().includes(words));
  const groups = Map.groupBy(found, ({ group }) => group);
  return (
    <section>
      <div class="heading">
        <h3>All fields</h3>
        <input
          type="search"
          placeholder={`Search ${facts.length} fields`}
          aria-label="Search fields"
          value={wanted.value}
          onInput={({ currentTarget }) => {
            wanted.value = currentTarget.value;
          }}
        />
      </div>
      {Array.from(groups, ([title, each]) => (
        <FieldGroup
          key={title}
          title={title}
          facts={each}
          isOpen={!/option|memory/i.test(title) || words !== ""}
        />
      ))}
      {found.length === 0 ? <p class="note">No field matches.</p> : null}
    </section>
  );
}

/** What the rows of the plots are. */
const rateColumns = ["time", "rx", "tx", "rtt", "retransRate"] as const;

function Rates({ rates }: { readonly rates: NonNullable<SocketAnswer["rates"]> }) {
  const data = useComputed(() => {
    const { columns, rows, intervalMs } = socket.value?.rates ?? rates;
    const places = rateColumns.map((name) => columns.indexOf(name));
    const ordered = rows.map((row) =>
      places.map((place, index) => {
        const value = row[place] ?? null;
        return index === 0 ? Date.parse(`${value}`) : (value as number | null);
      }),
    );
    return plotData(ordered, 4, intervalMs || (host.value?.intervalMs ?? 1000));
  });
  const [times, rx, tx, rtt, retrans] = data.value;
  const bytes = (value: number) => `${cellText(value, "bytes/s")}B/s`;
  return (
    <section class="plots">
      <Plot
        title="Bytes"
        lines={[
          { label: "received", colour: "--rx" },
          { label: "acknowledged", colour: "--tx" },
        ]}
        data={[times, rx!, tx!]}
        height={112}
        text={bytes}
      />
      <Plot
        title="Round trip"
        lines={[{ label: "RTT", colour: "--accent" }]}
        data={[times, rtt!]}
        height={76}
        text={(value) => `${cellText(value, "us")} ms`}
      />
      <Plot
        title="Retransmissions"
        lines={[{ label: "segments", colour: "--bad" }]}
        data={[times, retrans!]}
        height={64}
        text={(value) => `${cellText(value, "1/s")}/s`}
      />
    </section>
  );
}

/** What the facts of a process mean. */
const processFacts = {
  comm: "name",
  pid: "process id",
  user: "its user",
  exe: "its program",
  cmdline: "its arguments",
  startTime: "when it began",
  unit: "systemd unit",
  container: "container",
} as const;

function nameOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "object") return `${value}`;
  const { name, id, pid, inode } = value as Readonly<Record<string, unknown>>;
  return `${name ?? id ?? (pid === undefined ? inode : `pid:${pid}`) ?? JSON.stringify(value)}`;
}

function Process({ process, container, netns }: SocketAnswer) {
  const facts = { container, ...process } as Readonly<Record<string, unknown>>;
  const rows = Object.entries(processFacts).flatMap(([key, doc]) => {
    const value = facts[key];
    const text = Array.isArray(value) ? value.join(" ") : nameOf(value);
    return text === undefined ? [] : [[key, doc, text] as const];
  });
  const pid = process?.["pid"];
  return (
    <section>
      <h3>Process</h3>
      {rows.length === 0 ? (
        <p class="note">No process that the server may read has this socket open.</p>
      ) : null}
      <dl class="facts">
        {rows.map(([key, doc, text]) => (
          <div key={key}>
            <dt>{doc}</dt>
            <dd>{text}</dd>
          </div>
        ))}
        {nameOf(netns) === undefined ? null : (
          <div>
            <dt>network namespace</dt>
            <dd>{nameOf(netns)}</dd>
          </div>
        )}
      </dl>
      {pid === undefined ? null : (
        <button type="button" class="quiet" onClick={() => showRows(`pid = ${pid}`)}>
          All sockets of this process
        </button>
      )}
    </section>
  );
}

function Body({ held }: { readonly held: SocketAnswer }) {
  const { explanation, findings, rates, fields, state, closed } = held;
  return (
    <>
      {state === "closed" ? (
        <p class="call" data-severity="info">
          Closed{closed === undefined ? "" : ` at ${moment(Date.parse(closed))}`}. These are its last values.
        </p>
      ) : null}
      {explanation === null ? null : <p class="call">{explanation.sentence}</p>}
      {[...findings, ...pastFindingsOf(held.id)].map(({ rule, severity, title }) => (
        <p key={rule + title} class="call" data-severity={severity}>
          {title} <code>{rule}</code>
        </p>
      ))}
      {rates !== undefined && rates.rows.length > 1 ? <Rates rates={rates} /> : null}
      <Process {...held} />
      <Kill held={held} />
      <AllFields facts={fields} />
    </>
  );
}

/** The panel. */
export function Details() {
  const heading = useRef<HTMLHeadingElement>(null);
  const { open } = view.value;
  const held = socket.value?.id === open ? socket.value : undefined;
  useEffect(() => heading.current?.focus({ preventScroll: true }), [open]);
  const { netid, state, local, peer } = held?.socket ?? {};
  const peerAddress = peer?.address;
  return (
    <aside class="details" aria-labelledby="details-title">
      <div class="heading">
        <h2 id="details-title" tabIndex={-1} ref={heading}>
          {held === undefined ? (
            "Socket"
          ) : (
            <>
              <span class="kind">
                {netid} <span data-state={state}>{state}</span>
              </span>
              <span class="ends">
                {endText(local)} <i>→</i> {endText(peer)}
              </span>
            </>
          )}
        </h2>
        <button type="button" class="quiet close" aria-label="Close the details" onClick={closeDetails}>
          ×
        </button>
      </div>
      {failure.value === "" ? null : (
        <p class="call" data-severity="warning">
          {failure.value}
        </p>
      )}
      {held === undefined ? null : <Body key={held.id} held={held} />}
      {peerAddress === undefined || state === "LISTEN" ? null : (
        <button type="button" class="quiet" onClick={() => showRows(`dst ${peerAddress}`)}>
          All sockets with this peer
        </button>
      )}
    </aside>
  );
}

/** Closes the panel, and goes back to where it was opened. */
export function closeDetails(): void {
  show({ open: "" });
  document.getElementById("grid")?.focus();
}
