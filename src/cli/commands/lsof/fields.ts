/** `-F`: a field a line, behind the letter that names it; processes, then their files. lsof(8). */
import { flagText } from "./flags.ts";
import { type PrintStyle, printable } from "./printable.ts";
import type { Row } from "./rows.ts";
import type { LsofSettings } from "./settings.ts";

/** Makes the values of a field; none where a row has none. */
type Field = readonly [
  letter: string,
  values: (row: Row, print: PrintStyle, settings: LsofSettings) => readonly string[],
];

const NUL = "\0";

const processFields: readonly Field[] = [
  ["p", ({ process }) => [String(process.pid)]],
  ["g", ({ process }) => [String(process.group)]],
  ["R", ({ process }) => [String(process.parent)]],
  ["c", ({ process }, print) => [printable(process.name, print)]],
  ["u", ({ process }) => (process.uid === undefined ? [] : [String(process.uid)])],
  ["L", ({ process, user }) => (user === String(process.uid) ? [] : [user])],
];

const fileFields: readonly Field[] = [
  ["f", ({ file }) => [String(file.fd)]],
  ["a", () => ["u"]],
  ["l", () => [" "]],
  ["t", ({ type }) => [type]],
  ["G", ({ flags }, _print, settings) => (flags === undefined ? [] : [flagText(flags, settings)])],
  ["d", ({ device }) => [device]],
  ["o", () => ["0t0"]],
  ["i", ({ file }) => (file.kind === "unix" ? [String(file.socket.inode)] : [])],
  ["P", ({ file }) => (file.kind === "internet" ? [file.protocol] : [])],
  ["n", ({ name }) => [name]],
];

/** TCP information is all there unless `-T` says otherwise. */
function tcpFields({ state, queues }: Row, shown: LsofSettings["tcpInfo"]): readonly string[] {
  return [
    ...(state !== undefined && (shown?.state ?? true) ? [`ST=${state}`] : []),
    ...(queues !== undefined && (shown?.queues ?? true) ? [`QR=${queues.read}`, `QS=${queues.send}`] : []),
  ];
}

/** The fields of all rows. */
export function formatFields(rows: readonly Row[], settings: LsofSettings, print: PrintStyle): string {
  const { fields, nul, size, tcpInfo } = settings;
  const end = nul ? NUL : "\n";
  const setEnd = nul ? "\n" : "";
  const wanted = (letter: string) => letter === "p" || !fields || fields.includes(letter);
  const chosenProcess = processFields.filter(([letter]) => wanted(letter));
  const chosenFile = [
    ...fileFields.filter(([letter]) => wanted(letter) && !(letter === "o" && size === "size")),
    ...(wanted("T") ? [["T", (row: Row) => tcpFields(row, tcpInfo)] as Field] : []),
  ];
  const lines = (of: readonly Field[], row: Row) =>
    of
      .flatMap(([letter, values]) => values(row, print, settings).map((value) => `${letter}${value}${end}`))
      .join("");
  let text = "";
  let pid: number | undefined;
  for (const row of rows) {
    if (row.process.pid !== pid) text += lines(chosenProcess, row) + setEnd;
    pid = row.process.pid;
    if (chosenFile.length > 0) {
      const set = lines(chosenFile, row);
      if (set !== "") text += set + setEnd;
    }
  }
  return text;
}
