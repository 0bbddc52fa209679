/** The ends of a socket as text. */
import type { End } from "./answers.ts";

/** Address and port, or what the family has instead. */
export function endText(end: End | undefined): string {
  if (end === undefined) return "–";
  const { address, port, name, path } = end;
  if (address === undefined) return name ?? path ?? (port === undefined ? "–" : `${port}`);
  const shown = address.includes(":") ? `[${address}]` : address;
  return `${shown}:${port === undefined || port === 0 ? "*" : port}`;
}
