/** docs/output.md, made from the tables of columns and from recordings. */
import { join } from "node:path";
import { columnsByKind, kinds } from "../src/catalogue/describe.ts";
import { optionsOf } from "../src/cli/options.ts";
import type { Column, ItemKey } from "../src/fields/column.ts";
import { noNames } from "../src/fields/names.ts";
import type { Kind } from "../src/model/selection.ts";
import { ssSpelling } from "../src/output/spelling.ts";

const root = join(import.meta.dirname, "..");

/** A kind of sockets on the page. */
interface Family {
  readonly title: string;
  /** The recording that the example comes from, and the options that find it. */
  readonly fixture: string;
  readonly args: readonly string[];
}

const families: Readonly<Record<Kind, Family>> = {
  inet: {
    title: "IP: TCP, UDP, raw, DCCP, SCTP, MPTCP",
    fixture: "owners",
    args: ["-tnp", "-o", "state", "established"],
  },
  unix: { title: "UNIX", fixture: "owners", args: ["-xp", "-a"] },
  packet: { title: "Packet", fixture: "packet", args: ["-0", "-a"] },
  netlink: { title: "Netlink", fixture: "netlink", args: ["-f", "netlink", "-a"] },
  vsock: { title: "vsock", fixture: "vsock", args: ["--vsock", "-a"] },
  tipc: { title: "TIPC", fixture: "tipc", args: ["--tipc", "-a"] },
  xdp: { title: "XDP", fixture: "xdp", args: ["--xdp", "-a"] },
};

/** The first object that a command line gives of a recording, printed for people. */
function example({ fixture, args }: Family): string {
  const replay = ["--replay", join(root, "test/fixtures", fixture), "--ndjson"];
  const command = [process.execPath, join(root, "src/cli/main.ts"), ...replay, ...args];
  const { stdout, stderr } = Bun.spawnSync(command, { env: { LC_ALL: "C" } });
  const line = stdout.toString().split("\n")[0];
  if (!line) throw new Error(`No example from ${fixture}: ${stderr}`);
  return JSON.stringify(JSON.parse(line), undefined, 2);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${cell(text)}\``;
}

function typeOf({
  type,
  items,
}: Pick<ItemKey, "type"> & { readonly items?: Column<never>["items"] }): string {
  if (type !== "array") return type;
  return typeof items === "string" ? `array of ${items}` : "array of objects";
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

const headings = ["key", "type", "unit", "meaning", "kernel", "ss", "since", "option"];

function fields(columns: readonly Column<never>[]): string {
  return columns
    .map((column) => {
      const { key, unit, doc, kernel, since, demand, items } = column;
      const option = (demand && optionsOf(demand)) || undefined;
      const plain = [
        code(key),
        typeOf(column),
        unit ?? "",
        cell(doc),
        code(kernel),
        code(ssSpelling(column)),
      ];
      const own = row([...plain, since ?? "", code(option)]);
      if (typeof items !== "object") return own;
      const inner = items.map((item) =>
        row([code(`${key}[].${item.key}`), typeOf(item), "", cell(item.doc), "", "", "", code(option)]),
      );
      return own + inner.join("");
    })
    .join("");
}

const INTRODUCTION = `\
# Output for machines

<!-- Made by scripts/generate.ts from the tables in src/catalogue and src/families. Edit those. -->

\`--json\` prints one array, \`--ndjson\` an object a line, \`--csv\` records. The library's \`toJSON()\` gives the same
objects. [schema.json](schema.json) describes one of them as JSON Schema 2020-12; its \`$id\` has a version, of which the
number before the point changes when a key goes away or means something else.

- **Absent is not zero.** What the kernel did not send, or was not asked for, is not there; so are "no limit" and "none".
- **A number has one unit**, which its key ends in: \`rttUs\`, \`sendQueueBytes\`, \`lastDataSentMs\`.
- **64-bit counters** are numbers, exact up to 2⁵³. **64-bit identities** (\`hex\`: cookie, cgroup id) are strings.
- **A word for a number of the kernel's** is \`unknown(N)\` where that number is newer than we are.
- Names that other programs chose (processes, paths, interfaces, hosts) are valid UTF-8; a byte that is none is U+FFFD.

## Choosing columns

\`--columns LIST\` shows these columns, in this order, in any format; without a format, as a table. A column is named by its
key (\`tcpInfo.rttUs\`), the end of its key with or without the unit (\`rtt\`), or ss's name for it (\`cwnd\`, \`lastsnd\`); the
name of an object stands for all that is in it (\`memory\`, \`timer\`). Letter case, \`-\` and \`_\` do not matter.
\`--columns help\` lists all. What a column needs is asked for: \`--columns rtt,process\` implies \`-i\` and \`-p\`, for these
columns.

Some columns are made of others: \`local\` and \`peer\` (address and port as one text), \`process\` (or \`comm\`),
\`pid\`, \`fd\`, \`exe\` and \`cmdline\` (of all processes that have the socket open), \`user\`, \`netns\`, \`container\`.
In JSON, what they are made of stands in their place. An \`address\` column with a prefix length is its network:
\`peer.address/24\` (IPv4 /24, IPv6 /64), \`peer.address/64\` (whole IPv4 addresses, IPv6 /64), \`peer.address/24/56\`. An
IPv4 address inside an IPv6 one counts as IPv4 there.

The table pads columns, writes numbers to the right, \`-\` for what is absent and \`\\xNN\` for control characters, so that a
row is a line. On a terminal that is too narrow texts are cut, the widest first; numbers never are, and on a pipe
nothing is.

## CSV

RFC 4180: comma, CRLF, fields in quotes where needed. The first record has the keys (not with \`-H\`). Without \`--columns\`
there is a column for each key that the selected tables can have and the options ask for, whether or not a socket has
it, so that the header depends on the command line alone. An absent value is an empty field, an empty text \`""\`. A
list is one field with \`;\` between its values; a list of objects is a field of JSON.

A field is the value and nothing else. A process may call itself \`=HYPERLINK(…)\`, and we do not put an apostrophe in
front of it: a program that reads the file could not take it off again. So tell a spreadsheet to import the columns as
text, as for any CSV with names that strangers choose.

## Counting and sorting

\`--by LIST\` groups sockets by columns and counts them; \`--columns\` then names the numbers that are added up (else what
waits in the queues, and with \`-i\` the bytes sent and received). A socket that several processes have open counts for each. In JSON:

\`\`\`json
{"by": {"state": "ESTAB", "peer": {"network": "192.0.2.0/24"}}, "count": 3, "sum": {"recvQueueBytes": 0}}
\`\`\`

\`--sort LIST\` sorts by columns, \`-NAME\` with the largest first; what is absent comes last. Groups are sorted by
\`-count\` unless told otherwise. \`--top N\` shows the first N rows. Sorting does not change how ss's table looks, only
the order of its rows.
`;

/** Makes the page. */
export function outputPage(): string {
  const columns = columnsByKind(noNames);
  const sections = kinds.map((kind) => {
    const family = families[kind];
    const command = `sockscope ${["--ndjson", ...family.args].join(" ")}`;
    return [
      `## ${family.title}\n\n\`${command}\`, the first line, laid out for reading:\n`,
      `\`\`\`json\n${example(family)}\n\`\`\`\n`,
      row(headings) + row(headings.map(() => "---")) + fields(columns[kind] as readonly Column<never>[]),
    ].join("\n");
  });
  return [INTRODUCTION, ...sections].join("\n");
}
