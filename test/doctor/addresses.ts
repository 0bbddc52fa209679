/** Addresses for tests, from text to bytes. */

/** The four bytes of an IPv4 address. */
export function ipv4(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** The sixteen bytes of an IPv6 address, whose last words may be an IPv4 address. */
export function ipv6(text: string): Uint8Array {
  const words = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((word) => {
          if (!word.includes(".")) return [Number.parseInt(word, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = ipv4(word);
          return [(a << 8) | b, (c << 8) | d];
        });
  const [head = "", tail = ""] = text.split("::");
  const before = words(head);
  const after = words(tail);
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}
