/** Text of /proc/PID/stat for a process that the store knows. proc_pid_stat(5). */

const encoder = new TextEncoder();

/** What is read of a process's stat: the name, the state, the flags and the start time. */
export function statText(pid: number, name: Uint8Array, startTicks: number): Uint8Array {
  const before = encoder.encode(`${pid} (`);
  const after = encoder.encode(`) S ${"0 ".repeat(18)}${startTicks} 0\n`);
  const bytes = new Uint8Array(before.length + name.length + after.length);
  bytes.set(before);
  bytes.set(name, before.length);
  bytes.set(after, before.length + name.length);
  return bytes;
}
