/** Advice: what to check or do about a finding, with commands that can be pasted into a shell as they are. */
import type { Netns } from "../host/namespaces.ts";

/** The words of a command that stand for values of a finding. */
const placeholders = ["PID", "PORT", "ADDRESS", "LOCALPORT", "LOCAL", "INODE", "HOST", "PAYLOAD"] as const;

/** One of the placeholders. */
type Placeholder = (typeof placeholders)[number];

/**
 * Values for placeholders: `PID` of a process, `ADDRESS` and `PORT` of the peer or the service, `LOCAL` and
 * `LOCALPORT` of the local end of a connection, `INODE` of a socket, `HOST` a host name, `PAYLOAD` the bytes that ping
 * sends in a packet of full size.
 */
export type Fill = Readonly<Partial<Record<Placeholder, string | number>>>;

/** One thing to check or do. */
export interface Advice {
  /** What the command shows or changes, in one sentence without its full stop. */
  readonly text: string;
  /** A command for sh. It may contain placeholders, each a word of its own or next to punctuation. */
  readonly command?: string;
  /**
   * `"host"` for a command that does the same in every network namespace, such as one about a process. Others run
   * in the namespace of the finding.
   */
  readonly scope?: "host";
}

/** The network namespace that commands have to enter: one that `--all-netns` found, or the argument of `-N`. */
export type CommandNetns = Pick<Netns, "name" | "pid">;

const PLACEHOLDER = new RegExp(`(\\b(?:dst|src) )?\\b(${placeholders.join("|")})\\b`, "g");
const SAFE = /^[\w./:@%+=,][\w./:@%+=,-]*$/;
const OWN_NETNS_OPTION = /^(?:ss|sockscope) (?=-)/;

/** Quotes a word for sh, if it needs quotes. */
export function shellWord(text: string): string {
  return SAFE.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** An address or network as filters of ss take it: IPv6 needs brackets, around the prefix length as well. */
function filterAddress(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Fills in the placeholders of a command, quoted for sh; undefined if a value is missing. */
export function fillCommand(command: string, fill: Fill): string | undefined {
  let isComplete = true;
  const filled = command.replace(PLACEHOLDER, (_, direction: string | undefined, name: Placeholder) => {
    const value = fill[name];
    if (value === undefined) isComplete = false;
    const text = `${value}`;
    return direction === undefined ? shellWord(text) : `${direction}${shellWord(filterAddress(text))}`;
  });
  return isComplete ? filled : undefined;
}

/**
 * A command that runs in a network namespace: ss and sockscope have `-N NAME`, others run below `ip netns exec`, or
 * below nsenter where only a process is known.
 *
 * @returns undefined for a namespace with neither a name nor a process
 */
export function inNetns(command: string, { name, pid }: CommandNetns): string | undefined {
  if (name === undefined) return pid === undefined ? undefined : `nsenter -t ${pid} -n -- ${command}`;
  return OWN_NETNS_OPTION.test(command)
    ? command.replace(OWN_NETNS_OPTION, (program) => `${program}-N ${shellWord(name)} `)
    : `ip netns exec ${shellWord(name)} ${command}`;
}

/**
 * The advice for one finding. Commands whose values are not known are left out, with their text.
 *
 * @param netns the namespace of the sockets; undefined for the namespace of the reader's shell
 */
export function adviceFor(
  advice: readonly Advice[],
  fill: Fill,
  netns: CommandNetns | undefined,
): readonly Pick<Advice, "text" | "command">[] {
  return advice.flatMap(({ text, command, scope }) => {
    if (command === undefined) return { text };
    const filled = fillCommand(command, fill);
    const placed =
      filled === undefined || netns === undefined || scope === "host" ? filled : inNetns(filled, netns);
    return placed === undefined ? [] : { text, command: placed };
  });
}
