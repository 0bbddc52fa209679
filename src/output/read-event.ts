/**
 * Reads the JSON object of an event back: the opposite of event-objects.ts, for events that another host has sent. The
 * object may be anything, so every value is checked, and one that does not fit is left out.
 */
import { type Field, fieldWidth, type Layout, writeField } from "../bytes/layout.ts";
import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import {
  type ConnectFailure,
  type EventKind,
  eventKinds,
  type FlowCounters,
  type SocketEvent,
} from "../events/event.ts";
import { NO_DESCRIPTOR, NO_PID } from "../events/owners.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { fieldKey } from "../fields/column.ts";
import { parseNumericHost } from "../filter/addresses.ts";
import type { Netns } from "../host/namespaces.ts";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { stateName } from "../model/state.ts";
import { NLA_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";

type Plain = { readonly [key: string]: unknown };

/** Processes of one event that are read. */
const MOST_OWNERS = 64;
/** Characters of a process name that are read; the kernel's have 15. */
const NAME_LENGTH = 64;
/** Characters of other texts that are read. */
const TEXT_LENGTH = 256;
/** The highest number of a state. */
const STATES = 13;
const MAX_PORT = 0xffff;
const U32_LIMIT = 2 ** 32;
const U64_MAX = 2n ** 64n - 1n;
const MICROSECONDS = /\.\d{3}(\d{3})Z$/;

const encoder = new TextEncoder();

const stateNumbers: ReadonlyMap<string, number> = new Map(
  Array.from({ length: STATES }, (_, at) => [stateName(at + 1), at + 1] as const),
);

function objectOf(value: unknown): Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Plain) : {};
}

function textOf(value: unknown, most = TEXT_LENGTH): string | undefined {
  return typeof value === "string" && value.length <= most ? value : undefined;
}

function countOf(value: unknown, limit = Number.MAX_SAFE_INTEGER): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < limit
    ? (value as number)
    : undefined;
}

/** A 64-bit identity that {@link import("../fields/column.ts").hexIdentity} wrote. */
function identityOf(value: unknown): bigint | undefined {
  return typeof value === "string" && /^0x[\da-f]{1,16}$/.test(value) ? BigInt(value) : undefined;
}

/** Milliseconds since 1970, with microseconds as the fraction. */
function timeOf(value: unknown): number | undefined {
  const text = textOf(value) ?? "";
  const ms = Date.parse(text);
  // The middle of the microsecond: rounding never moves it to the one before.
  return Number.isNaN(ms) ? undefined : ms + (Number(MICROSECONDS.exec(text)?.[1] ?? 0) + 0.5) / 1000;
}

/** An address: 4 or 16 bytes. */
function addressOf(value: unknown, family: number): Uint8Array | undefined {
  const text = textOf(value) ?? "";
  if (family === AF_INET6) return parseIpv6(text);
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? parseNumericHost(text) : undefined;
}

/** A message that is written field by field. */
function messageWriter() {
  const data = new DataView(new ArrayBuffer(INET_DIAG_MESSAGE_SIZE + 512));
  let length = INET_DIAG_MESSAGE_SIZE;
  return {
    data,
    get length() {
      return length;
    },
    /** Adds an attribute. @param write writes the payload, and returns its length */
    attribute(id: number, write: (at: number) => number): void {
      const size = NLA_HDRLEN + write(length + NLA_HDRLEN);
      data.setUint16(length, size, true);
      data.setUint16(length + 2, id, true);
      length += align4(size);
    },
  };
}

type MessageWriter = ReturnType<typeof messageWriter>;

/** The number that stands in a struct for a value of JSON; undefined if it does not fit into the field. */
function rawOf(field: Field, value: unknown): number | bigint | undefined {
  if (typeof value === "boolean") return field.bits?.[1] === 1 ? Number(value) : undefined;
  if (field.type === "id64") return identityOf(value);
  const bits = field.bits?.[1] ?? fieldWidth[field.type] * 8;
  return countOf(value, Math.min(2 ** bits, Number.MAX_SAFE_INTEGER));
}

/** Writes a struct. Its length ends behind the last field that is there. @returns the length */
function writeStruct(layout: Layout, { data }: MessageWriter, at: number, object: Plain): number {
  let length = 0;
  for (const [name, field] of Object.entries(layout)) {
    const raw = rawOf(field, object[fieldKey(name, field)]);
    if (raw !== undefined) length = Math.max(length, field.offset + fieldWidth[field.type]);
    else if (field.none !== undefined)
      writeField(field, data, at, field.none < 2 ** 64 ? field.none : U64_MAX);
    if (raw === undefined) continue;
    if (field.bits === undefined) writeField(field, data, at, raw);
    else {
      const byte = at + field.offset;
      data.setUint8(byte, data.getUint8(byte) | (Number(raw) << field.bits[0]));
    }
  }
  return length;
}

/** The socket of an event; undefined if there are not even addresses and ports. */
function socketOf(object: Plain, state: number, netns: Netns | undefined): InetSocket | undefined {
  const family = object["family"] === "inet6" ? AF_INET6 : AF_INET;
  const [local, peer] = [objectOf(object["local"]), objectOf(object["peer"])];
  const addresses = [addressOf(local["address"], family), addressOf(peer["address"], family)];
  const ports = [countOf(local["port"], MAX_PORT + 1), countOf(peer["port"], MAX_PORT + 1)];
  if (addresses.includes(undefined) || ports.includes(undefined)) return undefined;
  const message = messageWriter();
  const { data } = message;
  const bytes = new Uint8Array(data.buffer);
  const put = (field: Field, value: number | bigint) => writeField(field, data, 0, value);
  put(inetDiagMessage.familyNumber, family);
  put(inetDiagMessage.stateNumber, state);
  put(inetDiagMessage.sport, ports[0]!);
  put(inetDiagMessage.dport, ports[1]!);
  bytes.set(addresses[0]!, inetDiagMessage.source.offset);
  bytes.set(addresses[1]!, inetDiagMessage.destination.offset);
  put(inetDiagMessage.cookie, identityOf(object["cookie"]) ?? 0n);
  put(inetDiagMessage.uid, countOf(object["uid"], U32_LIMIT) ?? 0);
  put(inetDiagMessage.inode, countOf(object["inode"], U32_LIMIT) ?? 0);
  const mark = countOf(object["mark"], U32_LIMIT);
  if (mark !== undefined)
    message.attribute(inetAttributes.mark.id, (at) => {
      data.setUint32(at, mark, true);
      return 4;
    });
  const cgroup = identityOf(object["cgroupId"]);
  if (cgroup !== undefined)
    message.attribute(inetAttributes.cgroupId.id, (at) => {
      data.setBigUint64(at, cgroup, true);
      return 8;
    });
  const info = object["tcpInfo"];
  if (info !== undefined)
    message.attribute(inetAttributes.info.id, (at) => writeStruct(tcpInfo, message, at, objectOf(info)));
  const protocol = object["netid"] === "udp" ? IPPROTO_UDP : IPPROTO_TCP;
  const origin: Origin = { protocol, netns };
  return new InetSocket(data, 0, message.length, origin);
}

/** /proc/PID/stat as far as a name is read from it. proc_pid_stat(5). */
function ownerOf(value: unknown): Owner | undefined {
  const { pid, fd, comm } = objectOf(value);
  const name = textOf(comm, NAME_LENGTH);
  if (name === undefined) return undefined;
  const number = countOf(pid, U32_LIMIT) ?? NO_PID;
  return {
    pid: number,
    tid: number,
    fd: countOf(fd, U32_LIMIT) ?? NO_DESCRIPTOR,
    stat: encoder.encode(`${number} (${name})`),
    processContext: undefined,
    socketContext: undefined,
  };
}

function ownersOf(value: unknown): readonly Owner[] | undefined {
  return Array.isArray(value)
    ? value.slice(0, MOST_OWNERS).flatMap((each) => ownerOf(each) ?? [])
    : undefined;
}

function netnsOf(value: unknown): Netns | undefined {
  const { inode, name, pid } = objectOf(value);
  const number = countOf(inode);
  return number === undefined ? undefined : { inode: number, name: textOf(name), pid: countOf(pid) };
}

function countersOf(object: Plain): FlowCounters | undefined {
  const packetsSent = countOf(object["packetsSent"]);
  const bytesSent = countOf(object["bytesSent"]);
  const packetsReceived = countOf(object["packetsReceived"]);
  const bytesReceived = countOf(object["bytesReceived"]);
  if (packetsSent === undefined || bytesSent === undefined) return undefined;
  if (packetsReceived === undefined || bytesReceived === undefined) return undefined;
  return { packetsSent, bytesSent, packetsReceived, bytesReceived };
}

function failureOf(object: Plain): ConnectFailure | undefined {
  const [reason, syns] = [textOf(object["reason"]), countOf(object["synsSent"])];
  return reason === undefined && syns === undefined ? undefined : { reason, syns };
}

function isKind(value: unknown): value is EventKind {
  return typeof value === "string" && Object.hasOwn(eventKinds, value);
}

/**
 * Reads an event. Facts of the host that JSON has as names, such as interfaces, are not part of it.
 *
 * @returns undefined if the object has no time, source or kind of event that we know
 */
export function readEvent(object: Plain): SocketEvent | undefined {
  const timeMs = timeOf(object["time"]);
  const source = textOf(object["source"]);
  const kind = object["event"];
  if (timeMs === undefined || source === undefined || !isKind(kind)) return undefined;
  const stateOf = (value: unknown) => stateNumbers.get(textOf(value) ?? "");
  const [oldState, newState] = [stateOf(object["oldState"]), stateOf(object["newState"])];
  const durationMs = object["durationMs"];
  const netns = netnsOf(object["netns"]);
  return {
    timeMs,
    kind,
    source,
    socket: socketOf(object, newState ?? oldState ?? 0, netns),
    oldState,
    newState,
    owners: ownersOf(object["processes"]),
    durationMs: typeof durationMs === "number" ? durationMs : undefined,
    count: countOf(object["count"]),
    netns,
    counters: countersOf(object),
    failure: failureOf(object),
  };
}
