/** The options of netstat that are about sockets, and what is said of the others. netstat(8). */
import type { OptionNames } from "../../getopt.ts";
import type { OptionValue } from "../../option.ts";

/** Families whose sockets are not shown here. */
export type OtherFamily = "ipx" | "ax25" | "x25" | "netrom" | "rose" | "bluetooth";

/** What options have come to. */
export interface NetstatSettings {
  /** Tables that were chosen; none for the default ones. */
  readonly tables: ReadonlySet<NetstatTable>;
  /** Families that were chosen; none for all. */
  readonly families: ReadonlySet<"inet" | "inet6" | "unix">;
  /** Chosen families whose sockets are not shown: the run ends at the first of them. */
  readonly otherFamilies: ReadonlySet<OtherFamily>;
  readonly listening: boolean;
  readonly all: boolean;
  readonly numericHosts: boolean;
  readonly numericPorts: boolean;
  readonly numericUsers: boolean;
  readonly extended: boolean;
  readonly programs: boolean;
  readonly timers: boolean;
  readonly wide: boolean;
  readonly continuous: boolean;
  readonly allNetns: boolean;
  readonly containers: boolean;
  readonly json: boolean;
}

/** Whether the options want a socket with a peer, or one without. */
export function isWanted({ all, listening }: NetstatSettings, hasPeer: boolean): boolean {
  return all || hasPeer !== listening;
}

/** A table of Internet sockets. */
export type NetstatTable = "tcp" | "sctp" | "udp" | "udplite" | "raw";

/** The end of a run. */
export interface NetstatStop {
  readonly message: string;
  /** On standard error, unless it is help or version. */
  readonly status: number;
}

/** An option. */
export interface NetstatOption extends OptionNames {
  /** What it does, for `--help`; empty for what changes nothing or is not about sockets. */
  readonly brief: string;
  readonly value?: OptionValue;
  apply(settings: NetstatSettings, value: string): NetstatSettings | NetstatStop;
}

const EXIT_NOT_BUILT_IN = 1;

/** The settings before any option. */
export const defaultSettings: NetstatSettings = {
  tables: new Set(),
  families: new Set(),
  otherFamilies: new Set(),
  listening: false,
  all: false,
  numericHosts: false,
  numericPorts: false,
  numericUsers: false,
  extended: false,
  programs: false,
  timers: false,
  wide: false,
  continuous: false,
  allNetns: false,
  containers: false,
  json: false,
};

function flag(
  shorts: string,
  longs: readonly string[],
  brief: string,
  change: Partial<NetstatSettings>,
): NetstatOption {
  return { shorts, longs, brief, apply: (settings) => ({ ...settings, ...change }) };
}

function table(shorts: string, name: NetstatTable, brief: string): NetstatOption {
  return {
    shorts,
    longs: [name],
    brief,
    apply: (settings) => ({ ...settings, tables: new Set([...settings.tables, name]) }),
  };
}

/** The words of `-A`. netstat knows the families of the last line, and has no sockets of them. */
const familyWords = new Map<string, (settings: NetstatSettings) => NetstatSettings>([
  ...(["inet", "inet6", "unix"] as const).map((name) => [name, withFamily(name)] as const),
  ...(["tcpip", "ip"] as const).map((word) => [word, withFamily("inet")] as const),
  ...(["ipx", "ax25", "x25", "netrom", "rose", "bluetooth"] as const).map(
    (name) => [name, withOtherFamily(name)] as const,
  ),
  ...["ddp", "appletalk", "econet", "ash"].map(
    (word) => [word, (settings: NetstatSettings) => settings] as const,
  ),
]);

function withFamily(name: "inet" | "inet6" | "unix") {
  return (settings: NetstatSettings): NetstatSettings => ({
    ...settings,
    families: new Set([...settings.families, name]),
  });
}

function withOtherFamily(name: OtherFamily) {
  return (settings: NetstatSettings): NetstatSettings => ({
    ...settings,
    otherFamilies: new Set([...settings.otherFamilies, name]),
  });
}

function family(shorts: string, longs: readonly string[], name: "inet" | "inet6" | "unix", brief: string) {
  return { shorts, longs, brief, apply: withFamily(name) } satisfies NetstatOption;
}

function otherFamily(longs: readonly string[], name: OtherFamily): NetstatOption {
  return { longs, brief: "", apply: withOtherFamily(name) };
}

/** What is not about sockets: what shows it. */
function elsewhere(shorts: string, longs: readonly string[], what: string, command: string): NetstatOption {
  const message = `netstat: ${what} not shown here: ${command} shows it`;
  return { shorts, longs, brief: "", apply: () => ({ message, status: EXIT_NOT_BUILT_IN }) };
}

/** The options, in the order in which ambiguous abbreviations are listed. */
const rows: readonly NetstatOption[] = [
  {
    shorts: "V",
    longs: ["version"],
    brief: "Show the version",
    apply: () => ({ message: "version", status: 0 }),
  },
  elsewhere("i", ["interfaces"], "interfaces are", "'ip -s link'"),
  { shorts: "h", longs: ["help"], brief: "Show this help", apply: () => ({ message: "help", status: 0 }) },
  elsewhere("r", ["route"], "routes are", "'ip route'"),
  elsewhere("s", ["statistics"], "counters of protocols are", "'nstat -a'"),
  elsewhere("g", ["groups"], "multicast groups are", "'ip maddress'"),
  elsewhere("M", ["masquerade"], "masqueraded connections are", "'conntrack -L'"),
  family("4", ["inet", "tcpip"], "inet", "IPv4 sockets"),
  table("t", "tcp", "TCP sockets"),
  table("S", "sctp", "SCTP sockets"),
  table("u", "udp", "UDP sockets"),
  table("U", "udplite", "UDP-Lite sockets"),
  table("w", "raw", "Raw sockets"),
  otherFamily(["l2cap", "rfcomm"], "bluetooth"),
  flag("l", ["listening"], "Listening sockets only", { listening: true }),
  flag("a", ["all"], "Listening sockets, too", { all: true }),
  {
    shorts: "A",
    longs: ["protocol"],
    value: { name: "LIST", kind: "word" },
    brief: "Sockets of address families: inet, inet6, unix",
    apply(settings, value) {
      let chosen = settings;
      for (const word of value.split(",")) {
        const choose = familyWords.get(word);
        if (choose === undefined)
          return { message: `Unknown address family \`${word}'.`, status: EXIT_NOT_BUILT_IN };
        chosen = choose(chosen);
      }
      return chosen;
    },
  },
  family("6", ["inet6"], "inet6", "IPv6 sockets"),
  family("x", ["unix"], "unix", "UNIX sockets"),
  otherFamily(["ax25"], "ax25"),
  otherFamily(["ipx"], "ipx"),
  otherFamily(["netrom"], "netrom"),
  flag("", ["ddp"], "", {}),
  otherFamily(["x25"], "x25"),
  otherFamily(["rose"], "rose"),
  flag("n", ["numeric"], "Numbers, not names", {
    numericHosts: true,
    numericPorts: true,
    numericUsers: true,
  }),
  flag("", ["numeric-hosts"], "Addresses, not host names", { numericHosts: true }),
  flag("", ["numeric-ports"], "Port numbers, not services", { numericPorts: true }),
  flag("", ["numeric-users"], "User ids, not names", { numericUsers: true }),
  flag("N", ["symbolic"], "", {}),
  flag("v", ["verbose"], "", {}),
  flag("e", ["extend"], "User and inode", { extended: true }),
  flag("p", ["programs"], "Process id and program", { programs: true }),
  flag("o", ["timers"], "Timers", { timers: true }),
  flag("c", ["continuous"], "List again every second", { continuous: true }),
  flag("F", ["fib"], "", {}),
  flag("C", ["cache"], "", {}),
  flag("W", ["wide"], "Whole addresses", { wide: true }),
  {
    shorts: "Z",
    longs: ["context"],
    brief: "",
    apply: () => ({ message: "SELinux is not enabled on this machine.", status: EXIT_NOT_BUILT_IN }),
  },
  flag("", ["json"], "JSON as the other commands of Sockscope print it", { json: true }),
  flag("", ["all-netns"], "Sockets of all network namespaces", { allNetns: true }),
  flag("", ["container"], "A column for containers", { containers: true }),
];

/** What netstat does not have: it takes no abbreviation from what netstat has. */
const ours = new Set(["json", "all-netns", "container"]);

/** All options. */
export const netstatOptions: readonly NetstatOption[] = rows.map((option) =>
  ours.has(option.longs[0]!) ? { ...option, inFull: true } : option,
);
