/**
 * What the installed ss, if it is older than 7.1.0, is known to print otherwise. Each row of the table is one
 * difference: the release that ended it, and what is done to the older text, to ours or to both so that they can
 * be compared byte for byte in all else.
 */

/** A change of a text. */
type Change = (text: string) => string;

/** One difference between two releases of ss. */
interface Difference {
  readonly what: string;
  /** The first release that prints as 7.1.0 does. */
  readonly since: string;
  readonly ss?: Change;
  readonly ours?: Change;
  readonly both?: Change;
}

function without(pattern: RegExp): Change {
  return (text) => text.replace(pattern, "");
}

/** Writes the hexadecimal number behind a label in decimal. */
function decimal(labels: string): Change {
  const pattern = new RegExp(`( (?:${labels}):)([0-9a-f]+)`, "g");
  return (text) => text.replace(pattern, (_, label, digits) => `${label}${BigInt(`0x${digits}`)}`);
}

const differences: readonly Difference[] = [
  { what: "lines padded to the longest", since: "7.0", both: without(/[ \t]+$/gm) },
  {
    what: "extras aligned",
    since: "7.0",
    both: (text) => text.replace(/(?<=:\S+|\* \d+) +(?=[a-z]|<-|--)/g, " "),
  },
  { what: "a Process heading without -p", since: "6.7", ss: without(/ *Process$/gm) },
  {
    what: "timers below 10 s in ms",
    since: "6.11",
    ss: (text) => text.replace(/(timer:\(\w+,\d\.\d{3})ms/g, "$1sec"),
  },
  {
    what: "the delayed acknowledgement's timer without a name",
    since: "7.1",
    ss: (text) => text.replaceAll("timer:(unknown,", "timer:(delack,"),
  },
  { what: "no receive window, no rehash", since: "6.6", ours: without(/ (?:rcv_wnd|rehash):\d+/g) },
  { what: "no usec_ts", since: "6.8", ours: without(/ usec_ts/g) },
  { what: "MPTCP sequence numbers in hex", since: "6.5", ss: decimal("write_seq|snd_una|rcv_nxt") },
  {
    what: "MPTCP subflow numbers in hex",
    since: "6.14",
    ss: decimal("seq|sfseq|ssnoff|maplen"),
  },
  {
    what: "no counters in MPTCP info",
    since: "6.5",
    ours: without(
      / local_addr_(?:used|max):\d+| csum_enabled(?=\s|$)|(?<=rcv_nxt:.*) (?:retransmits|bytes_\w+):\d+/gm,
    ),
  },
  { what: "no count of MPTCP subflows", since: "6.8", ours: without(/ subflows_total:\d+/g) },
  {
    what: "no times in MPTCP info",
    since: "6.10",
    ours: without(/(?<=rcv_nxt:.*) last_(?:data_sent|data_recv|ack_recv):\d+/g),
  },
  { what: "no laminar endpoints in MPTCP info", since: "6.19", ours: without(/ endp_laminar_max:\d+/g) },
  {
    what: "a complaint about DCCP, which the kernel lost in 6.16",
    since: "7.0",
    ss: without(/^RTNETLINK answers: Invalid argument\n/gm),
  },
];

/** The release that `ss -V` names, or undefined if it names none. */
export function releaseOf(version: string): string | undefined {
  return /iproute2-(\d+\.\d+)/.exec(version)?.[1];
}

function isBefore(release: string, since: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split(".").map(Number);
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}

/** What one of the two printed, without what is known to differ from an ss of that release. */
export function normalise(text: string, from: "ss" | "ours", release: string): string {
  return differences
    .filter(({ since }) => isBefore(release, since))
    .flatMap((difference) => [difference[from] ?? [], difference.both ?? []].flat())
    .reduce((changed, change) => change(changed), text);
}

/** What moves by itself between two runs. */
const moving: readonly Change[] = [
  (text) => text.replace(/(timer:\(\w+),[^,]*/g, "$1,TIME"),
  without(/ (?:last(?:snd|rcv|ack)|busy|last_\w+):\d+(?:ms)?/g),
  // The socket of the program that lists them. Its port id may be the widest.
  without(/^.*(?:tcpdiag|\b4):(?!kernel|0 ).*\n/gm),
];

/** Options whose effect on a line is a difference between releases, or one of docs/compatibility.md. */
const knownDifferences: readonly {
  readonly what: string;
  readonly applies: (args: readonly string[]) => boolean;
}[] = [
  {
    what: "ss gives the kernel hosts that are not inet, is refused, and reads /proc, where details and MPTCP are missing",
    applies: (args) =>
      args.some((arg) => /(?:unix|link|netlink):|^(?:-x|-0|--unix|unix|netlink)$/.test(arg)) &&
      args.some((arg) => /^(?:-M|-m|-i|--inf|-e|-o|--tos|--cgroup|--inet-sockopt)$/.test(arg)),
  },
  {
    what: "ss compares hosts of netlink and packet sockets with sockets of any family",
    applies: (args) => {
      const named = new Set(
        Array.from(args.join(" ").matchAll(/\b(inet6?|unix|link|netlink):/g), ([, word]) => word),
      );
      return named.size > 1 && (named.has("netlink") || named.has("link"));
    },
  },
  { what: "packet tables show the requested type", applies: (args) => args.includes("-0") },
  { what: "the summary has no --no-header", applies: (args) => args.includes("-s") },
  { what: "-Q is newer than 6.1", applies: (args) => args.includes("-Q0") },
  {
    what: "names of Sockscope's own options make prefixes ambiguous, or choose one",
    applies: (args) => args.includes("--no"),
  },
];

/** What a shell adds to the number of the signal that ended a program. */
const SIGNALLED = 128;

/** Whether ss crashed: some filters that mix families make it read invalid memory. */
export function hasCrashed({ exit }: { exit: number }): boolean {
  return exit > SIGNALLED && exit < 255;
}

/** Whether a command line is known to have another effect. */
export function isKnownDifference(args: readonly string[]): boolean {
  return knownDifferences.some(({ applies }) => applies(args));
}

/**
 * A run of a random command line, ready to be compared: without what moves, with single blanks, and without the usage,
 * which has our own text.
 */
export function comparableRun<R extends { stdout: string; stderr: string }>(
  run: R,
  from: "ss" | "ours",
  release: string,
): R {
  const plain = (text: string) => {
    const changed = moving.reduce((each, change) => change(each), normalise(text, from, release));
    return changed.replace(/[ \t]+/g, " ").replace(/ $/gm, "");
  };
  return { ...run, stdout: plain(run.stdout), stderr: plain(run.stderr).replace(/^Usage: [\s\S]*/m, "") };
}
