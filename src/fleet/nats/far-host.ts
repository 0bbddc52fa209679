/** What a client knows of one host while it collects answers. */
import type { HostOutcome } from "../fan-out.ts";
import { type End, type Frame, ProtocolError, readFrame } from "../protocol.ts";
import type { Summary } from "./messages.ts";
import { type PageReader, pageReader } from "./pages.ts";
import { hostToken } from "./subjects.ts";

/** A host whose answer is awaited. */
export interface FarHost {
  readonly host: string;
  readonly token: string;
  readonly reader: PageReader;
  /** Whether it has said that it works on the answer. */
  isWorking: boolean;
  summary: Summary | undefined;
  clock: HostOutcome["clock"];
  /** The next page to read, and the first that was not allowed yet. */
  next: number;
  granted: number;
  /** Pages that came before their turn. */
  readonly early: Map<number, Uint8Array>;
  /** How often pages did not come. */
  stalls: number;
  lastMs: number;
  end: End | undefined;
  failure: string | undefined;
}

/** Reads the frames of a page. @throws ProtocolError */
function readPage(far: FarHost, page: Uint8Array, take: (host: string, frame: Frame) => void): void {
  for (const line of far.reader.read(page)) {
    if (far.end !== undefined) throw new ProtocolError("more after the end");
    const frame = readFrame(line);
    if ("end" in frame) far.end = frame.end;
    else if ("hello" in frame || "begin" in frame) throw new ProtocolError("a second hello");
    else take(far.host, frame);
  }
}

/** A host that nothing is known about yet. */
export function newFarHost(host: string): FarHost {
  return {
    host,
    token: hostToken(host),
    reader: pageReader(),
    isWorking: false,
    summary: undefined,
    clock: undefined,
    next: 0,
    granted: 0,
    early: new Map(),
    stalls: 0,
    lastMs: 0,
    end: undefined,
    failure: undefined,
  };
}

/** Whether nothing more is awaited of a host. */
export function isDone({ end, failure }: FarHost): boolean {
  return end !== undefined || failure !== undefined;
}

/** Whether a host has not been heard of. */
export function isSilent(far: FarHost): boolean {
  return far.summary === undefined && !far.isWorking && !isDone(far);
}

/**
 * Reads the pages of a host that have come, up to the first that is missing.
 *
 * @returns whether that was the whole answer
 * @throws ProtocolError
 */
export function readReady(far: FarHost, take: (host: string, frame: Frame) => void): boolean {
  for (let page = far.early.get(far.next); page !== undefined; page = far.early.get(far.next)) {
    far.early.delete(far.next);
    far.next++;
    far.stalls = 0;
    readPage(far, page, take);
  }
  const isWhole = far.next >= far.summary!.pages;
  if (!isWhole && far.end !== undefined) throw new ProtocolError("it ends before its last page");
  if (isWhole && far.end === undefined) throw new ProtocolError("it has no end");
  return isWhole;
}

/** The difference of a host's clock. @param askedMs when the question was sent @param nowMs when the summary came */
export function clockOf({ begin, tookMs }: Summary, askedMs: number, nowMs: number): HostOutcome["clock"] {
  const { wallMs, bootMs } = begin;
  const errorMs = Math.max(0, nowMs - askedMs - tookMs) / 2;
  return { wallMs, bootMs, aheadMs: wallMs - askedMs - errorMs, errorMs };
}

/** What became of a host. */
export function outcomeOf({ host, summary, clock, end, failure }: FarHost): HostOutcome {
  return {
    host,
    hello: summary?.hello,
    clock,
    addresses: summary?.begin.addresses ?? [],
    end: failure === undefined ? end : undefined,
    failure,
  };
}

/** Why an agent has refused, with the difference of the clocks if that may be the reason. */
export function refusalText(reason: string, aheadMs: number): string {
  const seconds = Math.round(aheadMs / 1000);
  if (Math.abs(seconds) < 2) return reason;
  return `${reason} (its clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead" : "behind"})`;
}
