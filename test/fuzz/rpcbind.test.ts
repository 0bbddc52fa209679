/** Whatever answers in the place of rpcbind, it is a list of services or no answer, and nothing waits for more. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { rpcNames } from "../../src/enrich/rpc.ts";
import type { RpcService } from "../../src/host/host.ts";
import { decodeRpcbindDump, takeRecord } from "../../src/host/rpcbind.ts";
import { DecodeError } from "../../src/netlink/errors.ts";
import { fixtures } from "../golden/cases.ts";
import { dumpReply, recordOf } from "../rpcbind.ts";
import { filesOf } from "../tree.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const recorded = readFileSync(join(fixtures, "files/rpcbind-dump"));
const etc = filesOf({ etc: { rpc: "portmapper 100000\nnfs 100003\n" } });

/** The services in what came, undefined if it is not whole or no answer; each has a name, a port or neither. */
function read(bytes: Uint8Array): RpcService[] | undefined {
  // Nothing behind these bytes is to be read.
  const room = new Uint8Array(bytes.length + 64).fill(0xff);
  room.set(bytes, 32);
  try {
    const record = takeRecord(room.subarray(32, 32 + bytes.length));
    if (record === undefined) return undefined;
    const services = decodeRpcbindDump(record);
    const names = rpcNames(services, etc);
    for (const name of ["rpc.portmapper", "rpc.nfs"])
      for (const port of names.ports(name, "tcp")) expect(names.has(port, "tcp")).toBe(true);
    return services;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const service = fc.record<RpcService>({
  program: fc.oneof(fc.constantFrom(100000, 100003), fc.nat(0xffff_ffff)),
  version: fc.nat(0xffff_ffff),
  netid: fc.oneof(fc.constantFrom("tcp", "udp6", "local"), fc.string({ unit: "binary", maxLength: 8 })),
  address: fc.oneof(
    fc.tuple(fc.constantFrom("0.0.0.0", "::", "::1"), fc.nat(300), fc.nat(300)).map((each) => each.join(".")),
    fc.string({ unit: "binary", maxLength: 20 }),
  ),
});

test("any bytes decode to services or no answer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, framed) => {
      read(framed ? recordOf(bytes) : bytes);
    }),
    { numRuns },
  );
});

test("any mutation of a real answer decodes to services or no answer", () => {
  const change = fc.tuple(fc.nat(recorded.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
      const bytes = Uint8Array.from(recorded);
      for (const [at, value] of changes) bytes[at] = value;
      read(bytes);
    }),
    { numRuns },
  );
});

test("services are decoded from any fragmentation, but not from a partial answer", () => {
  fc.assert(
    fc.property(
      fc.array(service, { maxLength: 10 }),
      fc.array(fc.nat(400)),
      fc.nat(),
      (services, ends, cut) => {
        const record = recordOf(dumpReply(services), ends);
        expect(read(record)).toEqual(services);
        expect(read(record.subarray(0, cut % record.length))).toBeUndefined();
      },
    ),
    { numRuns },
  );
});
