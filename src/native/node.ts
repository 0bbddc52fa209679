/** libc through koffi, for Node. */
import koffi from "koffi";
import { type CType, type Functions, LIBRARY, libcOf, prototypes } from "./functions.ts";
import type { Libc } from "./libc.ts";

const koffiTypes: Readonly<Record<CType, string>> = {
  int: "int",
  unsigned: "unsigned int",
  size: "size_t",
  pointer: "void *",
};

const library = koffi.load(LIBRARY);
const functions = Object.fromEntries(
  Object.entries(prototypes).map(([name, types]: [string, readonly CType[]]) => [
    name,
    library.func(
      name,
      "int",
      types.map((type) => koffiTypes[type]),
    ),
  ]),
);

/** The seam, on Node. */
export const libc: Libc = libcOf(functions as unknown as Functions, () => koffi.errno());
