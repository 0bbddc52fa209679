/** A plot of numbers over time. */
import { useSignal } from "@preact/signals";
import { clock } from "./format.ts";
import type { PlotData } from "./gaps.ts";
import { HEIGHT, largest, nearest, placeOf, scaleEnd, shapeOf, timeRange, WIDTH } from "./plot-shape.ts";

/** A line of a plot. */
export interface Line {
  readonly label: string;
  /** The custom property of its colour. */
  readonly colour: "--rx" | "--tx" | "--bad" | "--accent";
}

/** The plot. */
interface PlotProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly data: PlotData;
  /** Pixels. */
  readonly height: number;
  /** Writes a value. */
  readonly text: (value: number) => string;
  /** Without axes, title and numbers: the shape alone. */
  readonly bare?: boolean;
}

/** Draws the plot. Its numbers are text beside it. */
export function Plot({ title, lines, data, height, text, bare = false }: PlotProps) {
  const hovered = useSignal<number | undefined>(undefined);
  const [times, ...series] = data;
  const most = largest(data);
  const end = bare ? most * 1.08 || 1 : scaleEnd(most);
  const at = Math.min(hovered.value ?? times.length - 1, times.length - 1);
  const time = times[at];
  const valueText = (value: number | null | undefined) =>
    value === null || value === undefined ? "–" : text(value);
  const [from, until] = timeRange(data);
  const said = lines.map(({ label }, index) => `${label} ${valueText(series[index]?.at(-1))}`).join(", ");
  return (
    <figure class={bare ? "plot bare" : "plot"}>
      {bare ? null : (
        <figcaption>
          <b>
            {title}
            {hovered.value === undefined || time === undefined ? null : <time>{clock(time * 1000)}</time>}
          </b>
          {lines.map(({ label, colour }, index) => (
            <span key={label} data-colour={colour}>
              {label} {valueText(series[index]?.[at])}
            </span>
          ))}
        </figcaption>
      )}
      <div
        class="frame"
        style={{ height: `${height}px` }}
        onPointerMove={({ currentTarget, clientX }) => {
          const { left, width } = currentTarget.getBoundingClientRect();
          hovered.value = nearest(data, (clientX - left) / width);
        }}
        onPointerLeave={() => {
          hovered.value = undefined;
        }}
      >
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}: ${said}; at most ${text(most)}`}
        >
          {bare ? null : (
            <path class="grid" d={`M0 .5h${WIDTH}M0 ${HEIGHT / 2}h${WIDTH}M0 ${HEIGHT}h${WIDTH}`} />
          )}
          {lines.map(({ label, colour }, index) => {
            const { line, area } = shapeOf(data, index, end);
            return (
              <g key={label} data-colour={colour}>
                <path class="area" d={area} />
                <path class="curve" d={line} />
              </g>
            );
          })}
          {hovered.value === undefined || time === undefined ? null : (
            <path class="cursor" d={`M${placeOf(data, time) * WIDTH} 0v${HEIGHT}`} />
          )}
        </svg>
        {bare ? null : (
          <>
            <i class="most">{text(end)}</i>
            <i class="from">{clock(from * 1000)}</i>
            <i class="until">{clock(until * 1000)}</i>
          </>
        )}
      </div>
    </figure>
  );
}
