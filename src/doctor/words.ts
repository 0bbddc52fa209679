/** Numbers in sentences. */

/** `1 connection`, `2 connections`. @param plural where an s does not make it */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Milliseconds as seconds: `1.3 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** A time that was set: `60 s`, `0.5 s`. */
export function wholeSeconds(ms: number): string {
  return `${ms / 1000} s`;
}
