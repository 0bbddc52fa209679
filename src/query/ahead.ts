/**
 * Begins the TCP dumps of network namespaces before their turn. The kernel walks its table of all namespaces' connections
 * inside the call that sends the request: 10 ms with 100,000 of them, and the answer of most namespaces is short. Threads
 * of the C library make these calls, one for each processor.
 */
import { descriptorLimit } from "../host/namespaces.ts";
import type { Place } from "../lookup/places.ts";
import { NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { hasConnections, possibleTcpStates } from "../procfs/possible-states.ts";
import type { DumpAhead } from "./query.ts";

/** With fewer namespaces, threads save less than they cost. */
const FEWEST_PLACES = 4;
/** Descriptors that must be left for everything else. */
const FEWEST_DESCRIPTORS = 256;
/** The most dumps under way. glibc has at most 20 threads for them. */
const WIDEST = 16;

/** The TCP dumps of several namespaces, listed one after the other. Those that nobody takes end when it is disposed of. */
export interface DumpsAhead extends Disposable {
  /** @param index of the place */
  at(index: number): DumpAhead;
}

/** A dump under way. */
interface Begun {
  readonly request: Uint8Array;
  readonly socket: NetlinkSocket;
  /** Waits until the request is sent. @throws NetlinkError */
  readonly finish: () => void;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** @returns undefined if it does not pay */
export function dumpsAhead(places: readonly Place[]): DumpsAhead | undefined {
  if (places.length < FEWEST_PLACES) return undefined;
  // Node 20 does not have it.
  const processors = globalThis.navigator?.hardwareConcurrency ?? 1;
  if (processors < 2 || descriptorLimit(places[0]!.host.files) < FEWEST_DESCRIPTORS) return undefined;
  let width = Math.min(processors, WIDEST);
  const begun = new Map<number, Begun>();
  /** The first place that was not considered yet. */
  let next = 0;

  function begin(index: number, request: Uint8Array): void {
    const { files, transport } = places[index]!.host;
    if (!hasConnections(possibleTcpStates(files))) return;
    let socket: NetlinkSocket;
    try {
      socket = transport.open(NETLINK_SOCK_DIAG);
    } catch {
      // It is reported when it is this one's turn.
      return;
    }
    const finish = socket.beginSend?.(request);
    if (finish !== undefined) begun.set(index, { request, socket, finish });
    else {
      socket.close();
      width = 0;
    }
  }

  function drop(index: number): void {
    const { socket, finish } = begun.get(index)!;
    begun.delete(index);
    try {
      finish();
    } catch {
      // Nobody wants the answer.
    }
    socket.close();
  }

  function transportOf(index: number): Transport {
    const { transport } = places[index]!.host;
    return {
      ...transport,
      open(protocol, groups) {
        let started = begun.get(index);
        let socket = started?.socket ?? transport.open(protocol, groups);
        return {
          get portId() {
            return socket.portId;
          },
          send(request) {
            if (started !== undefined && !isSame(started.request, request)) {
              // Filters by interface differ between namespaces.
              width = 0;
              drop(index);
              started = undefined;
              socket = transport.open(protocol, groups);
            }
            const finish = started?.finish;
            started = undefined;
            begun.delete(index);
            next = Math.max(next, index + 1);
            while (begun.size < width && next < places.length) begin(next++, request);
            if (finish === undefined) socket.send(request);
            else finish();
          },
          receive: (allocate) => socket.receive(allocate),
          get receiveInto() {
            return socket.receiveInto;
          },
          close() {
            if (begun.has(index)) drop(index);
            else socket.close();
          },
        };
      },
    };
  }

  return {
    at: (index) => ({ begun: begun.has(index), transport: transportOf(index) }),
    [Symbol.dispose]() {
      for (const index of [...begun.keys()]) drop(index);
    },
  };
}
