/** The limits of an answer, with a kernel that has a million sockets: each is exceeded by one datagram at most. */
import { expect, test } from "bun:test";
import { type AnswerLimits, answer, ownLimits } from "../../src/cli/fleet/answer.ts";
import { type End, type Frame, PROTOCOL, type Question } from "../../src/fleet/protocol.ts";
import type { NetlinkSocket, Transport } from "../../src/netlink/transport.ts";
import { playedKernel } from "../../src/replay/played.ts";
import { playedHost, serverSockets, worldOf } from "./nats-agents.ts";

const SOCKETS = 1_000_000;
/** Sockets of one datagram: 32 KiB, as the kernel sends them. */
const SOCKETS_EACH = 400;

/** Sockets of a played kernel, listed again and again: a million, in datagrams of the kernel's size. */
function millionSockets() {
  const inner = playedKernel(serverSockets(SOCKETS_EACH));
  let received = 0;
  const repeating = (socket: NetlinkSocket): NetlinkSocket => {
    let datagram: Uint8Array | undefined;
    let left = 0;
    let rest: Uint8Array[] = [];
    return {
      portId: socket.portId,
      send(request) {
        datagram = undefined;
        left = SOCKETS / SOCKETS_EACH;
        socket.send(request);
      },
      close: () => socket.close(),
      receive(allocate) {
        received++;
        if (datagram === undefined) {
          const parts: Uint8Array[] = [];
          for (let part = socket.receive((size) => new Uint8Array(size)); part.length > 0; ) {
            parts.push(part);
            part = socket.receive((size) => new Uint8Array(size));
          }
          // The last one is NLMSG_DONE. A family without sockets has nothing before it.
          rest = parts.splice(-1);
          datagram = Buffer.concat(parts);
          if (parts.length === 0) left = 0;
        }
        const next = left-- > 0 ? datagram : (rest.shift() ?? new Uint8Array(0));
        const buffer = allocate(next.length).subarray(0, next.length);
        buffer.set(next);
        return buffer;
      },
    };
  };
  const transport: Transport = {
    familyByFamily: true,
    open: (protocol, groups) => repeating(inner.open(protocol, groups)),
  };
  return { host: { ...playedHost([]), transport }, received: () => received };
}

async function ask(question: Partial<Question>, limitsOf: (received: () => number) => Partial<AnswerLimits>) {
  const { host, received } = millionSockets();
  let rows = 0;
  let largest = 0;
  let end: End | undefined;
  const send = (frame: Frame) => {
    if ("rows" in frame) {
      rows += frame.rows.length;
      largest = Math.max(largest, frame.rows.length);
    } else if ("end" in frame) end = frame.end;
  };
  const whole: Question = {
    protocol: PROTOCOL,
    args: ["--tcp", "--all", "--numeric"],
    words: [],
    form: "rows",
    maxRows: 2 * SOCKETS,
    budgetMs: 60_000,
    ...question,
  };
  await answer(worldOf(host), whole, send, {
    ...ownLimits(() => performance.now()),
    ...limitsOf(received),
  });
  return { rows, largest, end, received: received() };
}

test("a million sockets are counted", async () => {
  const { rows, end } = await ask({ args: ["--tcp", "--all", "--by=state"] }, () => ({}));
  expect([rows, end]).toEqual([3, { status: 0 }]);
});

const questions: readonly (readonly [title: string, question: Partial<Question>])[] = [
  ["rows", {}],
  ["a filter that nothing matches", { words: ["recvq", ">", "1000000"] }],
  ["sorted rows", { args: ["--tcp", "--all", "--numeric", "--sort=-recvq"] }],
  ["the first rows", { args: ["--tcp", "--all", "--numeric", "--sort=-recvq", "--top=5"] }],
  ["groups", { args: ["--tcp", "--all", "--numeric", "--by=peer"] }],
  ["the other ends of connections", { args: ["--tcp", "--all", "--numeric", "--processes", "--peer"] }],
  ["what the doctor prints", { args: ["doctor", "--tcp", "--for=0s"], form: "output" }],
];

test.each(questions)("a time limit ends %s", async (_, question) => {
  // Each datagram takes a millisecond.
  const { end, received } = await ask({ ...question, budgetMs: 100 }, (received) => ({ now: received }));
  expect(end).toEqual({ status: 1, cut: "time" });
  expect(received).toBeLessThanOrEqual(102);
});

test.each(questions)("a limit of processor time ends %s", async (_, question) => {
  const { end, received } = await ask(question, (received) => ({
    reached: () => (received() > 100 ? "cpu" : undefined),
  }));
  expect(end).toEqual({ status: 1, cut: "cpu" });
  expect(received).toBeLessThanOrEqual(102);
});

test("a limit of rows ends a listing in the datagram that exceeds it", async () => {
  const { rows, largest, end, received } = await ask({}, () => ({ maxRows: 10_000 }));
  expect([rows, end]).toEqual([10_000, { status: 1, cut: "rows" }]);
  expect(received).toBeLessThanOrEqual(10_000 / SOCKETS_EACH + 3);
  // An answer is sent in frames that end soon, whatever there is to send.
  expect(largest).toBeLessThanOrEqual(512);
});

test("a limit of rows ends groups before they are sent, as their numbers would be wrong", async () => {
  const { rows, end, received } = await ask({ args: ["--tcp", "--all", "--numeric", "--by=peer"] }, () => ({
    maxRows: 100,
  }));
  expect([rows, end]).toEqual([0, { status: 1, cut: "rows" }]);
  expect(received).toBeLessThanOrEqual(3);
});
