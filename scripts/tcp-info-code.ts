/** Makes the code that writes the words of a struct tcp_info from their table, without a loop over that table. */
import type { Stamp } from "../src/bytes/put.ts";
import { optionItems, tcpInfoItems } from "../src/families/inet/row/tcp-info-items.ts";
import type { SpecialWriter } from "../src/families/inet/row/tcp-info-specials.ts";
import { formOf, type Item } from "../src/table/items.ts";

/** Words in one function: the compiler makes better code of small ones. */
const WORDS = 8;

function stampCode({ first, second, third, length }: Stamp): string {
  const words = [first, second, third].slice(0, Math.ceil(length / 8));
  return words.map((word, index) => `target.setFloat64(next + ${index * 8}, ${word}, true);`).join("\n");
}

const putters = {
  u32: "value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value)",
  i32: "value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value)",
  ms: "putThousandths(target, next, value >>> 0)",
  hex: "putHex(target, next, value, 1)",
};

/** The statements that write one item. */
function itemCode(item: Item): string {
  const { label, offset, end, unless, mask } = item;
  const form = formOf(item);
  const stamp = `${stampCode(label)}\nnext += ${label.length};`;
  const comment = `// ${JSON.stringify(label.text)}`;
  const word = `roomWords[info + ${offset >> 2}]!`;
  const shift = (offset & 3) * 8;
  if (form === "bit") return `${comment}\nif ((${word} & ${(mask << shift) | 0}) !== 0) {\n${stamp}\n}`;
  if (form === "u64")
    return `${comment}
      value = ${word};
      high = roomWords[info + ${(offset >> 2) + 1}]!;
      if ((value | high) !== 0) {
        ${stamp}
        next = putUint64(target, next, value, high);
      }`;
  const bits = (end - offset) * 8;
  const value = bits === 32 ? word : `(${word} >>> ${shift}) & ${2 ** bits - 1}`;
  const condition = unless === 0 ? "value !== 0" : `value !== 0 && value !== ${unless}`;
  return `${comment}
    value = ${value};
    if (${condition}) {
      ${stamp}
      next = ${bits < 32 && form === "u32" ? "putInt31(target, next, value)" : putters[form]};
    }`;
}

const PARAMETERS = "target: DataView, at: number, info: number, facts: ConnectionFacts, numeric: boolean";
const ARGUMENTS = ["target", "next", "info", "facts", "numeric"];
const EVERY_ARGUMENT = ARGUMENTS.join(", ");

/** Bytes of the struct that the items read. */
const SIZE = Math.max(
  ...[...optionItems, ...tcpInfoItems].map((word) => (typeof word === "function" ? 0 : word.end)),
);

function functionCode(name: string, words: readonly (Item | SpecialWriter)[]): string {
  const body = words.map((word) =>
    typeof word === "function"
      ? `next = ${word.name}(${ARGUMENTS.slice(0, word.length).join(", ")});`
      : itemCode(word),
  );
  const locals = body.join("\n");
  const declared = [
    "let next = at;",
    ...(/\bvalue\b/.test(locals) ? ["let value = 0;"] : []),
    ...(/\bhigh\b/.test(locals) ? ["let high = 0;"] : []),
  ];
  const used = (text: string, name: string) => (new RegExp(`\\b${name}\\b`).test(text) ? name : `_${name}`);
  const parameters = PARAMETERS.replace("facts", used(locals, "facts")).replace(
    "numeric",
    used(locals, "numeric"),
  );
  return `function ${name}(${parameters}): number {\n${declared.join("\n")}\n${locals}\nreturn next;\n}\n`;
}

/** The module, not yet formatted. */
export function tcpInfoCode(): string {
  const parts: string[] = [];
  for (let from = 0; from < tcpInfoItems.length; from += WORDS)
    parts.push(functionCode(`putWords${parts.length}`, tcpInfoItems.slice(from, from + WORDS)));
  const names = parts.map((_, index) => `putWords${index}`);
  const specials = tcpInfoItems.flatMap((word) => (typeof word === "function" ? word.name : []));
  const code = [functionCode("putOptions", optionItems), ...parts].join("\n");
  const helpers = ["putHex", "putInt31", "putInt32", "putThousandths", "putUint32", "putUint64"].filter(
    (name) => code.includes(`${name}(`),
  );
  return `/** Writes the words of a struct tcp_info. Made from tcp-info-items.ts by \`npm run generate\`; not to be edited. */
import { keepOutOfLastTier } from "#libc";
import { ${helpers.join(", ")} } from "../../../bytes/put.ts";
import { roomWords } from "../../../bytes/room.ts";
import { type ConnectionFacts, ${specials.toSorted().join(", ")} } from "./tcp-info-specials.ts";

/** Bytes of a struct tcp_info that are read; what was not sent of them must be 0. */
export const TCP_INFO_SIZE = ${SIZE};

${code}
/**
 * Writes the words of \`-i\` from a struct tcp_info.
 *
 * @param info the index of the struct's first word in \`roomWords\`, where {@link TCP_INFO_SIZE} bytes can be read
 * @param timers whether the words that need \`-o\` are written, too
 * @param numeric whether rates are whole numbers
 * @returns the position behind them
 */
export function putTcpInfo(
  target: DataView, at: number, info: number, facts: ConnectionFacts, timers: boolean, numeric: boolean,
): number {
  let next = timers ? putOptions(target, at, info, facts, numeric) : at;
  ${names.map((name) => `next = ${name}(${EVERY_ARGUMENT});`).join("\n")}
  return next;
}

keepOutOfLastTier(putTcpInfo, putOptions, ${names.join(", ")});
`;
}
