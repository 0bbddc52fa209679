/** The terminal: draws lines, and reads keys and the mouse. Ink does both; no other file uses it. */
import { type Key as InkKey, type Instance, render, Text, useInput } from "ink";
import { createElement } from "react";
import type { Terminal } from "../../world.ts";
import { type Key, keysOfText, type MouseInput, mouseInputs } from "./keys.ts";
import type { Size } from "./state.ts";

/** A terminal that is drawn on, until it is closed. */
export interface Drawing {
  /** Shows lines with their escape sequences. @param mouse whether the mouse is read */
  draw(lines: readonly string[], mouse: boolean): void;
  readonly size: Size;
  /** Gives the terminal to the shell, and stops this process until it is continued. */
  suspend(): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** What happens on a terminal. */
export interface TerminalEvents {
  onKey(key: Key): void;
  onMouse(input: MouseInput): void;
  onResize(size: Size): void;
  /** It cannot be drawn on any more. */
  onError(error: Error): void;
}

/** Size of a terminal that does not report one. */
const USUAL: Size = { columns: 80, rows: 24 };
/** Frames per second at most. */
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

/** Reports the mouse's buttons and wheel, in the SGR form. xterm's control sequences, "Mouse Tracking". */
const MOUSE_ON = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF = "\x1b[?1006l\x1b[?1000l";

/** The keys that were pressed; several may come at once. */
function keysOf(input: string, key: InkKey): Key[] {
  if (key.ctrl) return keysOfText(String.fromCharCode(input.charCodeAt(0) & 0x1f));
  const name = named.find(([ink]) => key[ink]);
  if (name !== undefined) return [name[1]];
  return key.meta || key.tab ? [] : keysOfText(input);
}

interface ScreenProperties {
  readonly text: string;
  readonly events: TerminalEvents;
}

function Screen({ text, events }: ScreenProperties) {
  useInput((input, key) => {
    for (const each of keysOf(input, key)) events.onKey(each);
  });
  return createElement(Text, { wrap: "truncate-end" }, text);
}

/** Takes a terminal over: its other screen, its keys and its mouse. */
export function takeTerminal({ stdin, stdout }: Terminal, events: TerminalEvents): Drawing {
  const size = (): Size => ({
    columns: stdout.columns || USUAL.columns,
    rows: stdout.rows || USUAL.rows,
  });
  const resized = () => events.onResize(size());
  let text = "";
  let readsMouse = false;
  const screen = () => createElement(Screen, { text, events });
  let app: Instance | undefined;

  function take(): void {
    app = render(screen(), {
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
    stdin.on("data", sent);
    if (readsMouse) stdout.write(MOUSE_ON);
  }

  function give(): void {
    if (app === undefined) return;
    if (readsMouse) stdout.write(MOUSE_OFF);
    stdin.off("data", sent);
    app.unmount();
    app = undefined;
  }

  /** The shell has had the terminal meanwhile: its modes and its screen are made anew. */
  function resume(): void {
    give();
    take();
    resized();
  }

  function suspend(): void {
    give();
    // SIGTSTP would come back here. After SIGCONT the handler below takes the terminal again.
    process.kill(process.pid, "SIGSTOP");
  }

  // Ink drops the sequences that are no keys. It reads in paused mode, where this sees what it reads.
  const sent = (chunk: string | Uint8Array) => {
    for (const input of mouseInputs(chunk.toString())) events.onMouse(input);
  };
  stdout.on("error", events.onError);
  stdin.on("error", events.onError);
  stdout.on("resize", resized);
  process.on("SIGTSTP", suspend);
  process.on("SIGCONT", resume);
  take();
  return {
    get size() {
      return size();
    },
    draw(lines, mouse) {
      text = lines.join("\n");
      if (app === undefined) return;
      if (mouse !== readsMouse) {
        readsMouse = mouse;
        stdout.write(mouse ? MOUSE_ON : MOUSE_OFF);
      }
      app.rerender(screen());
    },
    suspend,
    close() {
      stdout.off("resize", resized);
      process.off("SIGTSTP", suspend);
      process.off("SIGCONT", resume);
      give();
    },
  };
}
