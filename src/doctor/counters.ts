/** The counters of a network namespace: /proc/net/netstat, snmp, snmp6, sockstat and sockstat6. proc_pid_net(5). */

/** Counters by name: `TcpExt.ListenOverflows`, `Tcp.RetransSegs`, `Udp6.RcvbufErrors`, `sockstat.TCP.orphan`. */
export type Counters = ReadonlyMap<string, number>;

/** A 64-bit number as /proc writes it. */
const NUMBER = /^-?\d{1,20}$/;

function put(counters: Map<string, number>, name: string, text: string | undefined): void {
  if (text !== undefined && NUMBER.test(text)) counters.set(name, Number(text));
}

/** Reads netstat and snmp: a line of names, then one of values, each behind the same prefix. */
export function readPairedLines(text: string, counters: Map<string, number>): void {
  const lines = text.split("\n").map((line) => line.trimEnd().split(" "));
  for (let at = 0; at + 1 < lines.length; at++) {
    const [label = "", ...names] = lines[at]!;
    const [same, ...values] = lines[at + 1]!;
    if (!label.endsWith(":") || label !== same) continue;
    names.forEach((name, index) => {
      put(counters, `${label.slice(0, -1)}.${name}`, values[index]);
    });
    at++;
  }
}

/** Reads snmp6: a name, which has its prefix in it, and a value a line. */
export function readNamedLines(text: string, counters: Map<string, number>): void {
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z]+?6)([A-Z]\w*)\s+(\S+)$/.exec(line);
    if (found !== null) put(counters, `${found[1]}.${found[2]}`, found[3]);
  }
}

/** Reads sockstat and sockstat6: pairs of a name and a value behind a label. */
export function readSockstat(text: string, counters: Map<string, number>): void {
  for (const line of text.split("\n")) {
    const [label = "", ...words] = line.trimEnd().split(" ");
    if (!label.endsWith(":")) continue;
    for (let at = 0; at + 1 < words.length; at += 2)
      put(counters, `sockstat.${label.slice(0, -1)}.${words[at]}`, words[at + 1]);
  }
}

const readers: readonly [file: string, read: typeof readSockstat][] = [
  ["net/netstat", readPairedLines],
  ["net/snmp", readPairedLines],
  ["net/snmp6", readNamedLines],
  ["net/sockstat", readSockstat],
  ["net/sockstat6", readSockstat],
];

/**
 * Reads all counters. What a file does not have is absent.
 *
 * @param text gives a file below /proc, undefined if it cannot be read
 */
export function readCounters(text: (path: string) => string | undefined): Counters {
  const counters = new Map<string, number>();
  for (const [file, read] of readers) read(text(file) ?? "", counters);
  return counters;
}
