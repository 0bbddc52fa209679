import { expect, test } from "bun:test";
import fc from "fast-check";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { missingField, traceDecoder } from "./trace-decode.ts";
import { parseTraceFormat, type TraceFormat } from "./trace-format.ts";
import type { TracePage } from "./trace-page.ts";
import type { TraceEventName, TraceRecord } from "./trace-record.ts";

/** A format with field offsets of no real kernel: offsets must be read, not assumed. */
function formatOf(id: number, fields: readonly (readonly [name: string, size: number])[]): TraceFormat {
  let offset = 3;
  const lines = fields.map(([name, size]) => {
    const line = `\tfield:u8 ${name};\toffset:${offset};\tsize:${size};\tsigned:0;`;
    offset += size + 1;
    return line;
  });
  const common = "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;";
  return parseTraceFormat(`ID: ${id}\n${[common, ...lines].join("\n")}\n`)!;
}

const state = formatOf(7, [
  ["common_flags", 1],
  ["common_pid", 4],
  ["daddr", 4],
  ["saddr", 4],
  ["skaddr", 8],
  ["daddr_v6", 16],
  ["saddr_v6", 16],
  ["family", 2],
  ["dport", 2],
  ["sport", 2],
  ["newstate", 4],
  ["oldstate", 4],
]);

function recordOf(format: TraceFormat, values: Readonly<Record<string, number | Uint8Array>>): DataView {
  const end = Math.max(...Array.from(format.fields.values(), ({ offset, size }) => offset + size));
  const data = new DataView(new ArrayBuffer(end));
  data.setUint16(0, format.id, true);
  for (const [name, value] of Object.entries(values)) {
    const { offset, size } = format.fields.get(name)!;
    if (typeof value !== "number") new Uint8Array(data.buffer).set(value, offset);
    else for (let at = 0; at < size; at++) data.setUint8(offset + at, Math.floor(value / 256 ** at) & 0xff);
  }
  return data;
}

function pageOf(data: DataView): TracePage {
  return { data, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

test("a record is read at the offsets that the format states", () => {
  const decode = traceDecoder(new Map([["state", state]]));
  const data = recordOf(state, {
    common_pid: 4711,
    skaddr: 0x1234_5678_9abc,
    family: AF_INET,
    saddr: Uint8Array.of(127, 0, 0, 1),
    daddr: Uint8Array.of(127, 0, 0, 2),
    sport: 1025,
    dport: 5432,
    oldstate: 7,
    newstate: 2,
  });
  const record = decode(pageOf(data), 0, data.byteLength, 99) as TraceRecord;
  expect(record).toMatchObject({
    event: "state",
    ns: 99,
    tid: 4711,
    interrupted: false,
    address: 0x1234_5678_9abc,
    cookie: 0,
    family: AF_INET,
    sport: 1025,
    dport: 5432,
    oldState: 7,
    newState: 2,
  });
  const { bytes, sourceOffset, destinationOffset } = record;
  expect([...bytes.subarray(sourceOffset, sourceOffset + 4)]).toEqual([127, 0, 0, 1]);
  expect([...bytes.subarray(destinationOffset, destinationOffset + 4)]).toEqual([127, 0, 0, 2]);
});

test("IPv6 addresses have their own fields, and a softirq is not attributed to its thread", () => {
  const decode = traceDecoder(new Map([["state", state]]));
  const source = Uint8Array.from({ length: 16 }, (_, index) => index);
  const data = recordOf(state, { family: AF_INET6, saddr_v6: source, common_flags: 0x10 });
  const record = decode(pageOf(data), 0, data.byteLength, 0) as TraceRecord;
  const { bytes, sourceOffset, interrupted } = record;
  expect(bytes.subarray(sourceOffset, sourceOffset + 16)).toEqual(source);
  expect(interrupted).toBe(true);
});

test("skips events that lack a field, have another kind or family, or are truncated", () => {
  expect(missingField("state", state)).toBeUndefined();
  expect(missingField("destroy", state)).toBe("sock_cookie");
  const decode = traceDecoder(new Map([["state", state]]));
  const data = recordOf(state, { family: AF_INET });
  expect(decode(pageOf(data), 0, data.byteLength, 0)).toBeDefined();
  expect(decode(pageOf(data), 0, data.byteLength - 1, 0)).toBeUndefined();
  expect(decode(pageOf(recordOf(state, { family: 1 })), 0, data.byteLength, 0)).toBeUndefined();
  data.setUint16(0, 8, true);
  expect(decode(pageOf(data), 0, data.byteLength, 0)).toBeUndefined();
});

const exit = formatOf(9, [
  ["common_flags", 1],
  ["common_pid", 4],
  ["comm", 16],
  ["pid", 4],
]);
/** A format that a kernel may have: the name is at the end of the record. */
const exitWithLocation = formatOf(10, [
  ["common_flags", 1],
  ["common_pid", 4],
  ["comm", 4],
  ["pid", 4],
]);
const curl = new TextEncoder().encode("curl");

test("an exit has the name of the thread, in the record or at its end", () => {
  const decode = traceDecoder(new Map([["exit", exit]]));
  const data = recordOf(exit, { comm: Uint8Array.of(...curl, 0, 0x78), pid: 4711 });
  expect(decode(pageOf(data), 0, data.byteLength, 3)).toEqual({
    event: "exit",
    ns: 3,
    tid: 4711,
    name: curl,
  });
  expect(decode(pageOf(data), 0, data.byteLength - 1, 3)).toBeUndefined();
  const located = traceDecoder(new Map([["exit", exitWithLocation]]));
  const short = recordOf(exitWithLocation, { pid: 5 });
  const bytes = new Uint8Array(short.byteLength + 5);
  const long = new DataView(bytes.buffer);
  new DataView(bytes.buffer).setUint16(0, 10, true);
  const { offset: comm } = exitWithLocation.fields.get("comm")!;
  const { offset: pid } = exitWithLocation.fields.get("pid")!;
  long.setUint32(comm, (5 << 16) | short.byteLength, true);
  long.setUint32(pid, 5, true);
  bytes.set(curl, short.byteLength);
  expect(located(pageOf(long), 0, long.byteLength, 3)).toEqual({ event: "exit", ns: 3, tid: 5, name: curl });
});

test("never throws, whatever the bytes", () => {
  const formats = new Map<TraceEventName, TraceFormat>([
    ["state", state],
    ["exit", exitWithLocation],
  ]);
  const decode = traceDecoder(formats);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(120), (bytes, length) => {
      const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      decode(pageOf(data), 0, Math.min(length, bytes.length), 0);
    }),
  );
});
