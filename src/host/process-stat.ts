/** The fields of /proc/PID/stat behind the name of the process. proc_pid_stat(5). */

const CLOSE = 0x29;
/** The number of the first field behind the name. */
const FIRST = 3;
/** Kernel threads have this flag. linux/sched.h. */
const PF_KTHREAD = 0x20_0000;

const decoder = new TextDecoder();

/** The fields that we read, by their number in the manual. */
const fields = { state: 3, parent: 4, group: 5, flags: 9, startTime: 22 } as const;

/** One field as text; undefined if the file is empty or shorter. A name may hold blanks and parentheses. */
export function statField(stat: Uint8Array, field: keyof typeof fields): string | undefined {
  const close = stat.lastIndexOf(CLOSE);
  if (close < 0) return undefined;
  return decoder
    .decode(stat.subarray(close + 2))
    .trimEnd()
    .split(" ")[fields[field] - FIRST];
}

/** Whether a process has descriptors and namespaces of its own: it lives, and is no thread of the kernel. */
export function isLiveProcess(stat: Uint8Array): boolean {
  const state = statField(stat, "state");
  const flags = Number(statField(stat, "flags") ?? 0);
  return state !== undefined && state !== "Z" && state !== "X" && (flags & PF_KTHREAD) === 0;
}
