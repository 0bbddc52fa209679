/** Recordings come from strangers: whatever is in one, it is played or refused, and the player comes to an end. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { checkBytecode, runBytecode } from "../../src/replay/bytecode.ts";
import { RecordingError } from "../../src/replay/error.ts";
import { replayTransport } from "../../src/replay/kernel.ts";
import { decodePcap, encodePcap } from "../../src/replay/pcap.ts";
import { readRecording } from "../../src/replay/recording.ts";

/** Of what takes long for each run, fewer do in the ordinary test. */
const runs = (usual: number) => ({ numRuns: Number(process.env["FUZZ_RUNS"] ?? usual) });

const fixtures = new URL("../fixtures/", import.meta.url);

/** Every small capture of the corpus, with the requests that its cases make. */
const corpus = readdirSync(fixtures)
  .filter((name) => !name.includes("."))
  .flatMap((name) => {
    try {
      const pcap = readFileSync(new URL(`${name}/recording.pcap`, fixtures));
      const cases: { requests?: string[] }[] = JSON.parse(
        readFileSync(new URL(`${name}/cases.json`, fixtures), "utf8"),
      );
      const requests = [...new Set(cases.flatMap(({ requests }) => requests ?? []))].slice(0, 8);
      return pcap.length < 30_000 ? [{ pcap, requests: requests.map((hex) => Buffer.from(hex, "hex")) }] : [];
    } catch {
      return [];
    }
  });

const linkDump = Buffer.concat([Buffer.from("20000000120001030100000000000000", "hex"), new Uint8Array(16)]);

/** A player gives back no more datagrams than were recorded, the end it adds, and the end of the conversation. */
function playAll(pcap: Uint8Array, requests: readonly Uint8Array[]): void {
  let packets: ReturnType<typeof decodePcap>;
  try {
    packets = decodePcap(pcap, "fuzz");
  } catch (error) {
    if (error instanceof RecordingError) return;
    throw error;
  }
  const transport = replayTransport(readRecording(packets));
  for (const [protocol, request] of [
    ...requests.map((request) => [4, request] as const),
    [0, linkDump] as const,
  ]) {
    const socket = transport.open(protocol, 15);
    socket.send(request);
    let received = 0;
    while (socket.receive((size) => new Uint8Array(size)).length > 0) {
      received++;
      expect(received).toBeLessThan(packets.length * 2 + 3);
    }
  }
}

test("the corpus exists", () => {
  expect(corpus.length).toBeGreaterThan(30);
});

test("any bytes are read as a capture or rejected", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => playAll(bytes, [])),
    runs(1000),
  );
});

test("any datagrams can be replayed", () => {
  const datagram = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(...corpus.flatMap(({ requests }) => requests)),
  );
  fc.assert(
    fc.property(
      fc.array(fc.record({ protocol: fc.constantFrom(0, 4), datagram }), { maxLength: 8 }),
      fc.array(datagram, { maxLength: 4 }),
      (packets, requests) => playAll(encodePcap(packets), requests),
    ),
    runs(1000),
  );
});

test("any mutation of the corpus is replayed or rejected", () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.array(mutation, { maxLength: 12 }),
      fc.boolean(),
      fc.nat(),
      ({ pcap, requests }, mutations, cut, length) => {
        // Mutations beyond the file's header, or nearly every one would be refused there.
        const bytes = Uint8Array.from(pcap);
        for (const { at, byte } of mutations) bytes[24 + (at % (bytes.length - 24))] = byte;
        playAll(cut ? bytes.subarray(0, length % (bytes.length + 1)) : bytes, requests);
      },
    ),
    runs(400),
  );
});

test("any mutation of the datagrams can be replayed", () => {
  const mutation = fc.record({ packet: fc.nat(), at: fc.nat(), byte: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.array(mutation, { minLength: 1, maxLength: 12 }),
      fc.option(fc.record({ packet: fc.nat(), length: fc.nat() })),
      ({ pcap, requests }, mutations, cut) => {
        const packets = decodePcap(Uint8Array.from(pcap), "corpus");
        for (const { packet, at, byte } of mutations) {
          const { datagram } = packets[packet % packets.length]!;
          datagram[at % datagram.length] = byte;
        }
        if (cut !== null) {
          const at = cut.packet % packets.length;
          const { protocol, datagram } = packets[at]!;
          packets[at] = { protocol, datagram: datagram.subarray(0, cut.length % (datagram.length + 1)) };
        }
        playAll(encodePcap(packets), requests);
      },
    ),
    runs(400),
  );
});

test("any bytecode that passes the check terminates", () => {
  const operation = fc
    .tuple(fc.nat(14), fc.nat(40), fc.nat(60), fc.uint8Array({ maxLength: 24 }))
    .map(([code, yes, no, operand]) => [
      code,
      yes & ~3,
      no & ~3,
      0,
      ...operand.subarray(0, operand.length & ~3),
    ]);
  const message = new DataView(new ArrayBuffer(72));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
      const program = new DataView(Uint8Array.from(operations.flat()).buffer);
      if (checkBytecode(program)) runBytecode(program, message, 0, 72);
    }),
    runs(2000),
  );
});
