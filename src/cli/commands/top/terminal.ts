/** The terminal: draws lines, and tells of keys. Ink does both; nothing else knows of it. */
import { type Key as InkKey, render, Text, useInput } from "ink";
import { createElement } from "react";
import type { Terminal } from "../../world.ts";
import type { Key } from "./keys.ts";
import type { Size } from "./state.ts";

/** A terminal that is drawn on, until it is closed. */
export interface Drawing {
  /** Shows lines, as a terminal takes them. */
  draw(lines: readonly string[]): void;
  readonly size: Size;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** What happens on a terminal. */
export interface TerminalEvents {
  onKey(key: Key): void;
  onResize(size: Size): void;
  /** It cannot be drawn on any more. */
  onError(error: Error): void;
}

/** Size of a terminal that does not tell. */
const USUAL: Size = { columns: 80, rows: 24 };
/** Frames per second at most: as fast as one can see. */
const FRAMES = 20;

/** Keys that type nothing, by Ink's names. */
const named: readonly (readonly [keyof InkKey, Key])[] = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "pageUp"],
  ["pageDown", "pageDown"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["backspace", "backspace"],
  ["delete", "backspace"],
];

/** The keys that were pressed; several may come at once. */
function keysOf(input: string, key: InkKey): Key[] {
  if (key.ctrl) return input === "c" ? ["interrupt"] : [];
  const name = named.find(([ink]) => key[ink]);
  if (name !== undefined) return [name[1]];
  if (key.meta || key.tab) return [];
  return Array.from(input, (character) => (character === "\r" || character === "\n" ? "enter" : character));
}

function Screen({ text, onKey }: { readonly text: string; readonly onKey: (key: Key) => void }) {
  useInput((input, key) => keysOf(input, key).forEach(onKey));
  return createElement(Text, { wrap: "truncate-end" }, text);
}

/** Takes a terminal over: its other screen, its keys. */
export function takeTerminal({ stdin, stdout }: Terminal, events: TerminalEvents): Drawing {
  const size = (): Size => ({
    columns: stdout.columns || USUAL.columns,
    rows: stdout.rows || USUAL.rows,
  });
  const resized = () => events.onResize(size());
  const screen = (text: string) => createElement(Screen, { text, onKey: events.onKey });
  stdout.on("error", events.onError);
  stdin.on("error", events.onError);
  stdout.on("resize", resized);
  const app = render(screen(""), {
    stdin,
    stdout,
    alternateScreen: true,
    exitOnCtrlC: false,
    incrementalRendering: true,
    interactive: true,
    isScreenReaderEnabled: false,
    maxFps: FRAMES,
    patchConsole: false,
  });
  app.waitUntilExit().catch(events.onError);
  return {
    get size() {
      return size();
    },
    draw: (lines) => app.rerender(screen(lines.join("\n"))),
    close() {
      stdout.off("resize", resized);
      app.unmount();
    },
  };
}
