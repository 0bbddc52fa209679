/** Every filter of the golden fixtures: the bytecode that ss sent for it, or the error that ss wrote. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { filterReport } from "../cli/filter-report.ts";
import {
  INET_DIAG_LEGACY_REQUEST_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQUEST_SIZE,
} from "../families/inet/layouts/inet-diag.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { netlinkProtocolNumber } from "../model/netlink-protocols.ts";
import { families, type Table } from "../model/selection.ts";
import { NLA_HDRLEN, NLMSG_HDRLEN, SOCK_DESTROY, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";
import { cgroupProbe, compileBytecode } from "./bytecode.ts";
import { FilterError } from "./errors.ts";
import { formatFilter } from "./format.ts";
import { parseFilter } from "./parser.ts";
import type { FilterContext, Lookups } from "./reading.ts";
import { type HostResolver, readFilter } from "./resolve.ts";
import type { FilterSource } from "./source.ts";

interface Case {
  readonly id: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly stderr: string | null;
  readonly exit: number;
  readonly requests: readonly string[];
  readonly lookups?: {
    readonly port?: Readonly<Record<string, number | null>>;
    readonly host?: Readonly<Record<string, string | null>>;
  };
}

const fixtures = join(import.meta.dir, "../../test/fixtures");
const LOCALHOST: Readonly<Record<number, readonly number[]>> = {
  [AF_INET]: [127, 0, 0, 1],
  [AF_INET6]: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
};
const KEYWORD = /(^|\s)(src|dst|sp\\?ort|dport|dev|fwmark|cgroup|autobound)/;
const USAGE = /<usage>\n$/;

/** The parser's options that follow from the options of a case; enough for the command lines of the fixtures. */
function readArgs({ args, stdin }: Case, folder: string) {
  const tables = new Set<Table>();
  let preferred: number | undefined;
  let file: Uint8Array | undefined;
  const words: string[] = [];
  const letters: Readonly<Record<string, Table>> = {
    t: "tcp",
    u: "udp",
    w: "raw",
    d: "dccp",
    S: "sctp",
    M: "mptcp",
  };
  const openFile = (name: string) => {
    if (name.startsWith("-")) file = Buffer.from(stdin ?? "");
    else if (existsSync(join(folder, name))) file = readFileSync(join(folder, name));
    else return false;
    return true;
  };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (arg.startsWith("--filter")) {
      if (!openFile(arg.split("=")[1] ?? args[++at]!)) return undefined;
    } else if (arg.startsWith("-F") && arg !== "-F") {
      if (!openFile(arg.slice(2))) return undefined;
    } else if (arg === "-F") {
      if (file !== undefined || args[at + 1] === undefined || !openFile(args[++at]!)) return undefined;
    } else if (arg === "-f") {
      preferred = families[args[++at] as keyof typeof families].number;
    } else if (arg === "-A") {
      for (const table of args[++at]!.split(",")) tables.add(table as Table);
    } else if (arg.startsWith("--")) {
      const long = arg.slice(2);
      if (Object.hasOwn(families, long)) preferred = families[long as keyof typeof families].number;
      if (Object.values(letters).includes(long as Table)) tables.add(long as Table);
    } else if (/^-\d$/.test(arg) && !["-4", "-6", "-0"].includes(arg)) {
      return undefined;
    } else if (arg.startsWith("-")) {
      for (const letter of arg.slice(1)) {
        if (letters[letter] !== undefined) tables.add(letters[letter]);
        const family = { 4: "inet", 6: "inet6", 0: "link", x: "unix" }[letter] as keyof typeof families;
        if (family !== undefined) preferred = families[family].number;
      }
    } else {
      words.push(arg);
    }
  }
  while (["state", "exclude", "excl"].includes(words[0]!)) words.splice(0, 2);
  if (tables.size === 0 && preferred === undefined)
    for (const table of ["udp", "tcp"] as const) tables.add(table);
  return { tables, preferred, source: { args: words, file } satisfies FilterSource };
}

function lookupsOf(item: Case, folder: string): Lookups {
  const tree = join(folder, "cgroups.txt");
  const cgroups = new Map<string, bigint>();
  for (const line of existsSync(tree) ? readFileSync(tree, "utf8").trim().split("\n") : []) {
    const [id, path] = line.split(" ") as [string, string];
    cgroups.set(path, BigInt(id));
  }
  return {
    port: (service, protocol) => item.lookups?.port?.[`${service}/${protocol}`] ?? undefined,
    interfaceIndex: (name) => (/^(lo|eth\d|ens1f0|altname0)/.test(name) ? 7 : undefined),
    netlinkProtocol: netlinkProtocolNumber,
    cgroupId: (path) => {
      if (cgroups.size === 0)
        return "Failed to open mounts file: No such file or directory\nFailed to find cgroup2 mount";
      if (path === "/") return "Invalid cgroup2 path";
      const own = `/${path.replace(/^\/sys\/fs\/cgroup/, "").replace(/^\/|\/$/g, "")}`;
      return (
        cgroups.get(own) ??
        (item.id.startsWith("refusals/") ? 9n : "Failed to get cgroup2 ID: No such file or directory")
      );
    },
    knowsCgroups: () => !item.id.startsWith("refusals/"),
  };
}

const resolver: HostResolver = {
  addresses: async (name, family) => {
    if (name !== "localhost") return [];
    // The bytecode of ss has the first address as often as the name has addresses.
    const wanted = family === undefined ? [AF_INET, AF_INET] : [family];
    return wanted.map((one) => Uint8Array.from(LOCALHOST[one]!));
  },
};

/** The bytecode of each inet dump request of a case, in hex; undefined for a request without. */
function bytecodes({ requests }: Case): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (const hex of requests) {
    const bytes = Buffer.from(hex, "hex");
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const type = data.getUint16(4, true);
    const family = data.getUint8(NLMSG_HDRLEN);
    if (type === SOCK_DESTROY || (family !== AF_INET && family !== AF_INET6)) continue;
    const size = type === SOCK_DIAG_BY_FAMILY ? INET_DIAG_REQUEST_SIZE : INET_DIAG_LEGACY_REQUEST_SIZE;
    const at = findAttribute(data, NLMSG_HDRLEN + size, data.byteLength, INET_DIAG_REQ_BYTECODE);
    const end = at + (at < 0 ? 0 : data.getUint16(at, true));
    found.push(at < 0 ? undefined : bytes.subarray(at + NLA_HDRLEN, end).toString("hex"));
  }
  return found;
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

const probe = hex(cgroupProbe())!;
let compared = 0;
let refused = 0;

for (const name of readdirSync(fixtures).sort()) {
  const folder = join(fixtures, name);
  if (!existsSync(join(folder, "cases.json"))) continue;
  const cases: readonly Case[] = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
  const withFilter = cases.filter(
    ({ args }) => KEYWORD.test(args.join(" ")) || /-F|--filter|sport=/.test(args.join(" ")),
  );
  if (withFilter.length === 0) continue;
  describe(name, () => {
    for (const item of withFilter) {
      test(`${item.id} ss ${item.args.join(" ")}`, async () => {
        const read = readArgs(item, folder);
        if (read === undefined) return;
        const { source, tables, preferred } = read;
        const context: FilterContext = {
          tables,
          preferred,
          lookups: lookupsOf(item, folder),
        };
        const failsInFilter = /^ss: bison|^Cannot parse|^Too long|such filter/m.test(item.stderr ?? "");
        if (failsInFilter) {
          const error = await readFilter(source, context, resolver).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(error).toBeInstanceOf(FilterError);
          const { text, usage, status } = filterReport(error as FilterError, "ss");
          expect(text).toBe(item.stderr!.replace(USAGE, ""));
          expect(usage).toBe(USAGE.test(item.stderr!));
          expect(status).toBe(item.exit);
          refused++;
          return;
        }
        const { filter } = await readFilter(source, context, resolver);
        const expected = bytecodes(item).filter((program) => program !== probe);
        const program = filter === undefined ? undefined : hex(compileBytecode(filter));
        for (const wanted of expected) {
          expect(program).toBe(wanted);
          if (wanted !== undefined) compared++;
        }
        if (filter !== undefined) {
          const bare = parseFilter(source, context).filter!;
          const text = formatFilter(bare, preferred);
          const again = parseFilter({ args: [text] }, context).filter!;
          expect(formatFilter(again, preferred)).toBe(text);
          expect(hex(compileBytecode(again))).toBe(hex(compileBytecode(bare)));
        }
      });
    }
  });
}

test("the fixtures have many filters of each kind", () => {
  expect(compared).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(60);
});
