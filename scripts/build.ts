/**
 * Builds the executable.
 *
 * The bundler splits the program into chunks, so that a run loads only the code that it needs. But it makes a chunk for
 * each set of entry points and `import()`s that share a module, and loading 60 of them takes 1 ms of every run. So the
 * modules that runs load together are first bundled into one module: see {@link groupEntries}. All other files import from
 * there what they share with it.
 *
 * Usage: bun scripts/build.ts OUTFILE [--target bun-linux-…]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import manifest from "../package.json" with { type: "json" };
import { seal } from "./seal.ts";

const root = join(import.meta.dirname, "..");

/** The program, and the files of its threads. */
const program = join(root, "src/cli/main.ts");
const threads = ["sweep", "name", "past"].map((name) => join(root, `src/cli/${name}-worker.ts`));
/** The entry points of the executable. */
export const entryPoints: readonly string[] = [program, ...threads];

/**
 * The files whose static imports are bundled into one module each, without those of the groups before. The first is what
 * every run loads, the second what listings load, the others what many short runs load besides.
 */
const groupEntries = [
  program,
  ...[
    "src/cli/listing.ts",
    "src/families/inet/layouts/tcp-info.ts",
    "src/families/inet/direct-info.ts",
    "src/table/process.ts",
    "src/enrich/containers.ts",
    "src/families/inet/layouts/mptcp-info.ts",
    "src/families/inet/timer-names.ts",
    "src/families/inet/index.ts",
    "src/query/filters.ts",
    "src/lookup/owners.ts",
    "src/cli/help.ts",
    "src/output/columns.ts",
    "src/cli/fleet/answer.ts",
    "src/replay/host.ts",
  ].map((path) => join(root, path)),
];

/**
 * How many times longer than usual code is interpreted before it is compiled, until `expectLongRun` of `#libc` is
 * called. Most runs are over before that.
 */
const JIT_POLICY = 20;

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** The file that a module specifier stands for; undefined for a package or a module of the runtime. */
function fileOf(specifier: string, importer: string): string | undefined {
  if (specifier === "#libc") return join(root, manifest.imports["#libc"].bun);
  return /^[./]/.test(specifier) ? resolve(dirname(importer), specifier) : undefined;
}

/** The TypeScript files that a file imports statically, in the order of evaluation, and last itself. */
export function staticImports(
  file: string,
  found = new Set<string>(),
  begun = new Set<string>(),
): Set<string> {
  if (begun.has(file) || !file.endsWith(".ts")) return found;
  begun.add(file);
  for (const { kind, path } of transpiler.scanImports(readFileSync(file))) {
    const imported = kind === "import-statement" ? fileOf(path, file) : undefined;
    if (imported !== undefined) staticImports(imported, found, begun);
  }
  return found.add(file);
}

/** Whether a text has a name as a word. */
function mentions(text: string, name: string): boolean {
  return new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`).test(text);
}

/** Modules that are bundled into one. */
interface Group {
  /** The one module. */
  readonly bundle: string;
  /** The files in it, with the names that files outside import from each. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** What the bundle calls an export of a file: the same, unless several files export that name. */
  nameOf(file: string, name: string): string;
}

const sources = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: root, absolute: true })].filter(
  (file) => !file.endsWith(".test.ts"),
);

function groupOf(bundle: string, files: readonly string[]): Group {
  const others = sources.filter((file) => !files.includes(file)).map((file) => readFileSync(file, "utf8"));
  const text = others.join("\n");
  const exports = new Map(
    files.map((file) => [
      file,
      transpiler.scan(readFileSync(file)).exports.filter((name) => mentions(text, name)),
    ]),
  );
  const all = [...exports.values()].flat();
  const repeated = new Set(all.filter((name, index) => all.indexOf(name) !== index));
  return {
    bundle,
    files: exports,
    nameOf: (file, name) => (repeated.has(name) ? `${name}_${files.indexOf(file)}` : name),
  };
}

/** Re-exports names from a module. @param rename gives `NAME`, or `NAME as OTHER` */
function exportsFrom(module: string, names: readonly string[], rename: (name: string) => string): string {
  return `export { ${names.map(rename).join(", ")} } from ${JSON.stringify(module)};\n`;
}

/** Lets files import from the groups what is in them. @param external whether the groups are left out of the result */
function fromGroups(groups: readonly Group[], external: boolean): BunPlugin {
  const namespace = "renamed";
  const groupWith = (file: string) => groups.find(({ files }) => files.has(file));
  return {
    name: "groups",
    setup(build) {
      build.onResolve({ filter: /^[./#]/ }, ({ path, importer, kind }) => {
        if (external && groups.some(({ bundle }) => bundle === path)) return { path, external };
        const file = fileOf(path, importer);
        if (file === undefined) return undefined;
        if (external && kind === "dynamic-import") return { path: file, external };
        const group = groupWith(file);
        if (group === undefined) return undefined;
        const names = group.files.get(file)!;
        if (kind === "dynamic-import" || names.some((name) => group.nameOf(file, name) !== name))
          return { path: file, namespace };
        return { path: group.bundle, external };
      });
      build.onLoad({ filter: /./, namespace }, ({ path }) => {
        const { bundle, files, nameOf } = groupWith(path)!;
        const contents = exportsFrom(bundle, files.get(path)!, (name) => `${nameOf(path, name)} as ${name}`);
        return { loader: "ts", contents };
      });
    },
  };
}

/** Bundles a file and what it imports statically into one module. Its `import()`s stay, with absolute paths. */
async function bundled(entry: string, groups: readonly Group[]): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    root,
    plugins: [fromGroups(groups, true)],
  });
  return outputs[0]!.text();
}

/** Bundles the groups. @param folder where their modules are written */
async function bundleGroups(folder: string): Promise<Group[]> {
  const groups: Group[] = [];
  // The bundler keeps what it has read of a folder, so all modules stand there before the first is looked for.
  for (const index of groupEntries.keys())
    for (const name of [`group-${index}.js`, `list-${index}.ts`]) writeFileSync(join(folder, name), "");
  for (const [index, entry] of groupEntries.entries()) {
    const files = [...staticImports(entry)].filter(
      (file) => file !== program && !groups.some(({ files }) => files.has(file)),
    );
    const group = groupOf(join(folder, `group-${index}.js`), files);
    const list = join(folder, `list-${index}.ts`);
    const lines = Array.from(group.files, ([file, names]) =>
      names.length === 0
        ? `import ${JSON.stringify(file)};\n`
        : exportsFrom(file, names, (name) => `${name} as ${group.nameOf(file, name)}`),
    );
    writeFileSync(list, lines.join(""));
    writeFileSync(group.bundle, await bundled(list, groups));
    groups.push(group);
  }
  return groups;
}

/** Builds the executable, unsealed. */
async function compile(outfile: string, folder: string, target: Bun.Build.CompileTarget | undefined) {
  const groups = await bundleGroups(folder);
  // A thread has nothing in common with the rest of the program, and loads only what it needs.
  const texts = new Map<string, string>();
  for (const file of threads) texts.set(file, await bundled(file, []));
  const threadTexts: BunPlugin = {
    name: "threads",
    setup(build) {
      build.onLoad({ filter: /-worker\.ts$/ }, ({ path }) => {
        const contents = texts.get(path);
        return contents === undefined ? undefined : { loader: "js", contents };
      });
    },
  };
  await Bun.build({
    entrypoints: [...entryPoints],
    root: join(root, "src/cli"),
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      jitPolicy: JIT_POLICY,
      ...(target === undefined ? {} : { target }),
    },
    splitting: true,
    minify: true,
    bytecode: true,
    format: "esm",
    plugins: [fromGroups(groups, false), threadTexts],
  });
}

/** Builds the executable and seals it. @param target a platform of `bun build --target`; undefined for this machine */
export async function buildExecutable(outfile: string, target?: Bun.Build.CompileTarget): Promise<void> {
  const folder = mkdtempSync(join(root, "node_modules/.build-"));
  try {
    await compile(outfile, folder, target);
  } finally {
    rmSync(folder, { recursive: true });
  }
  seal(outfile);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { target: { type: "string" } },
    allowPositionals: true,
  });
  const [outfile] = positionals;
  if (outfile === undefined)
    throw new Error(`Usage: bun ${basename(import.meta.path)} OUTFILE [--target PLATFORM]`);
  await buildExecutable(resolve(outfile), values.target as Bun.Build.CompileTarget | undefined);
}
