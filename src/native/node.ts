/** The C library through koffi, for Node. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import koffi from "koffi";
import { type AioFunctions, aioPrototypes, writesAside } from "./aio.ts";
import type { Builtins } from "./builtins.ts";
import {
  type CType,
  type Functions,
  LIBRARY,
  libcOf,
  type OffThread,
  offThreadNames,
  prototypes,
} from "./functions.ts";
import type { Libc } from "./libc.ts";

const koffiTypes: Readonly<Record<CType, string>> = {
  int: "int",
  unsigned: "unsigned int",
  size: "size_t",
  pointer: "void *",
};

const library = koffi.load(LIBRARY);

/** Binds functions that return an int. @throws if one is missing */
function bind(table: Readonly<Record<string, readonly CType[]>>) {
  return Object.fromEntries(
    Object.entries(table).map(([name, types]) => [
      name,
      library.func(
        name,
        "int",
        types.map((type) => koffiTypes[type]),
      ),
    ]),
  );
}

const functions = bind(prototypes);
const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes);

/** The functions of aio(7), which few programs need. */
function bindAio(): AioFunctions | undefined {
  try {
    return bind(aioPrototypes) as unknown as AioFunctions;
  } catch {
    return undefined;
  }
}

/** A function that runs on koffi's worker threads and returns a promise. */
function offThread(name: (typeof offThreadNames)[number]) {
  return (...values: unknown[]) =>
    new Promise<number>((resolve, reject) => {
      functions[name]!.async(...values, (error: unknown, result: number) => {
        // Here koffi.errno() is that of the call that has just completed.
        if (error) reject(error);
        else resolve(result === -1 ? -koffi.errno() : result);
      });
    });
}

const asynchronous = Object.fromEntries(offThreadNames.map((name) => [name, offThread(name)]));

/** The seam, on Node. */
export const libc: Libc = libcOf(
  functions as unknown as Functions,
  () => koffi.errno(),
  addressOf,
  writesAside(bindAio, addressOf),
  asynchronous as unknown as OffThread,
);

const builtins: Builtins = { "node:fs": fs, "node:os": os, "node:path": path };

/** A module of Node. Node 20.0 cannot load one on demand from an ES module, see bun.ts. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return builtins[name];
}

/** Only JavaScriptCore has this setting; see bun.ts. */
export function keepOutOfLastTier(..._functions: readonly ((...values: never[]) => unknown)[]): void {}

/** Likewise. */
export function expectLongRun(): void {}
