/** The ends of a socket as text. */
import type { End, SocketObject } from "./answers.ts";

/** Address and port, or what the family has instead. */
export function endText(end: End | undefined): string {
  if (end === undefined) return "–";
  const { address, port, name, path } = end;
  if (address === undefined) return name ?? path ?? (port === undefined ? "–" : `${port}`);
  const shown = address.includes(":") ? `[${address}]` : address;
  return `${shown}:${port === undefined || port === 0 ? "*" : port}`;
}

/** The word for an end in a filter; undefined if it has no address of its own, or one that a filter cannot say. */
function endFilter(
  { address = "", port }: End,
  words: readonly [address: string, port: string],
): string | undefined {
  if (!/^[\w.:]+$/.test(address) || typeof port !== "number" || port === 0) return undefined;
  if (/^(0\.0\.0\.0|::)$/.test(address)) return `${words[1]} = :${port}`;
  return `${words[0]} ${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The expression that selects the sockets between the ends of one; undefined if there is none. */
export function filterOf({ local = {}, peer = {} }: SocketObject): string | undefined {
  const ends = [endFilter(local, ["src", "sport"]), endFilter(peer, ["dst", "dport"])];
  const known = ends.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : known.join(" and ");
}
