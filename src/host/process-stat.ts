/** The fields of /proc/PID/stat that follow the process name. proc_pid_stat(5). */

const CLOSE = 0x29;
/** The number of the first field after the name. */
const FIRST = 3;
/** The flag of kernel threads. linux/sched.h. */
const PF_KTHREAD = 0x20_0000;

const decoder = new TextDecoder();

/** The fields used here, with their numbers in the manual. */
const fields = { state: 3, parent: 4, group: 5, flags: 9, startTime: 22 } as const;

/** One field as text; undefined if the file is shorter. The name can contain blanks and parentheses. */
export function statField(stat: Uint8Array, field: keyof typeof fields): string | undefined {
  const close = stat.lastIndexOf(CLOSE);
  if (close < 0) return undefined;
  return decoder
    .decode(stat.subarray(close + 2))
    .trimEnd()
    .split(" ")[fields[field] - FIRST];
}

/** Whether a process is alive and not a kernel thread, so that it has descriptors and namespaces. */
export function isLiveProcess(stat: Uint8Array): boolean {
  const state = statField(stat, "state");
  const flags = Number(statField(stat, "flags") ?? 0);
  return state !== undefined && state !== "Z" && state !== "X" && (flags & PF_KTHREAD) === 0;
}
