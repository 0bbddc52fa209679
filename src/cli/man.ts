/** The man page, made of the table of options and those that its sections on filters are made of. */
import manifest from "../../package.json" with { type: "json" };
import { commandTable } from "./commands/table.ts";
import { SS_RELEASE } from "./help.ts";
import { filterSection, stateSection } from "./man-filter.ts";
import { list, literal, prose, section, words } from "./mdoc.ts";
import { categories, type Option, options } from "./options.ts";

/** When what the page says last changed; it does not go by the day on which the page is made. */
const PAGE_DATE = "November 21, 2026";

/** An option with more choices than this has another way to list them, which its text tells. */
export const LISTED_CHOICES = 40;

/** What the page tells of an option. */
type OptionText = Pick<Option, "shorts" | "longs" | "value" | "doc">;

function optionItem({ shorts, longs, value, doc }: OptionText): readonly [string, string] {
  const names = [...(shorts ?? ""), ...longs.map((long) => `-${long}`)];
  const head = names.map((name) => `Fl ${literal(name)}`).join(" , ");
  const choices = value?.choices ?? [];
  const listed = choices.length > 0 && choices.length <= LISTED_CHOICES;
  const body = listed ? `${prose(doc)}\n${value!.name}: ${words(choices)}.` : prose(doc);
  return [value === undefined ? head : `${head} Ar ${value.name}`, body];
}

function optionSections(): string[] {
  return Object.entries(categories).flatMap(([category, title]) => [
    `.Ss ${title}`,
    list(options.filter((option) => option.category === category).map(optionItem)),
  ]);
}

/** What each command does, and its own options. */
function commandSection(): string {
  return section(
    "COMMANDS",
    prose(
      "A command is the first word. It takes options that choose sockets, a filter, and options of its own.",
    ),
    ...commandTable.flatMap(([word, { doc, options }]) => [
      `.Ss ${word}`,
      prose(doc),
      list(options.map(optionItem)),
    ]),
  );
}

/** What is told on the way: the variables that are read. */
const environment: readonly (readonly [name: string, doc: string])[] = [
  ["COLUMNS", "The width of the table if standard output is not a terminal."],
  ["POSIXLY_CORRECT", "If set, the first word that is no option ends the options."],
  [
    "PROC_ROOT",
    "The directory to read instead of /proc. What it tells of sockets is read instead of netlink.",
  ],
  [
    "PROC_NET_TCP",
    "The file to read instead of /proc/net/tcp and instead of netlink. Each other file that is read there has such a variable, too: PROC_NET_UDP6, PROC_NET_UNIX and so on.",
  ],
  ["PROC_IP_LOCAL_PORT_RANGE", "The file to read instead of /proc/sys/net/ipv4/ip_local_port_range."],
  ["TCPDIAG_FILE", "The file of netlink messages to read TCP sockets from, as --diag writes it."],
];

const files: readonly (readonly [path: string, doc: string])[] = [
  ["/proc/net", "Sockets, where the kernel does not tell of them over netlink."],
  ["/proc/PID/fd", "Which process has which socket open; read for --processes only."],
  ["/etc/services", "Names of ports."],
  ["/var/run/netns", "Network namespaces by name."],
  ["/etc/netns/NAME", "Files that stand in /etc while --net NAME is in force."],
];

const exits: readonly (readonly [status: string, doc: string])[] = [
  ["0", "The sockets were listed, or there were none. As in ss, also if the kernel refused to list some."],
  [
    "1",
    "Sockets may be missing: an answer could not be decoded, a network namespace could not be entered, or, with JSON or CSV, the kernel refused or broke off a listing.",
  ],
  ["1", "Something that was named is not there, may not be used, or cannot be written to."],
  ["141", "Whoever read the output has gone away; shells show this for ss, too."],
  ["255", "The command line or the filter cannot be understood."],
];

/** What people ask most, and how. Lines are typed as they stand. */
const examples: readonly (readonly [what: string, how: string])[] = [
  ["Who listens, on which port:", "sockscope -tulnp"],
  ["The inside of TCP connections to a network:", "sockscope -ti dst 10.0.0.0/8"],
  ["Connections to web servers:", "sockscope -tn state established '( dport = :80 or dport = :443 )'"],
  ["Connections that lose packets on slow paths:", "sockscope -ti 'rtt > 50ms and retrans > 0'"],
  [
    "What a user's web server has not read yet:",
    "sockscope -tap comm nginx and user www-data and recvq ge 1",
  ],
  ["How many connections wait for their end:", "sockscope -tanH state time-wait | wc -l"],
  [
    "Connections that are slow, by peer:",
    "sockscope -tni --json | jq '.[] | select(.tcpInfo.rttUs > 200000) | .peer'",
  ],
  ["Close what talks to an address:", "sockscope -K dst 192.0.2.7"],
  [
    "Keep evidence, and look at it elsewhere:",
    "sockscope -tanpi --record evidence\nsockscope -tanpi --replay evidence",
  ],
  ["Complete command lines of this shell:", "source <(sockscope --completions bash)"],
];

/** The options that ss does not have. */
function unknownToSs(): string {
  return words(
    options.filter(({ inFull }) => inFull).flatMap(({ longs }) => longs.map((long) => `--${long}`)),
  );
}

/** Items whose heads are typed as they stand. */
function plainItems(macro: string, items: readonly (readonly [string, string])[]): string {
  return list(items.map(([head, body]) => [`${macro} ${literal(head)}`, prose(body)]));
}

const OUTPUT_SECTION = section(
  "OUTPUT",
  ".Ss The table",
  prose(
    "Without an option that says otherwise, sockets are shown as a table that is the same as that of ss. " +
      "A column that would say the same on every row is left out.",
  ),
  list([
    ["Netid", "The table that the socket is in."],
    ["State", "Its state."],
    ["Recv\\-Q", "Bytes that nobody has read yet; of a listener, connections that nobody has accepted yet."],
    ["Send\\-Q", "Bytes that the peer has not confirmed; of a listener, how many may wait."],
    ["Local Address:Port", "Its own address."],
    ["Peer Address:Port", "The address that it is connected to."],
    ["Process", "With\n.Fl p ,\nwho has it open."],
  ]),
  ".Pp",
  prose(
    "Details that options ask for follow in the row, or on a line of their own that begins with a tab. " +
      "On a terminal the table takes the whole width, and control characters in names are shown as \\xNN.",
  ),
  ".Ss JSON",
  prose(
    "--json writes one array of objects, --ndjson one object a line. " +
      "Keys end in their unit where they have one (rttUs, sendQueueBytes). " +
      "Numbers are exact. Identities of 64 bits (cookies, control groups) are strings of hexadecimal digits. " +
      "What the kernel did not tell, and a limit that is none, is left out. " +
      "The text is UTF-8, always.",
  ),
);

/** The text of the page. It does not end in an empty line. */
export function manPage(): string {
  const { name, version } = manifest;
  return `${[
    `.Dd ${PAGE_DATE}`,
    `.Dt ${name.toUpperCase()} 8`,
    ".Os Linux",
    ".nh",
    section("NAME", `.Nm ${name}`, ".Nd show the sockets of this machine"),
    section(
      "SYNOPSIS",
      ".Nm",
      ".Op Ar options",
      ".Op Ar filter",
      ".Nm",
      ".Ar command",
      ".Op Ar options",
      ".Op Ar filter",
    ),
    section(
      "DESCRIPTION",
      ".Nm",
      `(version ${version}) shows sockets as`,
      ".Xr ss 8",
      `of ${SS_RELEASE} does, with the same options, filters, messages and text.`,
      prose("It also writes them as JSON, and can record and replay what the kernel says of them."),
      "Without an option that chooses, it shows the connected sockets of every kind.",
    ),
    section(
      "OPTIONS",
      "Short options may be bundled, and options may follow the filter.",
      "The names of long options may be cut short as long as they stay unique, but for those that ss does not have:",
      `${unknownToSs()}.`,
      ...optionSections(),
    ),
    commandSection(),
    filterSection(),
    stateSection(),
    OUTPUT_SECTION,
    section("ENVIRONMENT", plainItems("Ev", environment)),
    section("FILES", plainItems("Pa", files)),
    section("EXIT STATUS", plainItems("Li", exits)),
    section(
      "EXAMPLES",
      ...examples.flatMap(([what, how]) => [
        ...(what === examples[0]![0] ? [] : [".Pp"]),
        prose(what),
        ".Bd -literal -offset indent",
        literal(how),
        ".Ed",
      ]),
    ),
    section(
      "COMPATIBILITY",
      `On a pipe the output is that of ss (${SS_RELEASE}) byte for byte.`,
      prose(
        "Under the name of ss the program is ss, to its messages. " +
          "Where ss crashes, or shows something that is wrong, this program does better: " +
          "its docs/compatibility.md lists every such place. " +
          "The one place where less is done than ss does: --kill alone, which closes every socket, wants --kill-all.",
      ),
    ),
    section(
      "SEE ALSO",
      ".Xr proc 5 ,",
      ".Xr services 5 ,",
      ".Xr sock_diag 7 ,",
      ".Xr tcp 7 ,",
      ".Xr unix 7 ,",
      ".Xr ip 8 ,",
      ".Xr ss 8",
    ),
  ].join("\n")}\n`;
}
