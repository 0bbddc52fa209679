/** What each key does, for those who press it and for those who ask. */

/** A key: a character as it is typed, or the name of one that types none. */
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
  | (string & {});

/** What keys do, in the order of the help. */
export const keyHelp: readonly (readonly [keys: string, what: string])[] = [
  ["↑ ↓ PgUp PgDn Home End", "choose a row; the choice follows its socket"],
  ["Enter", "details of the chosen socket; the sockets of the chosen group"],
  ["Esc", "back: details, group, then choice"],
  ["← →", "sort by the column to the left, to the right"],
  ["r", "reverse the order"],
  ["p  a  l  s  c", "group by process, peer address, local port, state, container; again: ungroup"],
  ["/", "filter, in the language of --help filter; Enter applies, Esc leaves it as it was"],
  ["Space", "pause and go on"],
  ["k", "close the chosen connection by force (SOCK_DESTROY); asks twice"],
  ["t  K", "send SIGTERM, SIGKILL to the process of the chosen socket; asks twice"],
  ["[  ]", "scroll the details"],
  ["?  h", "this help"],
  ["q  Ctrl-C", "quit"],
];
