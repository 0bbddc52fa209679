/** The counters of a network namespace: netstat, snmp, snmp6, sockstat, sockstat6 and stat/nf_conntrack below /proc/net. proc_pid_net(5). */

/** Counters by name: `TcpExt.ListenOverflows`, `Tcp.RetransSegs`, `Udp6.RcvbufErrors`, `sockstat.TCP.orphan`. */
export type Counters = ReadonlyMap<string, number>;

/** A 64-bit number as /proc writes it. */
const NUMBER = /^-?\d{1,20}$/;

function put(counters: Map<string, number>, name: string, text: string | undefined): void {
  if (text !== undefined && NUMBER.test(text)) counters.set(name, Number(text));
}

/** Reads netstat and snmp: a line of names and a line of values, both with the same prefix. */
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

/** Reads snmp6: one name and value per line, with the prefix in the name. */
export function readNamedLines(text: string, counters: Map<string, number>): void {
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z]+?6)([A-Z]\w*)\s+(\S+)$/.exec(line);
    if (found !== null) put(counters, `${found[1]}.${found[2]}`, found[3]);
  }
}

/** Reads sockstat and sockstat6: a label, then pairs of a name and a value. */
export function readSockstat(text: string, counters: Map<string, number>): void {
  for (const line of text.split("\n")) {
    const [label = "", ...words] = line.trimEnd().split(" ");
    if (!label.endsWith(":")) continue;
    for (let at = 0; at + 1 < words.length; at += 2)
      put(counters, `sockstat.${label.slice(0, -1)}.${words[at]}`, words[at + 1]);
  }
}

/** A 32-bit number as nf_conntrack writes it. */
const HEX = /^[0-9a-f]{1,8}$/;

/** Reads stat/nf_conntrack: a line of names, then one of hexadecimal values for each processor, which are added up. */
export function readConntrack(text: string, counters: Map<string, number>): void {
  const [header = "", ...lines] = text.split("\n").map((line) => line.trim());
  const names = header.split(/\s+/);
  for (const line of lines)
    line.split(/\s+/).forEach((value, index) => {
      const name = `nf_conntrack.${names[index]}`;
      if (HEX.test(value) && index < names.length)
        counters.set(name, (counters.get(name) ?? 0) + Number.parseInt(value, 16));
    });
}

const readers: readonly [file: string, read: typeof readSockstat][] = [
  ["net/netstat", readPairedLines],
  ["net/snmp", readPairedLines],
  ["net/snmp6", readNamedLines],
  ["net/sockstat", readSockstat],
  ["net/sockstat6", readSockstat],
  ["net/stat/nf_conntrack", readConntrack],
];

/**
 * Reads all counters. Missing files and counters are left out.
 *
 * @param text gives a file below /proc, undefined if it cannot be read
 */
export function readCounters(text: (path: string) => string | undefined): Counters {
  const counters = new Map<string, number>();
  for (const [file, read] of readers) read(text(file) ?? "", counters);
  return counters;
}
