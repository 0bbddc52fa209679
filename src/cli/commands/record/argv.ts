/** Splits the command of `--on` into its words, as a shell does, but without expanding anything. */

/** What a backslash escapes within double quotes. */
const ESCAPED = /["\\]/;

/**
 * Splits a command at blanks. Single quotes keep everything, double quotes everything but `\"` and `\\`; outside of quotes
 * a backslash keeps the next character. `$`, `*`, `~`, `|` and `;` mean nothing.
 *
 * @returns undefined if a quote is not closed, or a backslash is the last character
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? "") + text.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      word ??= "";
      for (at++; text[at] !== '"'; at++) {
        if (at >= text.length) return undefined;
        if (text[at] === "\\" && ESCAPED.test(text[at + 1] ?? "")) at++;
        word += text[at];
      }
    } else if (char === "\\") {
      const next = text[++at];
      if (next === undefined) return undefined;
      word = (word ?? "") + next;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}
