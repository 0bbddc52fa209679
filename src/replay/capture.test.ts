import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveHost } from "../host/live.ts";
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
