/** Generates the man page from the tables of options, commands and filter predicates. mdoc(7). */
import manifest from "../../package.json" with { type: "json" };
import { commandTable } from "./commands/all.ts";
import { SS_RELEASE } from "./help.ts";
import { filterSection, stateSection } from "./man-filter.ts";
import { list, literal, prose, section, words } from "./mdoc.ts";
import { categories, type Option } from "./option.ts";
import { options } from "./options.ts";

/** Date of the page's last change, not of the build. */
const PAGE_DATE = "November 21, 2026";

/** Choices that the text does not name are listed up to this number. With more, the text says how to list them. */
export const LISTED_CHOICES = 40;

/** The parts of an option that the page shows. */
type OptionText = Pick<Option, "shorts" | "longs" | "value" | "doc">;

function optionItem({ shorts, longs, value, doc }: OptionText): readonly [string, string] {
  const names = [...(shorts ?? ""), ...longs.map((long) => `-${long}`)];
  const head = names.map((name) => `Fl ${literal(name)}`).join(" , ");
  if (value === undefined) return [head, prose(doc)];
  const { name, choices = [] } = value;
  const known = new Set(doc.split(/[^\w-]+/));
  const listed =
    value.columns !== true &&
    choices.length <= LISTED_CHOICES &&
    choices.some((choice) => !known.has(choice));
  return [`${head} Ar ${name}`, listed ? `${prose(doc)}\n${name}: ${words(choices)}.` : prose(doc)];
}

function optionSections(): string[] {
  return Object.entries(categories).flatMap(([category, title]) => [
    `.Ss ${title}`,
    list(options.filter((option) => option.category === category).map(optionItem)),
  ]);
}

/** The commands, each with its own options. */
function commandSection(): string {
  return section(
    "COMMANDS",
    prose(
      "A command is the first argument. It accepts a filter, the options that select sockets, and its own options.",
    ),
    ...commandTable.flatMap(([word, { doc, options }]) => [
      `.Ss ${word}`,
      prose(doc),
      ...(options.length === 0 ? [] : [list(options.map(optionItem))]),
    ]),
  );
}

/** The environment variables that are read. */
const environment: readonly (readonly [name: string, doc: string])[] = [
  ["COLUMNS", "Width of the table if standard output is not a terminal."],
  ["POSIXLY_CORRECT", "If set, the first argument that is not an option ends the options."],
  [
    "PROC_ROOT",
    "Directory to read instead of /proc. Tables that it has files for are read from it, not over netlink.",
  ],
  [
    "PROC_NET_TCP",
    "File to read TCP sockets from, instead of netlink. Other files below /proc/net have such a variable, too: PROC_NET_UDP6, PROC_NET_UNIX and so on.",
  ],
  ["PROC_IP_LOCAL_PORT_RANGE", "File to read instead of /proc/sys/net/ipv4/ip_local_port_range."],
  ["TCPDIAG_FILE", "File of netlink messages to read TCP sockets from, as written by --diag."],
];

const files: readonly (readonly [path: string, doc: string])[] = [
  ["/proc/net", "Sockets that the kernel does not list over netlink."],
  ["/proc/PID/fd", "The sockets that a process has open. Read only if owners are needed."],
  ["/etc/services", "Service names of ports."],
  ["/var/run/netns", "Named network namespaces."],
  ["/etc/netns/NAME", "Files that replace those in /etc with --net NAME."],
];

const exits: readonly (readonly [status: string, doc: string])[] = [
  ["0", "The sockets were listed, or there were none. As in ss, also if the kernel refused to list some."],
  [
    "1",
    "A named file, namespace or map does not exist, is not permitted, or cannot be written. Or sockets may be missing: an answer could not be decoded, a network namespace could not be entered, or, with JSON or CSV, the kernel refused or broke off a listing.",
  ],
  ["141", "The reader of the output has closed the pipe. Shells report the same status for ss."],
  ["255", "The command line or the filter cannot be understood."],
];

/** Common tasks, each with its command line. */
const examples: readonly (readonly [what: string, how: string])[] = [
  ["List the processes that listen, with their ports:", "sockscope -tulnp"],
  ["Show the TCP internals of connections to a network:", "sockscope -ti dst 10.0.0.0/8"],
  ["List connections to web servers:", "sockscope -tn state established '( dport = :80 or dport = :443 )'"],
  ["List connections that lose packets on slow paths:", "sockscope -ti 'rtt > 50ms and retrans > 0'"],
  [
    "List the sockets with data that a user's web server has not read:",
    "sockscope -tap comm nginx and user www-data and recvq ge 1",
  ],
  ["Count the connections in TIME-WAIT:", "sockscope -tanH state time-wait | wc -l"],
  [
    "List the peers of slow connections:",
    "sockscope -tni --json | jq '.[] | select(.tcpInfo.rttUs > 200000) | .peer'",
  ],
  ["Close all connections to an address:", "sockscope -K dst 192.0.2.7"],
  [
    "Record sockets, and show them on another machine:",
    "sockscope -tanpi --record evidence\nsockscope -tanpi --replay evidence",
  ],
  ["Show which processes send and receive most, live:", "sockscope top --by process"],
  ["Show what has a port, and who is connected to it:", "sockscope who 8080"],
  ["Follow failed connects, with the process and the reason:", "sockscope events -tn --only failed"],
  ["Find what is wrong, and what to do about it:", "sockscope doctor"],
  ["Enable completions in bash:", "source <(sockscope --completions bash)"],
];

/** The options that ss does not have. */
function unknownToSs(): string {
  return words(
    options.filter(({ inFull }) => inFull).flatMap(({ longs }) => longs.map((long) => `--${long}`)),
  );
}

/** Items with literal heads. @param macro the mdoc macro of the heads, such as `Ev` or `Pa` */
function plainItems(macro: string, items: readonly (readonly [string, string])[]): string {
  return list(items.map(([head, body]) => [`${macro} ${literal(head)}`, prose(body)]));
}

const OUTPUT_SECTION = section(
  "OUTPUT",
  ".Ss The table",
  prose(
    "By default, sockets are shown in the same table as in ss. " +
      "The Netid and State columns are left out if they would be the same on every row.",
  ),
  list([
    ["Netid", "The socket's table."],
    ["State", "The socket's state."],
    [
      "Recv\\-Q",
      "Received bytes that are not read yet.\nFor a listener: connections that wait to be accepted.",
    ],
    [
      "Send\\-Q",
      "Sent bytes that are not acknowledged yet.\nFor a listener: the limit of waiting connections.",
    ],
    ["Local Address:Port", "The local address."],
    ["Peer Address:Port", "The address of the other end."],
    ["Process", "With\n.Fl p ,\nthe processes that have the socket open."],
  ]),
  ".Pp",
  prose(
    "Further details follow in the row, or on a line that begins with a tab. " +
      "On a terminal the table uses the whole width, and control characters in names are shown as \\xNN.",
  ),
  ".Ss JSON",
  prose(
    "--json prints one array of objects, --ndjson one object per line. " +
      "A key with a unit ends in it (rttUs, sendQueueBytes). " +
      "64-bit identities (cookies, control groups) are strings of hexadecimal digits. " +
      "Values that the kernel did not send are left out, and so are limits that are not set. " +
      "The text is always valid UTF-8.",
  ),
);

/** The mdoc source of the page. It does not end in an empty line. */
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
      prose("It also prints them as JSON, and records and replays the kernel's answers."),
      "By default, it shows the connected sockets of all kinds.",
    ),
    section(
      "OPTIONS",
      "Short options may be combined, and options may follow the filter.",
      "The names of long options may be abbreviated as long as they are unique, except the options that ss does not have:",
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
      `On a pipe, the output matches that of ss (${SS_RELEASE}) byte for byte.`,
      prose(
        "When started under the name ss, the program also uses that name in its messages. " +
          "Where ss crashes or shows something wrong, this program does not: " +
          "docs/compatibility.md lists every difference. " +
          "In one case it is stricter than ss: --kill without a table, a state or a filter would close every socket, and needs --kill-all.",
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
