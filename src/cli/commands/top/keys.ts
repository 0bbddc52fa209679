/** The keys, and what they do. */

/** A key: the character that it types, or a name. */
export type Key =
  | "up"
  | "down"
  | "left"
  | "right"
  | "pageUp"
  | "pageDown"
  | "home"
  | "end"
  | "enter"
  | "escape"
  | "backspace"
  | "interrupt"
  | "suspend"
  | "killLine"
  | "killWord"
  | "killRest"
  | (string & {});

/** What keys do, in the order of the help. */
export const keyHelp: readonly (readonly [keys: string, what: string])[] = [
  ["↑ ↓ PgUp PgDn", "choose a row (Home, End, too); it follows its socket"],
  ["Enter", "details of the socket, or the sockets of the group"],
  ["Mouse", "a row: choose, again: Enter; a heading: sort; the wheel: scroll"],
  ["Esc", "back: from details, from a group, from the text, from the choice"],
  ["← →", "sort by the column to the left, to the right; also those without room"],
  ["r", "reverse the order"],
  ["p o u U c", "group by process, program, user, systemd unit, container"],
  ["a l d s n", "group by peer, local port, peer's port, state, namespace; again: none"],
  ["/", "filter: a text, or an expression as in --help filter"],
  ["Space", "pause, go on; with --at: play from sample to sample, stop"],
  ["[ ]", "with --at: back, forth by a sample; otherwise scroll the details"],
  ["< >", "with --at: back, forth by a minute"],
  ["{ }", "scroll the details"],
  ["m", "mouse on, off (off: the terminal selects text)"],
  ["k", "close the connection by force (SOCK_DESTROY); asks twice"],
  ["t K", "send SIGTERM, SIGKILL to the process; asks twice"],
  ["? h", "this help"],
  ["Ctrl-Z", "suspend; fg brings it back"],
  ["q Ctrl-C", "quit"],
];

/** An event of the mouse, at a place counted from 0. */
export interface MouseInput {
  readonly what: "press" | "wheelUp" | "wheelDown";
  readonly column: number;
  readonly line: number;
}

/** Keys by the control characters that they type. */
const controls: Readonly<Record<string, Key>> = {
  "\x01": "home",
  "\x03": "interrupt",
  "\x05": "end",
  "\b": "backspace",
  "\n": "enter",
  "\x0b": "killRest",
  "\r": "enter",
  "\x15": "killLine",
  "\x17": "killWord",
  "\x1a": "suspend",
  "\x7f": "backspace",
};

/** The keys that a text from the terminal stands for. Other control characters are left out. */
export function keysOfText(text: string): Key[] {
  return Array.from(text).flatMap((character) => {
    if (Object.hasOwn(controls, character)) return controls[character]!;
    return /[\x00-\x1f\x7f-\x9f]/.test(character) ? [] : character;
  });
}

/** Events of the mouse in the SGR form, as xterm's control sequences describe it. */
const MOUSE = /\x1b\[<(\d+);(\d+);(\d+)M/g;
const WHEEL_UP = 64;
const WHEEL_DOWN = 65;
const whats: ReadonlyMap<number, MouseInput["what"]> = new Map([
  [0, "press"],
  [WHEEL_UP, "wheelUp"],
  [WHEEL_DOWN, "wheelDown"],
]);

/** The events of the mouse in the input of a terminal. Releases and other buttons are ignored. */
export function mouseInputs(sent: string): MouseInput[] {
  return Array.from(sent.matchAll(MOUSE)).flatMap(([, button, column, line]) => {
    const what = whats.get(Number(button));
    return what === undefined ? [] : { what, column: Number(column) - 1, line: Number(line) - 1 };
  });
}
