/** What differs between two moments: listeners, peers, and how many connections each pair of processes has. */
import { escapeText } from "../bytes/terminal.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { addressText } from "../model/address.ts";
import { AF_INET6 } from "../model/family.ts";
import { dumpOrder } from "../model/selection.ts";
import { SS_CLOSE, SS_LISTEN, SS_TIME_WAIT } from "../model/state.ts";
import type { Moment } from "./reader.ts";

/** Something that only one of two moments has. */
export interface Change {
  /** `+` if the later one has it. */
  readonly sign: "+" | "-";
  readonly what: "listener" | "peer" | "connection";
  readonly netid: string;
  /** The listener's address, the peer's with its port, or both ends of a connection. */
  readonly end: string;
  /** Name of the owner. */
  readonly process: string | undefined;
}

const decoder = new TextDecoder();

/** Everything of a moment that can differ, by what it is and its ends. */
function thingsOf({ image, owners, processes }: Moment): Map<string, Omit<Change, "sign">> {
  const names = new Map(processes.map(({ id, name }) => [id, escapeText(decoder.decode(name))]));
  const listeners = new Set<string>();
  const connections: {
    place: number;
    netid: string;
    local: string;
    port: string;
    peer: string;
    process?: string;
  }[] = [];
  const things = new Map<string, Omit<Change, "sign">>();
  const add = (place: number, thing: Omit<Change, "sign">) =>
    things.set(`${place} ${thing.what} ${thing.netid} ${thing.end} ${thing.process ?? ""}`, thing);
  for (const { place, dump, family, messages } of image.values()) {
    const netid = dumpOrder[dump] ?? "";
    if (netid !== "tcp" && netid !== "udp") continue;
    for (const { words, length } of messages) {
      if (length < INET_DIAG_MESSAGE_SIZE) continue;
      const data = new DataView(words.buffer, words.byteOffset);
      const text = (at: number) => {
        const address = addressText(data, at, family);
        return family === AF_INET6 ? `[${address}]` : address;
      };
      const state = data.getUint8(inetDiagMessage.stateNumber.offset);
      const sport = data.getUint16(inetDiagMessage.sport.offset);
      const dport = data.getUint16(inetDiagMessage.dport.offset);
      const owner = owners.get(data.getUint32(inetDiagMessage.inode.offset, true))?.[0];
      const process = owner === undefined ? undefined : names.get(owner.process);
      const local = `${text(inetDiagMessage.source.offset)}:${sport}`;
      const port = `${place} ${netid} ${sport}`;
      if (state === SS_LISTEN || (state === SS_CLOSE && dport === 0)) {
        listeners.add(port);
        add(place, { what: "listener", netid, end: local, process });
      } else if (state !== SS_TIME_WAIT && dport !== 0) {
        const peer = `${text(inetDiagMessage.destination.offset)}:${dport}`;
        connections.push({ place, netid, local, port, peer, ...(process === undefined ? {} : { process }) });
      }
    }
  }
  for (const { place, netid, local, port, peer, process } of connections) {
    add(place, { what: "connection", netid, end: `${local} ${peer}`, process });
    // The port that a client chose says nothing about who it is.
    const end = listeners.has(port) ? peer.slice(0, peer.lastIndexOf(":")) : peer;
    add(place, { what: "peer", netid, end, process });
  }
  return things;
}

const order: readonly Change["what"][] = ["listener", "peer", "connection"];

/** What one moment has and the other has not: listeners first, then peers, then connections. */
export function changesBetween(before: Moment, after: Moment): Change[] {
  const earlier = thingsOf(before);
  const later = thingsOf(after);
  const changes: Change[] = [];
  for (const [key, thing] of earlier) if (!later.has(key)) changes.push({ sign: "-", ...thing });
  for (const [key, thing] of later) if (!earlier.has(key)) changes.push({ sign: "+", ...thing });
  return changes.sort((a, b) => order.indexOf(a.what) - order.indexOf(b.what));
}
