/** A long list: only its visible rows are in the document. */
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, HTMLAttributes } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { scrollTo, visibleRows } from "./visible-rows.ts";

/** A range of rows. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** The list. */
interface ListProps {
  readonly count: number;
  /** Pixels of one row. */
  readonly rowHeight: number;
  /** Where the rows that are drawn are written. */
  readonly range: Signal<RowRange>;
  /** A row that is to be visible; -1 for none. */
  readonly show: number;
  /** What the rows are of: with another list, the first row is shown again. */
  readonly list?: string;
  /** What stays above the rows. */
  readonly head?: ComponentChildren;
  readonly draw: (index: number) => ComponentChildren;
  /** Attributes of the element that scrolls. */
  readonly attributes: HTMLAttributes<HTMLDivElement>;
}

/** Draws the list. */
export function List({ count, rowHeight, range, show, list: name = "", head, draw, attributes }: ListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const headHeight = useRef(0);

  useLayoutEffect(() => {
    const element = scroller.current!;
    function measure(): void {
      headHeight.current = element.querySelector<HTMLElement>(".head")?.offsetHeight ?? 0;
      height.value = Math.max(rowHeight, element.clientHeight - headHeight.current);
    }
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [rowHeight, height]);

  const list = { count, rowHeight, height: height.value, top: top.value };
  const drawn = visibleRows(list);
  useEffect(() => {
    const { first, count } = range.peek();
    if (first !== drawn.first || count !== drawn.count)
      range.value = { first: drawn.first, count: drawn.count };
  });
  useLayoutEffect(() => {
    scroller.current!.scrollTop = 0;
  }, [name]);
  useLayoutEffect(() => {
    if (show < 0) return;
    const element = scroller.current!;
    const wanted = scrollTo({ count, rowHeight, height: height.peek(), top: element.scrollTop }, show);
    if (wanted !== element.scrollTop) element.scrollTop = wanted;
  }, [show, count, rowHeight, height]);

  const indices = Array.from({ length: drawn.count }, (_, index) => drawn.first + index);
  return (
    <div
      {...attributes}
      ref={scroller}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
      }}
    >
      {head}
      <div class="all" role="presentation" style={{ height: `${drawn.total}px` }}>
        <div class="drawn" role="presentation" style={{ transform: `translateY(${drawn.offset}px)` }}>
          {indices.map(draw)}
        </div>
      </div>
    </div>
  );
}
