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
  ["↑ ↓ PgUp PgDn", "choose a row (Home, End, too); it follows its socket"],
  ["Enter", "details of the socket, or the sockets of the group"],
  ["Esc", "back: from details, from a group, from the choice"],
  ["← →", "sort by the column to the left, to the right"],
  ["r", "reverse the order"],
  ["p a l s c", "group by process, peer address, local port, state, container; again: none"],
  ["/", "filter, in the language of --help filter"],
  ["Space", "pause, go on"],
  ["[ ]", "scroll the details"],
  ["k", "close the connection by force (SOCK_DESTROY); asks twice"],
  ["t K", "send SIGTERM, SIGKILL to the process; asks twice"],
  ["? h", "this help"],
  ["q Ctrl-C", "quit"],
];
