/** Formats an event as a line of text. */

import { escapeText } from "../../../bytes/terminal.ts";
import { type Owner, processName } from "../../../enrich/processes.ts";
import type { SocketEvent } from "../../../events/event.ts";
import { NO_DESCRIPTOR, NO_PID } from "../../../events/owners.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { NameSource } from "../../../fields/names.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { endpointText } from "../../../model/endpoint.ts";
import { IPPROTO_UDP } from "../../../model/family.ts";
import { stateName } from "../../../model/state.ts";

const decoder = new TextDecoder();

/** An absent value. */
const ABSENT = "-";
const MS_PER_SECOND = 1000;
const US_PER_MS = 1000;

/** Least width of an address and port: that of IPv4. */
const END_WIDTH = 21;

/** A column of the lines. */
interface LineColumn {
  readonly heading: string;
  /** Least width in characters. */
  readonly width: number;
  text(event: SocketEvent): string;
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}

const pad2 = Array.from({ length: 60 }, (_, number) => padded(number, 2));
/** The second that was formatted last: nearly all events of a burst share one. */
let shownSecond = Number.NaN;
let shownTime = "";

/** The time of day, to the microsecond. */
function timeOfDay(timeMs: number): string {
  const us = Math.floor(timeMs * US_PER_MS);
  const second = Math.floor(us / 1e6);
  if (second !== shownSecond) {
    shownSecond = second;
    const date = new Date(second * MS_PER_SECOND);
    shownTime = `${pad2[date.getHours()]}:${pad2[date.getMinutes()]}:${pad2[date.getSeconds()]}.`;
  }
  return shownTime + padded(us % 1e6, 6);
}

function netidOf({ origin }: InetSocket): string {
  return origin.protocol === IPPROTO_UDP ? "udp" : "tcp";
}

function stateText(state: number | undefined): string {
  return state === undefined ? ABSENT : stateName(state);
}

/** The duration as seconds. */
function secondsText(ms: number): string {
  return `${(ms / MS_PER_SECOND).toFixed(6)}s`;
}

/** What else is known of an event, in ss's style. */
function detailsOf({ kind, socket, durationMs, count, counters, failure }: SocketEvent): string {
  const details: string[] = [];
  if (failure?.reason !== undefined) details.push(failure.reason.replaceAll(" ", "-"));
  if (failure?.syns !== undefined) details.push(`syns:${failure.syns}`);
  if (durationMs !== undefined) details.push(`duration:${secondsText(durationMs)}`);
  if (kind === "close" && socket !== undefined) {
    const info = socket.tcpInfo;
    if (info?.bytesSent) details.push(`bytes_sent:${info.bytesSent}`);
    if (info?.bytesReceived) details.push(`bytes_received:${info.bytesReceived}`);
    if (info?.totalRetrans) details.push(`retrans:${info.totalRetrans}`);
  }
  if (counters !== undefined) {
    details.push(`bytes_sent:${counters.bytesSent}`, `bytes_received:${counters.bytesReceived}`);
  }
  if (kind === "lost") details.push(count === undefined ? "events:unknown" : `events:${count}`);
  return details.join(" ");
}

/** Formatted owners: one process makes many events. */
const writtenOwners = new WeakMap<readonly Owner[], string>();

function ownersText(owners: readonly Owner[] | undefined): string {
  if (owners === undefined || owners.length === 0) return ABSENT;
  let text = writtenOwners.get(owners);
  if (text === undefined) {
    text = writeOwners(owners);
    writtenOwners.set(owners, text);
  }
  return text;
}

function writeOwners(owners: readonly Owner[]): string {
  const each = owners.map(({ pid, fd, stat }) => {
    const name = escapeText(decoder.decode(processName(stat)));
    return `("${name}"${pid === NO_PID ? "" : `,pid=${pid}`}${fd === NO_DESCRIPTOR ? "" : `,fd=${fd}`})`;
  });
  return `users:(${each.join(",")})`;
}

/** Makes the formatter of lines. @param netns whether events are of several network namespaces */
export function eventLines(
  names: NameSource,
  netns: boolean,
): { heading: string; line(event: SocketEvent): string } {
  const portText = (port: number) => {
    if (port === 0) return "*";
    const name = names.service(port);
    return name === undefined ? String(port) : escapeText(decoder.decode(name));
  };
  const endText = (socket: InetSocket, local: boolean) => {
    const [address, port] = local ? [socket.src, socket.sport] : [socket.dst, socket.dport];
    return endpointText(address, portText(port)).padEnd(END_WIDTH);
  };
  /** Formatted addresses: a socket makes several events. */
  const written = new WeakMap<InetSocket, string>();
  const endsText = (socket: InetSocket | undefined) => {
    if (socket === undefined) return `${ABSENT.padEnd(END_WIDTH)} ${ABSENT.padEnd(END_WIDTH)}`;
    let text = written.get(socket);
    if (text === undefined) {
      text = `${endText(socket, true)} ${endText(socket, false)}`;
      written.set(socket, text);
    }
    return text;
  };
  const columns: readonly LineColumn[] = [
    { heading: "Time", width: 15, text: ({ timeMs }) => timeOfDay(timeMs) },
    ...(netns
      ? [
          {
            heading: "Netns",
            width: 12,
            text: ({ netns }: SocketEvent) => (netns === undefined ? ABSENT : escapeText(netnsLabel(netns))),
          },
        ]
      : []),
    { heading: "Event", width: 10, text: ({ kind }) => kind },
    { heading: "Netid", width: 5, text: ({ socket }) => (socket === undefined ? ABSENT : netidOf(socket)) },
    { heading: "Old State", width: 10, text: ({ oldState }) => stateText(oldState) },
    { heading: "New State", width: 10, text: ({ newState }) => stateText(newState) },
    { heading: "Source", width: 9, text: ({ source }) => source },
    {
      heading: `${"Local Address:Port".padEnd(END_WIDTH)} Peer Address:Port`,
      width: END_WIDTH * 2 + 1,
      text: ({ socket }) => endsText(socket),
    },
    { heading: "Process", width: 7, text: ({ owners }) => ownersText(owners) },
  ];
  return {
    heading: columns
      .map(({ heading, width }) => heading.padEnd(width))
      .join(" ")
      .trimEnd(),
    line(event) {
      let line = "";
      for (const { width, text } of columns) line += `${text(event).padEnd(width)} `;
      return (line + detailsOf(event)).trimEnd();
    },
  };
}
