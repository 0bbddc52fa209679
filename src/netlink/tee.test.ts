import { expect, test } from "bun:test";
import { teeTransport } from "./tee.ts";
import type { Transport } from "./transport.ts";

test("copies received datagrams, padded to four bytes, but not sent ones", () => {
  const answers = [Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(6, 7, 8, 9)];
  const sent: Uint8Array[] = [];
  let closed = false;
  const inner: Transport = {
    open: () => ({
      portId: 7,
      send: (datagram) => sent.push(datagram),
      receive: () => answers.shift()!,
      close: () => {
        closed = true;
      },
    }),
  };
  const written: number[] = [];
  const socket = teeTransport(inner, (bytes) => written.push(...bytes)).open(4);
  socket.send(Uint8Array.of(42));
  const received = [1, 2].map(() => [...socket.receive((size) => new Uint8Array(size))]);
  socket.close();
  expect(socket.portId).toBe(7);
  expect(sent).toEqual([Uint8Array.of(42)]);
  expect(received).toEqual([
    [1, 2, 3, 4, 5],
    [6, 7, 8, 9],
  ]);
  expect(written).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9]);
  expect(closed).toBe(true);
});
