/** All sockets together: how many in which state, and what they transfer. */
import { useComputed } from "@preact/signals";
import type { SampleTotals } from "./answers.ts";
import { cellText } from "./format.ts";
import { plotData } from "./gaps.ts";
import { type Line, Plot } from "./plot.tsx";
import { answer } from "./rows-data.ts";
import { host, narrow, sample, samples, show, stateName, view } from "./state.ts";

/** The word of the state in requests, by its name in the table. */
export function stateWord(name: string): string {
  const others: Readonly<Record<string, string>> = {
    ESTAB: "established",
    LISTEN: "listening",
    UNCONN: "unconnected",
  };
  return others[name] ?? name.toLowerCase();
}

/** Shows only a state, or all again. */
function toggle(name: string): void {
  const word = stateWord(name);
  show({ state: view.value.state === word ? "" : word, tab: "sockets" });
}

function States() {
  const states = answer.value?.facets.state ?? sample.value?.states ?? {};
  const rows = Object.entries(states).sort(([, a], [, b]) => b - a);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  const chosen = view.value.state;
  return (
    <div class="states">
      <svg class="shares" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 1000 6">
        {rows.map(([name, count], index) => {
          const before = rows.slice(0, index).reduce((sum, [, each]) => sum + each, 0);
          const width = Math.max(0, (count / all) * 1000 - 3);
          return (
            <rect
              key={name}
              data-state={stateName(name)}
              x={(before / all) * 1000}
              width={width}
              height="6"
              rx="1.5"
            />
          );
        })}
      </svg>
      <div class="chips">
        {rows.map(([name, count]) => (
          <button
            key={name}
            type="button"
            class="chip"
            data-state={stateName(name)}
            aria-pressed={chosen === stateWord(name)}
            onClick={() => toggle(name)}
          >
            <span>{stateName(name)}</span> {count.toLocaleString("en")}
          </button>
        ))}
        {chosen === "" ? null : (
          <button type="button" class="chip all" onClick={() => show({ state: "" })}>
            All states
          </button>
        )}
      </div>
    </div>
  );
}

/** A number of the host, with its last minutes. */
interface TileProps {
  readonly title: string;
  readonly unit: string;
  readonly of: keyof SampleTotals["totals"];
  readonly colour: Line["colour"];
}

function Tile({ title, unit, of, colour }: TileProps) {
  const data = useComputed(() =>
    plotData(
      samples.value.map((each) => [Date.parse(each.time), each.totals[of] ?? null]),
      1,
      host.value?.intervalMs ?? 1000,
    ),
  );
  const value = sample.value?.totals[of];
  const text = (number: number) => `${cellText(number, unit)}${unit === "bytes/s" ? "B/s" : "/s"}`;
  return (
    <div class="tile" data-colour={colour}>
      <span class="name">{title}</span>
      <b>{value === undefined || value === null ? "–" : text(value)}</b>
      {narrow.value ? null : (
        <Plot
          bare
          title={title}
          lines={[{ label: title, colour }]}
          data={data.value}
          height={26}
          text={text}
        />
      )}
    </div>
  );
}

/** The strip of numbers. */
export function Summary() {
  const newest = sample.value;
  const isPast = view.value.at !== "";
  return (
    <section class="summary" aria-label="All sockets">
      <div class="tile wide">
        <span class="name">
          Sockets
          {newest === undefined || isPast ? null : (
            <small>
              +{newest.opened} −{newest.closed}
            </small>
          )}
        </span>
        <b>
          {(isPast ? answer.value?.total : (newest?.sockets ?? answer.value?.total))?.toLocaleString("en") ??
            "–"}
        </b>
        <States />
      </div>
      {isPast ? null : (
        <>
          <Tile title="Received" unit="bytes/s" of="receivedBytesPerSecond" colour="--rx" />
          <Tile title="Acknowledged" unit="bytes/s" of="ackedBytesPerSecond" colour="--tx" />
          <Tile title="Retransmitted" unit="1/s" of="retransmitsPerSecond" colour="--bad" />
        </>
      )}
    </section>
  );
}
