import { describe, expect, test } from "bun:test";
import { roomBytes } from "../bytes/room.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { SampleMessages } from "./messages.ts";

const origin = { protocol: 6 };
const HEADER = 16;
/** Bytes of struct inet_diag_msg. */
const MESSAGE = 72;

/** Puts messages into the room as the kernel sends them, each with its own port. @returns where their structs begin */
function receive(ports: readonly number[], length = MESSAGE): number[] {
  const data = new DataView(roomBytes.buffer);
  return ports.map((port, index) => {
    const at = index * (HEADER + length) + HEADER;
    roomBytes.fill(0, at - HEADER, at + length);
    data.setUint32(at - HEADER, HEADER + length, true);
    data.setUint16(at + 4, port);
    return at;
  });
}

const portAt = (messages: SampleMessages, slot: number) =>
  (messages.at(slot) as InetSocket | undefined)?.sport;

describe("the messages of a sample", () => {
  test("outlive the datagrams that they came in", () => {
    const messages = new SampleMessages();
    const from = messages.from(origin);
    // More datagrams than fit into one chunk.
    for (let datagram = 0; datagram < 100; datagram++) {
      const ports = Array.from({ length: 300 }, (_, index) => datagram * 300 + index);
      for (const [index, at] of receive(ports).entries())
        messages.keep(datagram * 300 + index, from, at, MESSAGE);
      messages.settle();
    }
    expect(messages.length).toBe(30_000);
    for (let slot = 0; slot < 30_000; slot += 7)
      expect([slot, portAt(messages, slot), messages.at(slot)!.length]).toEqual([slot, slot, MESSAGE]);
    expect([messages.has(30_000), messages.at(30_000)]).toEqual([false, undefined]);
  });

  test("may be brought into the room one by one, without a header", () => {
    const messages = new SampleMessages();
    const from = messages.from(origin);
    for (let slot = 0; slot < 1000; slot++) {
      roomBytes.fill(0, 0, MESSAGE);
      new DataView(roomBytes.buffer).setUint16(4, slot);
      messages.keep(slot, from, 0, MESSAGE);
    }
    for (let slot = 0; slot < 1000; slot++) expect(portAt(messages, slot)).toBe(slot);
  });

  test("give their memory back when the last reader has gone, and not before", () => {
    const free: SampleMessages[] = [];
    const messages = new SampleMessages((released) => free.push(released));
    const from = messages.from(origin);
    const [at] = receive([7]);
    messages.keep(3, from, at!, MESSAGE);
    messages.settle();
    const [first, second] = [messages.hold(), messages.hold()];
    first();
    first();
    expect([free.length, portAt(messages, 3)]).toEqual([0, 7]);
    second();
    expect(free).toEqual([messages]);
    messages.clear();
    expect([messages.length, messages.has(3), messages.at(3)]).toEqual([0, false, undefined]);
  });
});
