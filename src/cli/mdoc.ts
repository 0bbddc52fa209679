/** mdoc(7) macros and escapes for the man page. */
import { commandTable } from "./commands/all.ts";
import { options } from "./options.ts";

/** Characters that roff would interpret. */
const special: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "^": "\\(ha",
  "~": "\\(ti",
  "`": "\\(ga",
  '"': "\\(dq",
};

/** Escapes text, so that roff prints it unchanged. */
function escaped(text: string): string {
  return text.replace(/[\\^~`"]/g, (letter) => special[letter]!);
}

/** Text that a user types, with ASCII dashes and quotes. */
export function literal(text: string): string {
  return escaped(text).replaceAll("-", "\\-").replaceAll("'", "\\(aq");
}

/** The long names of all options, including those of commands. */
const longNames = new Set(
  [...options, ...commandTable.flatMap(([, command]) => command.options)].flatMap(({ longs }) => longs),
);

/** Prose with one sentence per line, and option names in bold. @throws Error if it names an unknown option */
export function prose(text: string): string {
  const shown = escaped(text).replace(/--([a-z][a-z0-9-]*)/g, (name, long) => {
    if (!longNames.has(long)) throw new Error(`No such option: ${name}`);
    return `\\fB${literal(name)}\\fR`;
  });
  return shown.replace(/(?<=[.)]) (?=[A-Z])/g, "\n").replace(/^(?=['.])/gm, "\\&");
}

/**
 * A list of items. A head is the arguments of `.It`.
 *
 * @param shape the arguments of `.Bl`
 */
export function list(
  items: readonly (readonly [head: string, body: string])[],
  shape = "-tag -width Ds",
): string {
  const rows = items.map(([head, body]) => `.It ${head}\n${body}`);
  return [`.Bl ${shape}`, ...rows, ".El"].join("\n");
}

/** A section with its heading. */
export function section(title: string, ...parts: readonly string[]): string {
  return [`.Sh ${title}`, ...parts].join("\n");
}

/** Literal words in bold, separated by commas. */
export function words(all: readonly string[]): string {
  return all.map((word) => `\\fB${literal(word)}\\fR`).join(", ");
}
