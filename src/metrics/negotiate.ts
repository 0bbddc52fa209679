/** Chooses the format of an exposition by the header `Accept`. RFC 9110, 12.5.1. */
import type { ExpositionFormat } from "./exposition.ts";

/** A media range of the header. */
interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  /** Parameters before `q`, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, not acceptable, to 1. */
  readonly quality: number;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110, 12.4.2: at most three digits. */
const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
/** Bytes of a header that are read: a browser's has some hundreds. */
const LIMIT = 4096;

/** Splits at a separator, but not within quoted strings. */
function split(text: string, separator: "," | ";"): string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quoted && character === "\\") {
      part += character + (text[++at] ?? "");
      continue;
    }
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) {
      parts.push(part.trim());
      part = "";
    } else part += character;
  }
  parts.push(part.trim());
  return parts;
}

/** The value of a parameter: a token, or a quoted string without its quotes. */
function parameterText(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

/** Parses a media range; undefined if it is malformed. */
function readRange(text: string): MediaRange | undefined {
  const [range = "", ...rest] = split(text, ";");
  const [type = "", subtype = "", ...more] = range.toLowerCase().split("/");
  if (more.length > 0 || !TOKEN.test(type) || !TOKEN.test(subtype)) return undefined;
  if (type === "*" && subtype !== "*") return undefined;
  const parameters = new Map<string, string>();
  for (const each of rest) {
    if (each === "") continue;
    const at = each.indexOf("=");
    const name = each.slice(0, Math.max(0, at)).trim().toLowerCase();
    const value = parameterText(each.slice(at + 1).trim());
    if (!TOKEN.test(name)) return undefined;
    if (name !== "q") parameters.set(name, value);
    else return QUALITY.test(value) ? { type, subtype, parameters, quality: Number(value) } : undefined;
  }
  return { type, subtype, parameters, quality: 1 };
}

/** What can be sent. */
const offers: readonly { format: ExpositionFormat; type: string; subtype: string; version: string }[] = [
  { format: "openmetrics", type: "application", subtype: "openmetrics-text", version: "1.0.0" },
  { format: "text", type: "text", subtype: "plain", version: "0.0.4" },
];

/** How closely a range names an offer: 0 for not at all, more for more of its parts. */
function closeness({ type, subtype, parameters }: MediaRange, offer: (typeof offers)[number]): number {
  if (type === "*") return 1;
  if (type !== offer.type) return 0;
  if (subtype === "*") return 2;
  if (subtype !== offer.subtype) return 0;
  const version = parameters.get("version");
  if (version === undefined) return 3;
  return version === offer.version ? 4 : 0;
}

/** How much a client wants an offer: the range that names it most closely counts. */
function wanted(offer: (typeof offers)[number], ranges: readonly MediaRange[]) {
  let close = 0;
  let quality = 0;
  for (const range of ranges) {
    const closer = closeness(range, offer);
    if (closer <= close) continue;
    close = closer;
    quality = range.quality;
  }
  return { format: offer.format, quality, isNamed: close > 2 };
}

/**
 * The format that a client wants most. Of two that it wants alike, OpenMetrics if it names it, else text, which every
 * client and every person can read. A client that accepts neither gets text.
 */
export function negotiate(accept: string | undefined): ExpositionFormat {
  const ranges = split((accept ?? "").slice(0, LIMIT), ",").flatMap((text) => readRange(text) ?? []);
  const [openmetrics, text] = offers.map((offer) => wanted(offer, ranges));
  const isText = text!.quality > openmetrics!.quality;
  const isTie = text!.quality === openmetrics!.quality;
  return isText || (isTie && !openmetrics!.isNamed) || openmetrics!.quality === 0 ? "text" : "openmetrics";
}
