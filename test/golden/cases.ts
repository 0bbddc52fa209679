/** The golden corpus: recordings of kernel answers with what ss 7.1.0 makes of them. See test/fixtures/README.md. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the corpus stands. */
export const fixtures = join(import.meta.dirname, "../fixtures");

/** One command line and its exact result. */
export interface GoldenCase {
  readonly id: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Columns of the terminal that standard output is; null for a pipe. */
  readonly tty_columns: number | null;
  readonly stdin?: string;
  readonly stdout: string | null;
  readonly stdout_base64?: string;
  readonly stdout_sha256?: string;
  readonly stdout_length?: number;
  readonly stderr: string;
  readonly exit: number;
  /** Hex of every sock_diag request that ss sent. */
  readonly requests: readonly string[];
  readonly lookups?: {
    readonly serv?: Readonly<Record<string, string | null>>;
    readonly port?: Readonly<Record<string, number | null>>;
    readonly proto?: Readonly<Record<string, string | null>>;
  };
  /** Base64 of the files that it makes. */
  readonly writes?: Readonly<Record<string, string>>;
}

/** The folders of the corpus: those with cases. The others belong to other programs. */
export function fixtureNames(): string[] {
  return readdirSync(fixtures)
    .filter((name) => existsSync(join(fixtures, name, "cases.json")))
    .sort();
}

/** A result that we choose in place of ss's, with the reason: see docs/compatibility.md. */
export type Chosen = { readonly reason: string } & Partial<
  Pick<GoldenCase, "stdout" | "stdout_base64" | "stderr" | "exit">
>;

const chosen: Readonly<Record<string, Chosen>> = JSON.parse(
  readFileSync(join(fixtures, "chosen.json"), "utf8"),
);

/** The cases of one folder, with the results that we choose where they differ from ss's. */
export function readCases(name: string): GoldenCase[] {
  const cases: GoldenCase[] = JSON.parse(readFileSync(join(fixtures, name, "cases.json"), "utf8"));
  return cases.map((golden) => ({ ...golden, ...chosen[golden.id] }));
}

/** Names of cases in a list: one per line, with an optional reason after it; `#` starts a comment. */
export function readList(file: string): Set<string> {
  const lines = readFileSync(join(fixtures, file), "utf8").split("\n");
  return new Set(lines.flatMap((line) => line.replace(/#.*/, "").trim().split(/\s/)[0] || []));
}

/** An /etc/services or /etc/protocols that answers as the recording's did. */
export function etcFile(golden: GoldenCase, path: string): string | undefined {
  const { serv = {}, port = {}, proto = {} } = golden.lookups ?? {};
  if (path === "/etc/protocols")
    return lines(Object.entries(proto), ([number, name]) => name && `${name} ${number}`);
  if (path !== "/etc/services") return undefined;
  const entry = (key: string) => {
    const slash = key.lastIndexOf("/");
    return { key: key.slice(0, slash), protocol: key.slice(slash + 1).replace("*", "tcp") };
  };
  // Names without a protocol first: they take the first entry, the others theirs.
  const anyFirst = <V>(entries: [string, V][]) =>
    entries.toSorted(([a], [b]) => Number(b.endsWith("/*")) - Number(a.endsWith("/*")));
  return (
    lines(
      anyFirst(Object.entries(serv)),
      ([full, name]) => name && `${name} ${entry(full).key}/${entry(full).protocol}`,
    ) +
    lines(
      anyFirst(Object.entries(port)),
      ([full, number]) => number && `${entry(full).key} ${number}/${entry(full).protocol}`,
    )
  );
}

function lines<E>(entries: readonly E[], line: (entry: E) => string | null | 0): string {
  return entries.map((entry) => `${line(entry) || "#"}\n`).join("");
}
