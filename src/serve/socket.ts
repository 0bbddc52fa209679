/** GET /api/socket/{id}: everything about one socket, and its rates while somebody looks at it. */
import { columnsByKind, describers } from "../catalogue/describe.ts";
import { containerLabel } from "../enrich/containers.ts";
import type { Socket } from "../families/socket.ts";
import type { Column } from "../fields/column.ts";
import { netnsLabel } from "../host/namespaces.ts";
import { demandSet, noDemands } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import { allTables, type Table } from "../model/selection.ts";
import { explanationOf } from "../output/explain.ts";
import { hasUniqueTuple, refetch } from "../query/refetch.ts";
import type { ServeContext } from "./context.ts";
import type { Doctor } from "./doctor.ts";
import { type Moments, readWhen } from "./moments.ts";
import { pastParameters } from "./parameters.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { basicWants, type Sampler } from "./sampler.ts";
import { jsonAnswer } from "./server.ts";
import type { Snapshot } from "./snapshot.ts";
import { keyOf } from "./socket-id.ts";

/** Samples of rates that are kept of a watched socket. */
const KEPT_RATES = 120;
/** Sockets that are watched at once, and for how long after the last request. */
const MOST_WATCHED = 256;
const WATCHED_MS = 60_000;

/** The numbers of a row of rates. */
const rateColumns = ["time", "rx", "tx", "rtt", "retransRate", "recvq", "sendq"] as const;
type RateRow = readonly (number | string | null)[];

/** Headings of fields by the part of a key before its first dot. */
const groups: Readonly<Record<string, string>> = {
  tcpInfo: "TCP",
  mptcpInfo: "Multipath TCP",
  sctpInfo: "SCTP",
  memory: "Memory",
  sockopt: "Socket options",
  bbrInfo: "BBR",
  vegasInfo: "Vegas",
  dctcpInfo: "DCTCP",
};

/** Columns that have parts of the answer of their own. */
const elsewhere = /^(processes|peer\.processes|container|unit|netns|explanation)/;

/** Every field that the kernel sent, with its unit and meaning. */
function fieldsOf(socket: Socket, { names }: Snapshot) {
  const columns = columnsByKind(names)[socket.kind] as readonly Column<unknown>[];
  return columns.flatMap(({ key, unit, doc, read }) => {
    if (elsewhere.test(key)) return [];
    const value = read(socket);
    if (value === undefined) return [];
    const group = groups[key.split(".")[0]!] ?? "Socket";
    return { key, group, value, ...(unit === undefined || unit === "sequence" ? {} : { unit }), doc };
  });
}

/** The process that has a socket open. */
function processOf(socket: Socket, { names, owners }: Snapshot): Json {
  const [owner] = names.owners(socket.inode ?? 0) ?? [];
  if (owner === undefined) return null;
  const { pid, fd } = owner;
  const unit = owners.unit(pid);
  const { cmdline, ...details } = names.details(owner) ?? {};
  return {
    pid,
    fd,
    comm: owners.name(pid) ?? "",
    ...details,
    ...(cmdline === undefined ? {} : { cmdline: [...cmdline] }),
    ...(unit === undefined ? {} : { unit }),
  };
}

/** The socket with every detail, as it is now; as the sample has it if the kernel does not find it alone. */
function detailed(snapshot: Snapshot, slot: number, live: boolean): Socket {
  const { sockets, query } = snapshot;
  const socket = sockets.at(slot)!;
  if (!live || !hasUniqueTuple(socket)) return socket;
  const place = query.places.find(({ netns }) => netns === socket.origin.netns);
  if (place === undefined) return socket;
  const refetchQuery = {
    ...query.request,
    demands: demandSet(["info", "memory", "tos", "extended"]),
    keep: true,
    netns: place.netns,
  };
  for (const found of refetch(place.host.transport, refetchQuery, [socket])) return found;
  return socket;
}

/** A socket that somebody looks at. */
interface Watched {
  requestedMs: number;
  readonly rates: RateRow[];
  /** The last answer. */
  body?: { readonly [key: string]: unknown };
  /** When it was missing first, in milliseconds since 1970. */
  closedMs?: number;
}

const everyTable: ReadonlySet<Table> = new Set(allTables);

/** What the route works with. */
export interface SocketSources {
  readonly context: ServeContext;
  readonly moments: Moments;
  /** What is known of sockets of now; undefined where only those of the past are served. */
  readonly now?: { readonly sampler: Sampler; readonly doctor: Doctor };
}

/** The numbers of a slot. */
function rateRow({ table, timeMs }: Snapshot, slot: number): RateRow {
  const { receivedRate, ackedRate, rtt, retransmittedRate, receiveQueue, sendQueue } = table.numbers;
  const numbers = [receivedRate, ackedRate, rtt, retransmittedRate, receiveQueue, sendQueue].map(
    (values) => values[slot]!,
  );
  return [new Date(timeMs).toISOString(), ...numbers.map((value) => (Number.isNaN(value) ? null : value))];
}

/** The slot of a socket in a snapshot; undefined if it is missing. */
function slotIn({ table, sockets }: Snapshot, id: string): number | undefined {
  const key = keyOf(id);
  const slot = key === undefined ? undefined : table.slotOf(key);
  const socket = slot === undefined ? undefined : sockets.at(slot);
  return socket !== undefined && table.isLive(slot!) && table.isThat(socket, key!) ? slot : undefined;
}

/** The route. */
export function socketRoute({ context, moments, now }: SocketSources): Route {
  const watched = new Map<string, Watched>();
  now?.sampler.observe((snapshot) => {
    const nowMs = performance.now();
    for (const [id, socket] of watched) {
      if (nowMs - socket.requestedMs > WATCHED_MS) {
        watched.delete(id);
        continue;
      }
      const slot = slotIn(snapshot, id);
      if (slot === undefined) {
        socket.closedMs ??= snapshot.timeMs;
        continue;
      }
      socket.rates.push(rateRow(snapshot, slot));
      if (socket.rates.length > KEPT_RATES) socket.rates.shift();
    }
  });

  function watch(id: string): Watched {
    let known = watched.get(id);
    if (known === undefined) {
      known = { requestedMs: 0, rates: [] };
      if (watched.size >= MOST_WATCHED) watched.delete(watched.keys().next().value!);
      watched.set(id, known);
    }
    known.requestedMs = performance.now();
    return known;
  }

  function describe(snapshot: Snapshot, slot: number, id: string, isNow: boolean) {
    const socket = detailed(snapshot, slot, isNow && context.live);
    const { names, generation, timeMs, summary, owners } = snapshot;
    const { netns } = socket.origin;
    const { container } = names.cgroupOwner(socket) ?? {};
    const explanation = socket.kind === "inet" ? explanationOf(socket) : undefined;
    return {
      id,
      generation,
      time: new Date(timeMs).toISOString(),
      intervalMs: summary.intervalMs ?? null,
      state: "open",
      socket: describers(names)(socket),
      fields: fieldsOf(socket, snapshot),
      process: processOf(socket, snapshot),
      user: owners.user(snapshot.table.uid[slot]!) ?? null,
      container: container === undefined ? null : containerLabel(container),
      netns: netns === undefined ? null : netnsLabel(netns),
      explanation: explanation ?? null,
      findings: isNow ? (now?.doctor.latest?.findingsOf(id) ?? []) : [],
    };
  }

  return {
    method: "GET",
    path: "/api/socket/{id}",
    doc: "Everything about one socket: fields with unit and meaning, process, container, what limits it, findings, recent rates.",
    access: "token",
    parameters: [
      {
        name: "id",
        in: "path",
        doc: "The id of a row.",
        schema: { type: "string", pattern: "^([0-9]+:)?-?[0-9]+$" },
      },
      ...pastParameters,
    ],
    types: ["application/json"],
    async handle({ values, request }) {
      const { id = "" } = values;
      const when = readWhen(values);
      if (keyOf(id) === undefined) throw new Refusal(404, "This is not the id of a socket.");
      const isNow = when === undefined;
      // A sample of now has the tables that viewers want. The past may be read of all.
      const tables = isNow ? (now?.sampler.latest?.wants.tables ?? basicWants.tables) : everyTable;
      const wants = { tables, demands: noDemands, owners: true };
      return moments.at(
        when,
        async () => wants,
        (snapshot) => {
          const slot = slotIn(snapshot, id);
          if (!isNow) {
            if (slot === undefined) throw new Refusal(404, "There was no such socket then.");
            return jsonAnswer(request, describe(snapshot, slot, id, false));
          }
          const known = slot === undefined ? watched.get(id) : watch(id);
          if (slot !== undefined) {
            known!.body = describe(snapshot, slot, id, true);
            if (known!.rates.length === 0) known!.rates.push(rateRow(snapshot, slot));
          } else if (known?.body === undefined) throw new Refusal(404, "There is no such socket.");
          const { body, rates, closedMs } = known!;
          return jsonAnswer(request, {
            ...body,
            ...(slot === undefined
              ? { state: "closed", closed: new Date(closedMs ?? snapshot.timeMs).toISOString() }
              : {}),
            rates: { intervalMs: context.intervalMs, columns: rateColumns, rows: rates },
          });
        },
      );
    },
  };
}
