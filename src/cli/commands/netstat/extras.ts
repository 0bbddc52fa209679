/** The columns behind the State of Internet sockets that only some options show, and their titles. */
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { NetstatSettings } from "./options.ts";
import type { RowNames } from "./row-names.ts";

const EXTENDED_WIDTH = 10;
const PLACE_WIDTH = 20;
const USER_HZ_MS = 10;

/** A column whose text needs more than the kernel's message. */
export interface Extra {
  /** Columns of the screen that it has at least. */
  readonly width: number;
  readonly text: (socket: InetSocket, names: RowNames) => string;
}

/** The names of `tr` in /proc/net/tcp. */
const timers = ["off", "on", "keepalive", "timewait", "probe"] as const;

function timerText(socket: InetSocket): string {
  const { timerNumber, expires, retransmits, procfs, tcpInfo } = socket;
  const counts = procfs?.tcp?.info ?? tcpInfo;
  const name = timers[timerNumber] ?? `unkn-${timerNumber}`;
  const seconds = timerNumber === 0 ? 0 : Math.floor(expires / USER_HZ_MS) / 100;
  const probing = name === "probe" || name === "keepalive";
  const resent = counts?.retransmits ?? (probing ? 0 : retransmits);
  const probes = counts?.probes ?? (probing ? retransmits : 0);
  return `${name} (${seconds.toFixed(2)}/${resent}/${probes})`;
}

/** A column with its title. */
interface TitledExtra extends Partial<Extra> {
  readonly title: string;
  readonly width: number;
  readonly shown: (settings: NetstatSettings) => boolean;
}

/** All of them, in netstat's order. Those without a text are written from the message itself. */
const columns: readonly TitledExtra[] = [
  { title: "User", width: EXTENDED_WIDTH, shown: ({ extended }) => extended },
  { title: "Inode", width: EXTENDED_WIDTH, shown: ({ extended }) => extended },
  {
    title: "PID/Program name",
    width: PLACE_WIDTH,
    shown: ({ programs }) => programs,
    text: ({ inode }, { program }) => program(inode),
  },
  { title: "Timer", width: 0, shown: (settings) => settings.timers, text: timerText },
  {
    title: "Netns",
    width: PLACE_WIDTH,
    shown: ({ allNetns }) => allNetns,
    text: (socket, { netns }) => netns(socket),
  },
  {
    title: "Container",
    width: PLACE_WIDTH,
    shown: ({ containers }) => containers,
    text: (socket, { container }) => container(socket),
  },
];

/** The columns that the options show and that need more than the message. */
export function shownExtras(settings: NetstatSettings): readonly Extra[] {
  return columns.filter(
    (column): column is TitledExtra & Extra => column.text !== undefined && column.shown(settings),
  );
}

/** Their titles, and those of the columns that are written from the message. */
export function extraTitles(settings: NetstatSettings): string {
  return columns
    .filter(({ shown }) => shown(settings))
    .map(({ title, width }) => ` ${title.padEnd(width)}`)
    .join("");
}
