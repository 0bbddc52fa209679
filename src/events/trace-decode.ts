/** Decodes the events of a trace page into records, by the field offsets that the kernel states. */
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { TraceField, TraceFormat } from "./trace-format.ts";
import type { TracePage } from "./trace-page.ts";
import { type ThreadExit, type TraceEventName, type TraceRecord, traceEvent } from "./trace-record.ts";

/**
 * TRACE_FLAG_HARDIRQ, TRACE_FLAG_SOFTIRQ, TRACE_FLAG_BH_OFF: the thread was interrupted, or it is a kernel thread that
 * works for others. linux/trace_events.h.
 */
const INTERRUPTED = 0x08 | 0x10 | 0x80;
const WORD_RANGE = 2 ** 32;

const common = ["common_type", "common_flags", "common_pid"] as const;

/** The first required field that an event lacks; undefined if it has all. */
export function missingField(event: TraceEventName, { fields }: TraceFormat): string | undefined {
  return [...common, ...traceEvent(event).fields].find((name) => !fields.has(name));
}

/**
 * Decodes an event's data, which may be longer than its fields. The record's addresses stay in the page.
 *
 * @returns undefined if the data is too short
 */
export type DecodeTrace = (
  { data, bytes }: TracePage,
  offset: number,
  length: number,
  ns: number,
) => TraceRecord | ThreadExit | undefined;

/** Bytes of a field that holds length and offset of its data, `__data_loc` in the format file. */
const DATA_LOC_SIZE = 4;

/** The decoder of exits. */
function exitDecoder({ fields }: TraceFormat): DecodeTrace {
  const comm = fields.get("comm")!;
  const pid = fields.get("pid")!;
  const least = Math.max(comm.offset + comm.size, pid.offset + pid.size);
  return ({ data, bytes }, offset, length, ns) => {
    if (length < least) return undefined;
    const location = comm.size === DATA_LOC_SIZE ? data.getUint32(offset + comm.offset, true) : undefined;
    const from = location === undefined ? comm.offset : location & 0xffff;
    const end = Math.min(length, from + (location === undefined ? comm.size : location >>> 16));
    const name = bytes.slice(offset + from, offset + end);
    const nul = name.indexOf(0);
    const tid = data.getInt32(offset + pid.offset, true);
    return { event: "exit", ns, tid, name: nul < 0 ? name : name.subarray(0, nul) };
  };
}

/** The decoder of one event. @throws TypeError if a field is missing, see {@link missingField} */
function decoderOf(event: TraceEventName, format: TraceFormat): DecodeTrace {
  const { fields } = format;
  const need = (name: string): TraceField => {
    const field = fields.get(name);
    if (field === undefined) throw new TypeError(`Trace event ${event} has no field ${name}`);
    return field;
  };
  const at = (name: string): number => fields.get(name)?.offset ?? -1;
  for (const name of [...common, ...traceEvent(event).fields]) need(name);
  if (event === "exit") return exitDecoder(format);
  const end = Math.max(...Array.from(fields.values(), ({ offset, size }) => offset + size));
  const flags = at("common_flags");
  const pid = at("common_pid");
  const address = at("skaddr");
  const cookie = at("sock_cookie");
  const oldState = at("oldstate");
  const newState = event === "retransmit" ? at("state") : at("newstate");
  const sport = at("sport");
  const dport = at("dport");
  const family = at("family");
  const route = event === "route" || event === "route6";
  const fixedFamily = event === "route6" ? AF_INET6 : AF_INET;
  const [source, destination] = route ? [at("src"), at("dst")] : [at("saddr"), at("daddr")];
  const [source6, destination6] = route ? [source, destination] : [at("saddr_v6"), at("daddr_v6")];
  const input = at("iif");
  const error = at("error");
  const u64 = (data: DataView, offset: number) =>
    (data.getUint32(offset + 4, true) & 0x1f_ffff) * WORD_RANGE + data.getUint32(offset, true);
  return ({ data, bytes }, offset, length, ns) => {
    if (length < end) return undefined;
    const familyNumber = family < 0 ? fixedFamily : data.getUint16(offset + family, true);
    if (familyNumber !== AF_INET && familyNumber !== AF_INET6) return undefined;
    const wide = familyNumber === AF_INET6;
    return {
      event,
      ns,
      tid: data.getInt32(offset + pid, true),
      interrupted: (data.getUint8(offset + flags) & INTERRUPTED) !== 0,
      address: address < 0 ? 0 : u64(data, offset + address),
      cookie: cookie < 0 ? 0 : u64(data, offset + cookie),
      oldState: oldState < 0 ? 0 : data.getInt32(offset + oldState, true),
      newState: newState < 0 ? 0 : data.getInt32(offset + newState, true),
      inputInterface: input < 0 ? 0 : data.getInt32(offset + input, true),
      error: error < 0 ? 0 : data.getInt32(offset + error, true),
      family: familyNumber,
      bytes,
      sourceOffset: offset + (wide ? source6 : source),
      destinationOffset: offset + (wide ? destination6 : destination),
      sport: data.getUint16(offset + sport, true),
      dport: data.getUint16(offset + dport, true),
    };
  };
}

/** The decoder of several events, which each begin with the number of their kind. */
export function traceDecoder(formats: ReadonlyMap<TraceEventName, TraceFormat>): DecodeTrace {
  const decoders = new Map<number, DecodeTrace>();
  for (const [event, format] of formats) decoders.set(format.id, decoderOf(event, format));
  return (page, offset, length, ns) =>
    length < 2 ? undefined : decoders.get(page.data.getUint16(offset, true))?.(page, offset, length, ns);
}
