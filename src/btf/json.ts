/** Writes values as JSON. */
import type { Json } from "../model/json.ts";
import type { BtfType } from "./types.ts";
import type { BtfPart, BtfValue } from "./value.ts";

const decoder = new TextDecoder();

/** A number, or its digits if a JSON number cannot hold it. */
function numberJson(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** The type that C programs keep text in. */
function isChar({ name }: BtfType & { kind: "int" }): boolean {
  return name === "char";
}

/** Decodes text up to its first zero. */
function textJson(elements: readonly BtfValue[]): Json {
  const bytes = elements.map((element) => (element.kind === "int" ? Number(element.value) & 0xff : 0));
  const end = bytes.indexOf(0);
  return decoder.decode(Uint8Array.from(end < 0 ? bytes : bytes.slice(0, end)));
}

/** Members as keys. Those of anonymous members become keys of the outer struct, as in C. */
function* entries(members: readonly BtfPart[]): Generator<readonly [string, Json]> {
  for (const { name, value } of members) {
    if (name !== "") yield [name, valueJson(value)];
    else if (value.kind === "struct") yield* entries(value.members);
  }
}

/** A value as JSON: enumerations by name, pointers in hexadecimal, arrays of char as text. */
export function valueJson(value: BtfValue): Json {
  switch (value.kind) {
    case "int":
      return value.type.bool ? value.value !== 0n : numberJson(value.value);
    case "enum":
      return value.name ?? numberJson(value.value);
    case "pointer":
      return `0x${value.value.toString(16)}`;
    case "float":
      return Number.isFinite(value.value) ? value.value : String(value.value);
    case "struct":
      return Object.fromEntries(entries(value.members));
    case "array":
      return value.byte !== undefined && isChar(value.byte)
        ? textJson(value.elements)
        : value.elements.map(valueJson);
  }
}
