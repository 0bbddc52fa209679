/** Counts with their noun. */

/** A count and its noun: `1 connection`, `2 connections`. @param many the plural, where it is not the noun with an s */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
