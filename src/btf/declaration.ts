/** Names of types as in C casts, without const and the like, as libbpf prints them. */
import { DecodeError } from "../netlink/errors.ts";
import { type Btf, type BtfParameter, type BtfType, MAX_DEPTH } from "./types.ts";

/** The name of a type that has no parts. */
function nameOf(type: BtfType): string {
  switch (type.kind) {
    case "void":
      return "void";
    case "int":
    case "float":
    case "typedef":
      return type.name;
    case "struct":
    case "union":
      return type.name === "" ? type.kind : `${type.kind} ${type.name}`;
    case "enum":
      return `enum ${type.name}`;
    case "forward":
      return `${type.of} ${type.name}`;
    default:
      throw new DecodeError("btf_type", 0, "it is no type of a value");
  }
}

/** The text around the name in a declaration, from the inside out. */
interface Declarator {
  readonly text: string;
  /** The outermost part so far. */
  readonly outermost: "name" | "pointer" | "array" | "function";
  readonly named: boolean;
}

/** A limit, as types may refer to each other in circles. */
const MAX_DECLARATION = 4096;

function parametersOf(btf: Btf, parameters: readonly BtfParameter[], depth: number): string {
  // C writes `(void)` for no parameters.
  if (parameters.length === 1 && parameters[0]!.type === 0) return "";
  let text = "";
  for (const [index, { name, type }] of parameters.entries()) {
    if (text.length > MAX_DECLARATION) throw new DecodeError("btf_type", 0, "its declaration is too long");
    const isLast = index === parameters.length - 1;
    const own = { text: name, outermost: "name", named: name !== "" } as const;
    text += `${index === 0 ? "" : ", "}${type === 0 && isLast ? "..." : declare(btf, type, own, depth)}`;
  }
  return text;
}

function declare(btf: Btf, id: number, inner: Declarator, depth: number): string {
  if (depth > MAX_DEPTH) throw new DecodeError("btf_type", 0, "types are nested too deep");
  const type = btf.type(id);
  const { text, outermost, named } = inner;
  if (text.length > MAX_DECLARATION) throw new DecodeError("btf_type", 0, "its declaration is too long");
  const grouped = outermost === "pointer" ? `(${text})` : text;
  switch (type.kind) {
    case "qualifier":
      return declare(btf, type.type, inner, depth + 1);
    case "pointer": {
      const pointer = `*${outermost === "function" ? " " : ""}${text}`;
      return declare(btf, type.type, { text: pointer, outermost: "pointer", named }, depth + 1);
    }
    case "array": {
      const array = `${grouped}[${type.count}]`;
      return declare(btf, type.element, { text: array, outermost: "array", named }, depth + 1);
    }
    case "function": {
      const parameters = parametersOf(btf, type.parameters, depth + 1);
      const call = { text: `${grouped}(${parameters})`, outermost: "function", named } as const;
      return declare(btf, type.returned, call, depth + 1);
    }
    default: {
      const blank = text === "" || (outermost === "array" && !named) ? "" : " ";
      return `${nameOf(type)}${blank}${text}`;
    }
  }
}

/** The name of a type. @throws DecodeError if it has none */
export function typeName(btf: Btf, id: number): string {
  return declare(btf, id, { text: "", outermost: "name", named: false }, 0);
}
