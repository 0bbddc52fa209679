import { describe, expect, test } from "bun:test";
import { writeField } from "../bytes/layout.ts";
import { roomBytes } from "../bytes/room.ts";
import type { Families } from "../families/index.ts";
import { inet } from "../families/inet/index.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { noDemands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { type Selection, tables } from "../model/selection.ts";
import {
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  SOCK_DIAG_BY_FAMILY,
  TCPDIAG_GETSOCK,
} from "../netlink/constants.ts";
import { DUMP_SEQUENCE } from "../netlink/dump.ts";
import { encodeMessage, u32Payload } from "../netlink/message.ts";
import type { Transport } from "../netlink/transport.ts";
import { allocator } from "./common.ts";
import { listInet } from "./netlink.ts";
import { needsInet, type RowSink } from "./query.ts";

const PORT = 7;
const ENOENT = 2;
const header = { flags: NLM_F_MULTI, sequence: DUMP_SEQUENCE, portId: PORT };
const done = encodeMessage({ type: NLMSG_DONE, ...header }, u32Payload(0));
const refusal = encodeMessage({ type: NLMSG_ERROR, ...header }, u32Payload(-ENOENT));

/** A message of `size` bytes about a TCP socket of a family, identified by its local port. */
function tcp(family: number, sport: number, size = INET_DIAG_MESSAGE_SIZE): Uint8Array {
  const payload = new Uint8Array(size);
  const data = new DataView(payload.buffer);
  writeField(inetDiagMessage.familyNumber, data, 0, family);
  writeField(inetDiagMessage.stateNumber, data, 0, 1);
  writeField(inetDiagMessage.sport, data, 0, sport);
  // One attribute fills the rest.
  if (size > INET_DIAG_MESSAGE_SIZE)
    data.setUint16(INET_DIAG_MESSAGE_SIZE, size - INET_DIAG_MESSAGE_SIZE, true);
  return encodeMessage({ type: SOCK_DIAG_BY_FAMILY, ...header }, payload);
}

/** A fake kernel that answers by request type and family. */
function kernel(answer: (type: number, family: number) => readonly Uint8Array[]): {
  transport: Transport;
  requests: string[];
} {
  const requests: string[] = [];
  const open: Transport["open"] = () => {
    let answers: Uint8Array[] = [];
    return {
      portId: PORT,
      send(datagram) {
        const type = new DataView(datagram.buffer, datagram.byteOffset).getUint16(4, true);
        requests.push(`${type}/${datagram[16]}`);
        answers = [...answer(type, datagram[16]!)];
      },
      receive(allocate) {
        const next = answers.shift()!;
        const buffer = allocate(next.length).subarray(0, next.length);
        buffer.set(next);
        return buffer;
      },
      close: () => undefined,
    };
  };
  return { transport: { open }, requests };
}

/** The TCP sockets of some families. */
function selectionOf(families: readonly number[]): Selection {
  return {
    tables: new Set(["tcp"]),
    families: new Set(families),
    states: tables.tcp.states,
    preferred: undefined,
  };
}

/** The local ports of a listing. Reads each batch before the next one arrives. */
function ports(transport: Transport, families: readonly number[] = [AF_INET, AF_INET6]): number[] {
  const selection = selectionOf(families);
  const parts = { families: { inet } };
  const query = { selection, demands: noDemands, predicate: undefined, keep: false, parts, report: () => {} };
  const found: number[] = [];
  for (const { sockets } of listInet(transport, query, "tcp", families, allocator(false)))
    for (const socket of sockets) if (socket.kind === "inet") found.push(socket.sport);
  return found;
}

describe("the TCP sockets of both families", () => {
  const together = [
    Buffer.concat([tcp(AF_INET6, 61), tcp(AF_INET, 41)]),
    Buffer.concat([tcp(AF_INET, 42), tcp(AF_INET6, 62)]),
    tcp(AF_INET, 43),
    done,
  ];

  test("come from one walk, IPv4 first", () => {
    const { transport, requests } = kernel(() => together);
    expect(ports(transport)).toEqual([41, 42, 43, 61, 62]);
    expect(requests).toEqual([`${TCPDIAG_GETSOCK}/${AF_INET}`]);
  });

  test("come one family at a time if the combined request is refused, or with a recorder", () => {
    const { transport, requests } = kernel((type, family) =>
      type === TCPDIAG_GETSOCK ? [refusal] : [tcp(family, family), done],
    );
    expect(ports(transport)).toEqual([AF_INET, AF_INET6]);
    expect(requests).toHaveLength(3);
    expect(ports({ ...transport, familyByFamily: true })).toEqual([AF_INET, AF_INET6]);
    expect(requests).toHaveLength(5);
  });

  test("come in the kernel's order if it supports only the legacy request", () => {
    const { transport } = kernel((type) => (type === TCPDIAG_GETSOCK ? together : [refusal]));
    expect(ports({ ...transport, familyByFamily: true })).toEqual([61, 41, 42, 62, 43]);
    expect(ports(transport, [AF_INET6])).toEqual([61, 62]);
  });

  test("are requested again if the IPv6 sockets overflow the buffer", () => {
    const large = 32_000;
    const many = Array.from({ length: 600 }, (_, index) => tcp(AF_INET6, index, large));
    const { transport, requests } = kernel((type) =>
      type === TCPDIAG_GETSOCK ? [tcp(AF_INET, 41), ...many, done] : [tcp(AF_INET6, 61), done],
    );
    expect(ports(transport)).toEqual([41, 61]);
    expect(requests).toEqual([`${TCPDIAG_GETSOCK}/${AF_INET}`, `${SOCK_DIAG_BY_FAMILY}/${AF_INET6}`]);
  });
});

describe("rows that are written straight from messages", () => {
  /**
   * The rows of a listing that begins without the code of views, and how often that code was requested.
   *
   * @param rare ports whose messages need a view
   */
  function rows(answers: readonly Uint8Array[], rare: readonly number[]) {
    const written: string[] = [];
    let loads = 0;
    const families: Families = {};
    const sink: RowSink = {
      begin: () => ({
        put(offset) {
          const at = offset + inetDiagMessage.sport.offset;
          const port = (roomBytes[at]! << 8) | roomBytes[at + 1]!;
          if (rare.includes(port)) return false;
          written.push(`${port}`);
          return true;
        },
        write: (socket) => written.push(`view of ${(socket as InetSocket).sport}`),
      }),
    };
    const query = {
      selection: selectionOf([AF_INET, AF_INET6]),
      demands: noDemands,
      predicate: undefined,
      keep: false,
      parts: { families },
      rows: sink,
      report: () => {},
    };
    const both = [AF_INET, AF_INET6];
    for (const batch of listInet(kernel(() => answers).transport, query, "tcp", both, allocator(false)))
      if (batch === needsInet) {
        loads++;
        families.inet = inet;
      } else expect(batch.sockets).toEqual([]);
    return { written, loads };
  }

  const answers = [
    Buffer.concat([tcp(AF_INET, 41), tcp(AF_INET, 42), tcp(AF_INET6, 61), tcp(AF_INET, 43)]),
    Buffer.concat([tcp(AF_INET, 44), tcp(AF_INET6, 62), tcp(AF_INET6, 63)]),
    done,
  ];

  test("need no code of views where no message is rare", () => {
    expect(rows(answers, [])).toEqual({ written: ["41", "42", "43", "44", "61", "62", "63"], loads: 0 });
  });

  test("keep the kernel's order when a message waits for the code of its view", () => {
    expect(rows(answers, [42, 44])).toEqual({
      written: ["41", "view of 42", "43", "view of 44", "61", "62", "63"],
      loads: 1,
    });
  });

  test("keep it among the messages about IPv6 sockets, too", () => {
    expect(rows(answers, [62])).toEqual({
      written: ["41", "42", "43", "44", "61", "view of 62", "63"],
      loads: 1,
    });
  });
});
