/** lsof's table: columns as wide as what is in them, a heading, a line a file. */
import { flagText } from "./flags.ts";
import type { Row } from "./rows.ts";
import type { LsofSettings, TcpInfoShown } from "./settings.ts";

/** A column. */
export interface Column {
  readonly title: string;
  /** Columns of the screen that it has at least. */
  readonly least?: number;
  /** Text to the left, as only COMMAND has it. */
  readonly left?: boolean;
  readonly shown?: (settings: LsofSettings) => boolean;
  readonly cell: (row: Row, settings: LsofSettings) => string;
}

/** A descriptor number takes this many columns at least; behind it stand its access mode and its lock. */
export const FD_WIDTH = 4;
/** What user ids are given where names are not wanted. */
const UID_WIDTH = 8;

/** The offset of every socket. */
export const OFFSET = "0t0";

/** A descriptor in its column. Of five digits and more lsof shows the last three. */
export function descriptorText(fd: number): string {
  const digits = String(fd);
  return digits.length <= FD_WIDTH ? digits : `*${digits.slice(1 - FD_WIDTH)}`;
}

const columns: readonly Column[] = [
  { title: "COMMAND", left: true, cell: ({ command }) => command },
  { title: "PID", cell: ({ process }) => String(process.pid) },
  { title: "PPID", shown: ({ showParent }) => showParent, cell: ({ process }) => String(process.parent) },
  { title: "PGID", shown: ({ showPgid }) => showPgid, cell: ({ process }) => String(process.group) },
  { title: "USER", cell: ({ user }) => user },
  { title: "FD  ", least: FD_WIDTH + 2, cell: ({ file }) => `${descriptorText(file.fd)}u ` },
  { title: "TYPE", cell: ({ type }) => type },
  {
    title: "FILE-FLAG",
    shown: ({ flags }) => flags !== undefined,
    cell: ({ flags = 0 }, settings) => flagText(flags, settings),
  },
  { title: "DEVICE", cell: ({ device }) => device },
  { title: "SIZE/OFF", shown: ({ size }) => size === "both", cell: () => OFFSET },
  { title: "OFFSET", shown: ({ size }) => size === "offset", cell: () => OFFSET },
  { title: "SIZE", shown: ({ size }) => size === "size", cell: () => "" },
  { title: "NLINK", shown: ({ links }) => links, cell: () => "" },
  { title: "NODE", cell: ({ node }) => node },
  { title: "NETNS", shown: ({ allNetns }) => allNetns, cell: ({ netns = "" }) => netns },
  { title: "CONTAINER", shown: ({ containers }) => containers, cell: ({ container = "-" }) => container },
];

/** What is shown without `-T`. */
export const usualInfo: TcpInfoShown = { state: true, queues: false };

/** The name with what `-T` puts behind it. */
export function nameCell({ name, state, queues }: Row, { tcpInfo = usualInfo }: LsofSettings): string {
  if (!tcpInfo.state && !tcpInfo.queues) return name;
  const info: string[] = [];
  if (tcpInfo.state && state !== undefined) info.push(state);
  if (tcpInfo.queues && queues !== undefined) info.push(`QR=${queues.read} QS=${queues.send}`);
  return `${name} ${info.length === 0 ? "" : `(${info.join(" ")})`}`;
}

/** The columns that the options show, without NAME. */
export function shownColumns(settings: LsofSettings): readonly Column[] {
  return columns.filter(({ shown }) => shown?.(settings) ?? true);
}

/** Columns of the screen that a column has. @param longest characters of its longest cell */
export function columnWidth({ title, least = 0 }: Column, longest: number, settings: LsofSettings): number {
  const floor = title === "USER" && !settings.userNames ? UID_WIDTH : least;
  return Math.max(title.length, floor, longest);
}

/** Puts text into its column. */
export function padded(text: string, { left }: Column, width: number): string {
  return left ? text.padEnd(width) : text.padStart(width);
}

/** The line of headings. */
export function headingLine(shown: readonly Column[], widths: readonly number[]): string {
  return `${shown.map((column, index) => padded(column.title, column, widths[index]!)).join(" ")} NAME\n`;
}

/** The whole table; empty without rows. */
export function formatTable(rows: readonly Row[], settings: LsofSettings): string {
  if (rows.length === 0) return "";
  const shown = shownColumns(settings);
  const cells = rows.map((row) => shown.map(({ cell }) => cell(row, settings)));
  const widths = shown.map((column, index) => {
    let longest = 0;
    for (const line of cells) longest = Math.max(longest, line[index]!.length);
    return columnWidth(column, longest, settings);
  });
  let text = headingLine(shown, widths);
  for (const [line, row] of rows.entries()) {
    const own = cells[line]!;
    for (let index = 0; index < own.length; index++)
      text += `${index === 0 ? "" : " "}${padded(own[index]!, shown[index]!, widths[index]!)}`;
    text += ` ${nameCell(row, settings)}\n`;
  }
  return text;
}
