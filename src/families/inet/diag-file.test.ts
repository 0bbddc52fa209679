import { expect, test } from "bun:test";
import { writeField } from "../../bytes/layout.ts";
import { NLMSG_DONE, NLMSG_ERROR, SOCK_DIAG_BY_FAMILY } from "../../netlink/constants.ts";
import { encodeMessage } from "../../netlink/message.ts";
import { readDiagFile } from "./diag-file.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "./layouts/inet-diag.ts";

const origin = { protocol: 6, describe: () => ({}) };

function message(type: number, payload: Uint8Array): Uint8Array {
  return encodeMessage({ type, flags: 0, sequence: 0, portId: 0 }, payload);
}

function socket(port: number): Uint8Array {
  const payload = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  writeField(inetDiagMessage.sport, new DataView(payload.buffer), 0, port);
  return message(SOCK_DIAG_BY_FAMILY, payload);
}

const done = message(NLMSG_DONE, new Uint8Array(4));
const error = (errno: number) =>
  message(NLMSG_ERROR, new Uint8Array(Int32Array.of(-errno, 0, 0, 0, 0).buffer));

/** The local ports of a file's sockets, and what is wrong with it. */
function read(...pieces: Uint8Array[]) {
  const found = readDiagFile(new Uint8Array(Buffer.concat(pieces)), origin);
  const ports: number[] = [];
  for (let next = found.next(); ; next = found.next()) {
    if (next.done) return { ports, problem: next.value };
    ports.push(next.value.sport);
  }
}

test("reading ends with the first dump, whatever follows it", () => {
  expect(read(socket(1), socket(2), done, socket(3), done)).toEqual({ ports: [1, 2], problem: undefined });
  expect(read(socket(1), done, socket(2).subarray(0, 7))).toEqual({ ports: [1], problem: undefined });
});

test("a file without the end of a dump is cut", () => {
  for (const pieces of [[], [socket(1)], [socket(1), socket(2)]])
    expect(read(...pieces).problem).toEqual({ what: "cut" });
  expect(read(socket(1), done.subarray(0, 8))).toEqual({ ports: [1], problem: { what: "cut" } });
  expect(read(socket(1), socket(2).subarray(0, 40))).toEqual({ ports: [1], problem: { what: "cut" } });
});

test("an error message ends the file", () => {
  expect(read(socket(1), error(1), socket(2), done)).toEqual({
    ports: [1],
    problem: { what: "answer", errno: 1 },
  });
  expect(read(socket(1), message(NLMSG_ERROR, new Uint8Array(0))).problem).toEqual({ what: "shortError" });
});

test("an impossible length is reported with its offset", () => {
  const broken = socket(2);
  broken[0] = 8;
  expect(read(socket(1), broken, done)).toEqual({ ports: [1], problem: { what: "damaged", offset: 88 } });
});

test("a length beyond the file means that it is cut", () => {
  const huge = socket(2);
  huge.fill(0xff, 0, 4);
  expect(read(socket(1), huge, done)).toEqual({ ports: [1], problem: { what: "cut" } });
});

test("messages that are too short for a socket are skipped", () => {
  expect(read(message(SOCK_DIAG_BY_FAMILY, new Uint8Array(68)), socket(5), done).ports).toEqual([5]);
});
