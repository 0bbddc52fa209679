/** The macros and escapes that the man page is written with. mdoc(7). */
import { commandTable } from "./commands/table.ts";
import { options } from "./options.ts";

/** What roff would read as something else. */
const special: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "^": "\\(ha",
  "~": "\\(ti",
  "`": "\\(ga",
  '"': "\\(dq",
};

/** Text as roff shows it, letter by letter. */
function escaped(text: string): string {
  return text.replace(/[\\^~`"]/g, (letter) => special[letter]!);
}

/** What is typed: its dashes and quotes are those of ASCII. */
export function literal(text: string): string {
  return escaped(text).replaceAll("-", "\\-").replaceAll("'", "\\(aq");
}

/** The long names of all options, those of commands included. */
const longNames = new Set(
  [...options, ...commandTable.flatMap(([, command]) => command.options)].flatMap(({ longs }) => longs),
);

/** Sentences, each on a line of its own. @throws an error if they speak of an option that is not in the table */
export function prose(text: string): string {
  const shown = escaped(text).replace(/--([a-z][a-z0-9-]*)/g, (name, long) => {
    if (!longNames.has(long)) throw new Error(`No such option: ${name}`);
    return `\\fB${literal(name)}\\fR`;
  });
  return shown.replace(/(?<=[.)]) (?=[A-Z])/g, "\n").replace(/^(?=['.])/gm, "\\&");
}

/**
 * A list of items, each with its head (the arguments of `.It`) and its text.
 *
 * @param shape how it is laid out, as `.Bl` is told
 */
export function list(
  items: readonly (readonly [head: string, body: string])[],
  shape = "-tag -width Ds",
): string {
  const rows = items.map(([head, body]) => `.It ${head}\n${body}`);
  return [`.Bl ${shape}`, ...rows, ".El"].join("\n");
}

/** A section. */
export function section(title: string, ...parts: readonly string[]): string {
  return [`.Sh ${title}`, ...parts].join("\n");
}

/** Words with commas between them. */
export function words(all: readonly string[]): string {
  return all.map((word) => `\\fB${literal(word)}\\fR`).join(", ");
}
