/** The name of a type as C writes it in a cast, but without const and the like: so libbpf writes it. */
import { DecodeError } from "../netlink/errors.ts";
import { type Btf, type BtfParameter, type BtfType, MAX_DEPTH } from "./types.ts";

/** The name of a type that is not made of others. */
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

/** What stands around the name in a declaration, from the inside out. */
interface Declarator {
  readonly text: string;
  /** What was put around it last. */
  readonly outermost: "name" | "pointer" | "array" | "function";
  readonly named: boolean;
}

/** Types may name each other so that a declaration has no end in sight. */
const MAX_DECLARATION = 4096;

function parametersOf(btf: Btf, parameters: readonly BtfParameter[], depth: number): string {
  // `(void)` stands for no parameter at all.
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
