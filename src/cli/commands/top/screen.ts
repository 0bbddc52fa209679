/** `top` on a screen: samples, keys and the mouse change the state. The screen draws it and carries out its wishes. */
import { pageOf } from "../../../live/page.ts";
import type { Terminal } from "../../world.ts";
import type { Task } from "../command.ts";
import type { Clock } from "../turns.ts";
import { makeActions } from "./actions.ts";
import { detailsOf } from "./details.ts";
import { findSocket } from "./find.ts";
import { painted } from "./line.ts";
import { refilter } from "./refilter.ts";
import { coverageText, Rewind } from "./rewind.ts";
import type { Sampler } from "./sampler.ts";
import type { TopSettings } from "./settings.ts";
import { firstState, requestOf, type Wish } from "./state.ts";
import { takeTerminal } from "./terminal.ts";
import { next, type ScreenEvent } from "./transition.ts";
import { viewOf } from "./view.ts";

/** The longest delay that a timer accepts, in milliseconds. */
const FOREVER = 2 ** 31 - 1;

/** A way through the past: to the sample after or before, or some milliseconds; 0 takes the present stop again. */
interface Move {
  readonly by: 1 | -1 | 0;
  readonly ms?: number;
}

/** Moves that wait at most, so that a key that is held down has no long aftermath. */
const MOST_MOVES = 8;

/** What the screen needs in addition to the task. */
export interface ScreenOptions {
  readonly terminal: Terminal;
  /** The first sampler; the screen closes it. */
  readonly sampler: Sampler;
  readonly host: string;
  readonly clock: Clock;
}

/** Runs the screen to its end. @returns the exit status */
export async function runScreen(task: Task<TopSettings>, options: ScreenOptions): Promise<number> {
  const { world, draft, settings, words } = task;
  const { terminal, host, clock } = options;
  const colour = (world.env["NO_COLOR"] ?? "") === "";
  const interrupted = world.interrupted();
  const actions = makeActions(world, (pid, signal) => process.kill(pid, signal));
  let { sampler } = options;
  /** Aborted when the run ends, for whatever reason. */
  const ending = new AbortController();
  let status: number | undefined;
  let failure: Error | undefined;
  /** The expression to apply next. */
  let filter: string | undefined;
  /** Where to go next in the past. */
  const moves: Move[] = [];
  const { past } = task.host;
  const rewind = past && new Rewind(past);
  let wake = () => {};
  let state = firstState({
    isPast: past !== undefined,
    size: { columns: 0, rows: 0 },
    host,
    allNetns: draft.allNetns,
    filter: words.args.join(" "),
    sort: settings.sort,
    by: settings.by,
  });

  const over = () => {
    ending.abort();
    wake();
  };
  const fail = (error: Error) => {
    failure ??= error;
    over();
  };
  const drawing = takeTerminal(terminal, {
    onKey: (key) => guard(() => dispatch({ kind: "key", key })),
    onMouse: (input) => guard(() => dispatch({ kind: "mouse", input })),
    onResize: (size) => guard(() => dispatch({ kind: "resize", size })),
    onError: fail,
  });
  const end = () => {
    status = Number(interrupted.reason);
    over();
  };
  interrupted.addEventListener("abort", end);

  /** Ends the run, not the process, if a callback throws. */
  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      fail(error as Error);
    }
  }

  function later(work: Promise<void>): void {
    work.catch(fail);
  }

  /** Changes the state by an event, draws it, and carries out its wish. */
  function dispatch(event: ScreenEvent): void {
    const wishes: Wish[] = [];
    const change = (each: ScreenEvent) => {
      state = next(state, each);
      if (state.wish !== undefined) wishes.push(state.wish);
    };
    change(event);
    const { table, owners } = sampler;
    const moved = event.kind === "sample" ? (event.moved ?? 1) : undefined;
    // A message or details do not change the rows.
    if (event.kind !== "message" && event.kind !== "details")
      change({ kind: "page", page: pageOf(table, owners, requestOf(state)), moved });
    const lines = viewOf(state).map((line) => painted(line, colour));
    drawing.draw(lines, state.mouse);
    for (const wish of wishes) fulfil(wish);
    // A key may have ended a pause.
    if (event.kind === "key" || event.kind === "mouse") wake();
  }

  function fulfil(wish: Wish): void {
    switch (wish.kind) {
      case "quit":
        status = wish.status;
        over();
        break;
      case "suspend":
        drawing.suspend();
        break;
      case "filter":
        filter = wish.text;
        wake();
        break;
      case "move":
        if (moves.length < MOST_MOVES) moves.push(wish);
        wake();
        break;
      case "may": {
        const answer = actions.check(sampler, wish.action);
        if ("refusal" in answer) dispatch({ kind: "message", text: answer.refusal });
        else dispatch({ kind: "allowed", action: wish.action, target: answer.target });
        break;
      }
      case "act":
        later(actions.act(sampler, wish.action).then((text) => dispatch({ kind: "message", text })));
        break;
      case "details":
        later(lookUp(wish.key));
        break;
    }
  }

  async function lookUp(key: string): Promise<void> {
    const { query, table, owners } = sampler;
    const found = await findSocket(sampler, key);
    const slot = table.slotOf(key);
    if (found === undefined || slot === undefined) return;
    const pid = table.process[slot]!;
    const groups = detailsOf(found.socket, {
      files: task.host.files,
      root: query.plan.sources.root,
      names: query.names,
      process: { pid, name: owners.name(pid) },
    });
    dispatch({ kind: "details", key, groups });
  }

  /** Watches the sockets of another filter, unless that is wrong. */
  async function watch(text: string): Promise<void> {
    const refiltered = await refilter(task, sampler, text, clock);
    if ("problem" in refiltered) {
      dispatch({ kind: "unfiltered", text, problem: refiltered.problem });
      return;
    }
    sampler[Symbol.dispose]();
    sampler = refiltered.sampler;
    rewind?.reopened();
    dispatch({ kind: "filtered", filter: text });
    if (rewind !== undefined) moves.push({ by: 0 });
  }

  /** Shows another stop of the past, or says why there is none. @returns whether there is one */
  async function rewound(to: Rewind, { by, ms }: Move): Promise<boolean> {
    const refusal = by === 0 ? undefined : ms === undefined ? to.move(by) : to.jump(ms);
    if (refusal !== undefined) {
      dispatch({ kind: "message", text: refusal, stops: true });
      return false;
    }
    const frame = await to.frame(sampler, ending.signal);
    const { time, sample, coverage, gap } = frame;
    dispatch({
      kind: "sample",
      sample,
      time,
      notes: sampler.notes(),
      moved: ms === undefined ? by : 0,
      past: {
        coverage: coverageText(frame),
        isGap: gap !== undefined,
        isWarning: gap !== undefined || coverage.notes.length > 0,
      },
    });
    return true;
  }

  /** Waits until the next sample is due, or until something else must be done. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isOver() || filter !== undefined || moves.length > 0) wake();
    });
  }

  function isOver(): boolean {
    return ending.signal.aborted;
  }

  let due = 0;
  let frames = 0;

  /** Does what is due: applies a filter, goes through the past, or takes a sample. @returns false after the last frame */
  async function turn(): Promise<boolean> {
    const isDue = !state.paused && clock() >= due;
    if (filter !== undefined) {
      const text = filter;
      filter = undefined;
      await watch(text);
      due = clock();
    } else if (rewind !== undefined && (moves.length > 0 || isDue)) {
      if (await rewound(rewind, moves.shift() ?? { by: 1 })) frames++;
      due = clock() + settings.delayMs;
    } else if (rewind === undefined && isDue) {
      const sample = await sampler.take(ending.signal);
      dispatch({ kind: "sample", sample, time: new Date(), notes: sampler.notes() });
      // The first sample has no rates.
      if (sample.number > 1) frames++;
      due = Math.max(due + settings.delayMs, clock());
    }
    return frames !== settings.count;
  }

  try {
    if (interrupted.aborted) end();
    dispatch({ kind: "resize", size: drawing.size });
    due = clock();
    if (rewind !== undefined) moves.push({ by: 0 });
    while (!isOver() && (await turn())) await pause(state.paused ? FOREVER : due - clock());
  } catch (error) {
    if (!isOver()) throw error;
  } finally {
    interrupted.removeEventListener("abort", end);
    drawing.close();
    sampler[Symbol.dispose]();
  }
  if (failure !== undefined) throw failure;
  return status ?? 0;
}
