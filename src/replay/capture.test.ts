import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inetRequest } from "../families/inet/request.ts";
import { liveHost } from "../host/live.ts";
import { AF_INET, IPPROTO_TCP } from "../model/family.ts";
import { NETLINK_SOCK_DIAG, NLMSG_DONE, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { encodeDumpRequest } from "../netlink/dump.ts";
import type { NetlinkSocket, Recall } from "../netlink/transport.ts";
import { captureFile, captureOf } from "./capture.ts";
import { RecordingError } from "./error.ts";
import { replayHost } from "./host.ts";
import { decodePcap, encodePcap } from "./pcap.ts";
import { readCapture, readRecording } from "./recording.ts";

const LIMIT = 2 ** 31;
const folder = mkdtempSync(join(tmpdir(), "sockscope-capture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixture = new URL("../../test/fixtures/real-linux-6.18/recording.pcap", import.meta.url);
const packets = decodePcap(readFileSync(fixture), "fixture");

/** A capture of more than the bytes that are read into memory: its packets again and again. */
function bigCapture(): Uint8Array {
  const size = packets.reduce((sum, { datagram }) => sum + datagram.length, 0);
  return encodePcap(Array.from({ length: Math.ceil(6e6 / size) }, () => packets).flat());
}

/** A recording with all of its datagrams in memory. */
function spread(recording: ReturnType<typeof readRecording>) {
  return Array.from(recording, ([protocol, { conversations, multicasts }]) => ({
    protocol,
    multicasts: multicasts.map((each) => Buffer.from(each).toString("base64")),
    conversations: conversations.map(({ request, answer }) => [
      Buffer.from(request).toString("base64"),
      Array.from(answer, (each) => Buffer.from(each).toString("base64")),
    ]),
  }));
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const descriptors = () => readdirSync("/proc/self/fd").length;

test("a capture that stays on disk is the recording that it is in memory", () => {
  const bytes = bigCapture();
  const path = write("big.pcap", bytes);
  const before = descriptors();
  const big = spread(readCapture(captureFile(path, path, LIMIT)!, path));
  expect(big).toEqual(spread(readRecording(decodePcap(bytes, path))));
  expect(big).toEqual(spread(readCapture(captureOf(bytes), path)));
  expect(descriptors()).toBe(before);
});

test("a listing that ends early leaves no descriptor open", () => {
  const path = write("early.pcap", bigCapture());
  const before = descriptors();
  const { transport } = replayHost(path, liveHost().files);
  const request = packets.find(({ protocol }) => protocol === 4)!;
  const socket = transport.open(4);
  socket.send(request.datagram);
  expect(socket.receive((size) => new Uint8Array(size)).length).toBeGreaterThan(0);
  expect(descriptors()).toBe(before + 1);
  socket.close();
  expect(descriptors()).toBe(before);
});

test("a truncated capture is refused as one in memory is", () => {
  const bytes = bigCapture();
  for (const cut of [1, 15, 16, 20, 33, 500, 40_000]) {
    const part = bytes.subarray(0, bytes.length - cut);
    const path = write("cut.pcap", part);
    const outcome = (read: () => unknown) => {
      try {
        return read();
      } catch (error) {
        return (error as Error).message;
      }
    };
    const expected = outcome(() => decodePcap(part, path).length);
    const found = outcome(() => spread(readCapture(captureFile(path, path, LIMIT)!, path)) && "no error");
    expect(found).toBe(typeof expected === "number" ? "no error" : expected);
  }
});

test("a file that took the place of the capture is not read", () => {
  const path = write("replaced.pcap", bigCapture());
  const recording = readCapture(captureFile(path, path, LIMIT)!, path);
  const { answer } = recording.get(4)!.conversations[0]!;
  expect([...answer].length).toBeGreaterThan(0);
  renameSync(write("other.pcap", bigCapture()), path);
  expect(() => [...answer]).toThrow(RecordingError);
});

test("what is missing, too long or no file", () => {
  expect(captureFile(folder, join(folder, "nothing"), LIMIT)).toBeUndefined();
  expect(() => captureFile(folder, folder, LIMIT)).toThrow("a directory is in the way");
  expect(() => captureFile(folder, write("long", new Uint8Array(100)), 99)).toThrow("file too large");
});

/** Receives an answer to its end. @returns the places and payloads of its messages, and what reads these again */
function receiveAll(socket: NetlinkSocket) {
  const found: { place: number; payload: Uint8Array }[] = [];
  let recall: Recall | undefined;
  for (;;) {
    const datagram = socket.receive((size) => new Uint8Array(size));
    if (datagram.length === 0) return { found, recall };
    recall = socket.recall ?? recall;
    const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    for (let at = 0; at < datagram.length; at += (data.getUint32(at, true) + 3) & ~3) {
      if (data.getUint16(at + 4, true) <= NLMSG_DONE) continue;
      const payload = datagram.subarray(at + NLMSG_HDRLEN, at + data.getUint32(at, true));
      found.push({ place: socket.recall?.placeOf(at + NLMSG_HDRLEN) ?? -1, payload });
    }
  }
}

test("messages of a capture on disk are read again as they came", () => {
  const path = write("again.pcap", bigCapture());
  const { transport } = replayHost(path, liveHost().files);
  let messages = 0;
  for (const ext of [0, 0xff])
    for (const states of [1 << 1, 0xffff]) {
      const socket = transport.open(NETLINK_SOCK_DIAG);
      socket.send(encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(AF_INET, IPPROTO_TCP, ext, states)));
      const { found, recall } = receiveAll(socket);
      socket.close();
      for (const { place, payload } of found.toReversed()) {
        expect(place).toBeGreaterThan(0);
        expect(Buffer.compare(recall!.read(place), payload)).toBe(0);
      }
      expect(recall!.placeOf(3)).toBe(-1);
      messages += found.length;
    }
  expect(messages).toBeGreaterThan(20);
});

test("messages of a capture in memory are kept by those who want them again", () => {
  const { transport } = replayHost(write("small.pcap", encodePcap(packets)), liveHost().files);
  const socket = transport.open(NETLINK_SOCK_DIAG);
  socket.send(encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(AF_INET, IPPROTO_TCP, 0, 0xffff)));
  expect(receiveAll(socket).found.every(({ place }) => place === -1)).toBe(true);
});

test("a message is not read again from a file that became another one", () => {
  const path = write("changed.pcap", bigCapture());
  const { transport } = replayHost(path, liveHost().files);
  const socket = transport.open(NETLINK_SOCK_DIAG);
  socket.send(encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(AF_INET, IPPROTO_TCP, 0, 0xffff)));
  const { found, recall } = receiveAll(socket);
  const [first] = found;
  const bytes = bigCapture();
  new DataView(bytes.buffer).setUint32(first!.place, 0xfffffff0, true);
  writeFileSync(path, bytes);
  expect(() => recall!.read(first!.place)).toThrow(RecordingError);
});
