/** Generates docs/output.md from the column tables, with examples from recordings. */
import { join } from "node:path";
import { columnsByKind, kinds } from "../src/catalogue/describe.ts";
import { optionsOf } from "../src/cli/options.ts";
import type { Column, ItemKey } from "../src/fields/column.ts";
import { noNames } from "../src/fields/names.ts";
import type { Kind } from "../src/model/selection.ts";
import { ssSpelling } from "../src/output/spelling.ts";

const root = join(import.meta.dirname, "..");

/** One section of the page: a kind of socket. */
interface Family {
  readonly title: string;
  /** The recording that the example comes from, and the options that select it. */
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

/** The first object that a command line prints from a recording, indented. */
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

\`--json\` prints one array, \`--ndjson\` one object per line, \`--csv\` one record per line. The library's \`toJSON()\`
returns the same objects. [schema.json](schema.json) describes an object as JSON Schema 2020-12. Its \`$id\` has a version;
the number before the point changes when a key is removed or changes its meaning.

- **Absent is not zero.** A key is missing if the kernel did not send the value, if the value was not requested, or if it
  means "no limit" or "none".
- **The unit is in the key:** \`rttUs\`, \`sendQueueBytes\`, \`lastDataSentMs\`.
- **64-bit counters** are numbers, exact up to 2⁵³. **64-bit identities** (\`hex\`: cookie, cgroup id) are strings.
- **Unknown kernel numbers** that should have a word, because the kernel is newer than Sockscope, are \`unknown(N)\`.
- **Names from other programs** (processes, paths, interfaces, hosts) are valid UTF-8. Invalid bytes become U+FFFD.

## Choosing columns

\`--columns LIST\` shows these columns in this order. It works with every format; without a format, it prints a table.
\`--columns help\` lists all columns. A column's name is one of:

- its key: \`tcpInfo.rttUs\`
- the last part of its key, with or without the unit: \`rtt\`
- ss's name: \`cwnd\`, \`lastsnd\`
- the name of an object, for all columns in it: \`memory\`, \`timer\`

Letter case, \`-\` and \`_\` do not matter. A column requests the details that it needs: \`--columns rtt,process\` implies
\`-i\` and \`-p\` for these columns.

Some columns are made from others: \`local\` and \`peer\` (address and port as one text), \`process\` (or \`comm\`),
\`pid\`, \`fd\`, \`exe\` and \`cmdline\` (of all processes that have the socket open), \`user\`, \`netns\`, \`container\`.
JSON has the columns that they are made from instead. An \`address\` column with a prefix length is a network:
\`peer.address/24\` (IPv4 /24, IPv6 /64), \`peer.address/64\` (whole IPv4 addresses, IPv6 /64), \`peer.address/24/56\`. An
IPv4 address mapped into IPv6 counts as IPv4.

In the table, columns are padded, numbers are right-aligned, absent values are \`-\`, and control characters are
\`\\xNN\`, so each row is one line. If the terminal is too narrow, texts are cut, the widest first. Numbers are never cut,
and nothing is cut on a pipe.

## CSV

The format is RFC 4180: commas, CRLF, and quotes where needed. The first record has the keys; \`-H\` leaves it out. Without
\`--columns\`, there is one column per key that the selected tables can have and the options request, even if no socket has
a value. The header therefore depends only on the command line. An absent value is an empty field, and an empty text is
\`""\`. A list is one field with \`;\` between the values. A list of objects is a field of JSON.

A field holds exactly the value. A process may call itself \`=HYPERLINK(…)\`. We add no apostrophe in front of it, because
a program that reads the file could not distinguish it from the name. As with any CSV that contains names from other programs,
import the columns into a spreadsheet as text.

## Counting and sorting

\`--by LIST\` groups sockets by columns and counts them. \`--columns\` then names the numbers to add up; by default these are
the queues, and with \`-i\` also the bytes sent and received. Grouped by process, a socket that several
processes have open counts in the group of each. In JSON:

\`\`\`json
{"by": {"state": "ESTAB", "peer": {"network": "192.0.2.0/24"}}, "count": 3, "sum": {"recvQueueBytes": 0}}
\`\`\`

\`--sort LIST\` sorts by columns; \`-NAME\` puts the largest value first. Absent values come last. Groups are sorted by
\`-count\` by default. \`--top N\` shows the first N rows. Sorting changes only the order of the rows of ss's table.
`;

/** The text of docs/output.md. */
export function outputPage(): string {
  const columns = columnsByKind(noNames);
  const sections = kinds.map((kind) => {
    const family = families[kind];
    const command = `sockscope ${["--ndjson", ...family.args].join(" ")}`;
    return [
      `## ${family.title}\n\nThe first line of \`${command}\`, formatted:\n`,
      `\`\`\`json\n${example(family)}\n\`\`\`\n`,
      row(headings) + row(headings.map(() => "---")) + fields(columns[kind] as readonly Column<never>[]),
    ].join("\n");
  });
  return [INTRODUCTION, ...sections].join("\n");
}
