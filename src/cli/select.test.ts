import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, AF_XDP } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import { type Dump, requestOrder } from "../model/request-order.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { decodePcap } from "../replay/pcap.ts";
import { type Conversation, diagConversations, readRecording, requestKey } from "../replay/recording.ts";
import { parse } from "./parse.ts";
import { narrowToFamily, netidHidden, select, stateHidden } from "./select.ts";

/** The selection of a whole command line, or the message if it selects nothing. */
function run(...args: string[]): {
  selection?: Selection;
  words?: readonly string[];
  message?: string;
  status?: number;
} {
  const { draft, words, stop } = parse({ program: "ss", args, env: {} });
  const result = stop ?? select(draft.choice, words, "ss");
  if (!("kind" in result)) return result;
  return result.kind === "error" ? { message: result.message, status: result.status } : {};
}

const shown = ({ name, families }: Dump) =>
  name + families.map((family) => ({ [AF_INET]: "4", [AF_INET6]: "6" })[family] ?? "").join("");

describe("requests and columns of a selection", () => {
  const all = "raw46 udp46 tcp46 dccp46 sctp46";
  const cases: [line: string, requests: string, states: number, netid: boolean, state: boolean][] = [
    ["", `unix ${all} vsock mptcp46`, 0x3b37, true, true],
    ["-a", `netlink packet unix ${all} vsock xdp mptcp46`, 0x3fff, true, true],
    ["-l", `netlink packet unix ${all} vsock xdp mptcp46`, 0x480, true, true],
    ["-t", "tcp46", 0x3b37, false, true],
    ["-u", "udp46", 0x2, false, false],
    ["-A udp", "udp46", 0x3b37, false, true],
    ["-tu", "udp46 tcp46", 0x3b37, true, true],
    ["-t0", "packet tcp46", 0x3bb7, true, true],
    ["-x", "unix", 0x3b37, true, true],
    ["-0", "packet", 0x80, true, false],
    ["-A packet", "", 0x3b37, true, true],
    ["-f netlink", "netlink", 0x80, false, false],
    ["-4", "raw4 udp4 tcp4 dccp4 sctp4 mptcp4", 0x3b37, true, true],
    ["-4 -6", "raw6 udp6 tcp6 dccp6 sctp6 mptcp6", 0x3b37, true, true],
    ["-6 -4", "raw4 udp4 tcp4 dccp4 sctp4 mptcp4", 0x3b37, true, true],
    ["-4x", `unix ${all} mptcp46`, 0x3b37, true, true],
    ["-x4", "unix raw4 udp4 tcp4 dccp4 sctp4 mptcp4", 0x3b37, true, true],
    ["-u -A tcp", "tcp46", 0x3b37, false, true],
    ["-A tcp -u", "udp46 tcp46", 0x3b37, true, true],
    ["-A tcp -A udp", "udp46 tcp46", 0x3b37, true, true],
    ["-aA udp", "udp46", 0x3fff, false, true],
    ["-A all,!tcp", "unix raw46 udp46 dccp46 sctp46 vsock mptcp46", 0x3b37, true, true],
    ["--tipc -t", "tcp46 tipc", 0x3fb7, true, true],
    ["-x -A !unix", "unix", 0x3b37, true, true],
    ["-t state listening", "tcp46", 0x400, false, false],
    ["-tl exclude listening", "tcp46", 0x3bff, false, true],
    ["-t exclude all", "tcp46", 0x3b37, false, true],
    ["-t exclude all state listening", "tcp46", 0x400, false, false],
    ["-t state established exclude established", "tcp46", 0x3b37, false, true],
    ["-A udp -u exclude all", "udp46", 0x2, false, false],
    ["exclude all", `unix ${all} vsock mptcp46`, 0x3b37, true, true],
    ["-B", `unix ${all} vsock mptcp46`, 0x2000, true, false],
  ];
  test.each(cases)("ss %s", (line, requests, states, netid, state) => {
    const selection = run(...line.split(" ").filter(Boolean)).selection!;
    expect(requestOrder(selection).map(shown).join(" ")).toBe(requests);
    expect(selection.states.toString(16)).toBe(states.toString(16));
    expect([!netidHidden(selection), !stateHidden(selection)]).toEqual([netid, state]);
  });
});

describe("state words", () => {
  test("are recognised only at the start, with any case of the state", () => {
    const { selection, words } = run(
      "-t",
      "state",
      "LISTENING",
      "excl",
      "close",
      "src",
      ":22",
      "state",
      "all",
    );
    expect(selection?.states).toBe(0x400);
    expect(words).toEqual(["src", ":22", "state", "all"]);
    expect(run("-t", "STATE", "listening").words).toEqual(["STATE", "listening"]);
  });

  const mistakes: [args: string[], message: string, status: number][] = [
    [["state", "foo"], "ss: wrong state name: foo", 255],
    [["exclude", "foo"], "ss: wrong state name: foo", 255],
    [["-t", "state"], 'Command line is not complete. Try option "help"', 255],
    [["-A", "!tcp"], "ss: no socket tables to show with such filter.", 0],
    [["-t", "-A", "!udp"], "ss: no socket tables to show with such filter.", 0],
  ];
  test.each(mistakes)("%j", (args, message, status) => {
    expect(run(...args)).toEqual({ message, status });
  });

  test("a family whose tables are all removed gets them back", () => {
    expect(run("-4", "-A", "!tcp").selection?.tables.has("tcp")).toBe(true);
  });
});

test("a family in the filter excludes the tables of other families, except tipc", () => {
  const { selection } = run("-A", "tcp,tipc,unix");
  expect(requestOrder(narrowToFamily(selection!, AF_INET6)).map(shown)).toEqual(["tcp6", "tipc"]);
  expect(requestOrder(narrowToFamily(selection!, AF_UNIX)).map(shown)).toEqual(["unix", "tipc"]);
});

interface Case {
  readonly id: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: string | null;
  readonly stderr: string;
  readonly exit: number;
  readonly requests: readonly string[];
}

const folder = new URL("../../test/fixtures/", import.meta.url);

/** The host prefixes in a filter that set the family of the whole run. */
const prefixes: Readonly<Record<string, number>> = {
  unix: AF_UNIX,
  link: AF_PACKET,
  netlink: AF_NETLINK,
  vsock: AF_VSOCK,
  inet: AF_INET,
  inet6: AF_INET6,
};

/** The selection, narrowed by host prefixes as the filter's parser does. */
function narrow(selection: Selection, words: readonly string[]): Selection {
  const named = words
    .flatMap((word) => word.split(/[ \t]+/))
    .map((word) => prefixes[/^(\w+):/.exec(word)?.[1] ?? ""])
    .findLast((family) => family !== undefined);
  return named === undefined ? selection : narrowToFamily(selection, named);
}

/** Offset of the state mask in the requests that have one. */
const STATES_OFFSET = 20;

/** Families whose requests have no state mask. */
const stateless = [AF_NETLINK, AF_PACKET, AF_XDP];

/** The protocol of a dump's requests; netlink's 255 stands for all of its protocols. */
const protocolOf = (name: DumpName) =>
  Object.hasOwn(inetTables, name) ? inetTables[name as InetTable] : name === "netlink" ? 255 : 0;

/** A request by type, family and protocol, and the mask if it has one. */
function spell(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  const key = requestKey(bytes)!;
  const [, family] = key.split("/");
  return stateless.includes(Number(family))
    ? key
    : `${key}/${bytes.readUInt32LE(STATES_OFFSET).toString(16)}`;
}

const answers = new Map<string, Map<string, Conversation[]>>();

/** Whether the fixture's recording answers a request of an inet table, rather than refusing it. */
function answered(fixture: string, family: number, protocol: number): boolean {
  const file = new URL(`${fixture}/recording.pcap`, folder);
  if (!existsSync(file)) return false;
  if (!answers.has(fixture)) {
    answers.set(fixture, diagConversations(readRecording(decodePcap(readFileSync(file), fixture))));
  }
  const conversations = answers.get(fixture)!.get(`${SOCK_DIAG_BY_FAMILY}/${family}/${protocol}`);
  const [first] = conversations?.[0]?.answer ?? [];
  if (first === undefined) return false;
  const type = Buffer.from(first).readUInt16LE(4);
  return type !== NLMSG_ERROR && (type !== NLMSG_DONE || Buffer.from(first).readInt32LE(NLMSG_HDRLEN) === 0);
}

/** Our requests in the same notation. The second family of a table only if the first is answered. */
function ours(fixture: string, selection: Selection): string[] {
  const mask = selection.states.toString(16);
  return requestOrder(selection).flatMap(({ name, families }) => {
    const protocol = protocolOf(name);
    const refused = families.length > 1 && !answered(fixture, families[0]!, protocol);
    return (refused ? families.slice(0, 1) : families).map((family) => {
      const key = `${SOCK_DIAG_BY_FAMILY}/${family}/${protocol}`;
      return stateless.includes(family) ? key : `${key}/${mask}`;
    });
  });
}

/** Whether a variable disables netlink, for one table or for all. */
const avoidsNetlink = (env: Case["env"]) =>
  Object.keys(env).some((name) =>
    /^(PROC_ROOT|TCPDIAG_FILE|PROC_NET_(TCP|UDP|RAW|UNIX|PACKET|NETLINK|MPTCP|DCCP|SCTP))$/.test(name),
  );

describe("the recorded runs of ss", () => {
  const cases = readdirSync(folder)
    .filter((fixture) => existsSync(new URL(`${fixture}/cases.json`, folder)))
    .flatMap(
      (fixture) => JSON.parse(readFileSync(new URL(`${fixture}/cases.json`, folder), "utf8")) as Case[],
    );

  test("end like ours, if they send no request", () => {
    let compared = 0;
    for (const { id, args, env, stderr, exit } of cases) {
      const { draft, words, stop } = parse({ program: "ss", args, env });
      if (draft.actions.length > 0 && !stop) continue;
      const end = stop ?? select(draft.choice, words, "ss");
      if (!("kind" in end)) continue;
      compared++;
      if (end.kind !== "error") {
        expect([id, exit, stderr]).toEqual([id, 0, ""]);
      } else if (!draft.actions.some(({ kind }) => kind === "selinux" || kind === "netns")) {
        expect([id, stderr, exit]).toEqual([
          id,
          `${end.message}\n${end.usage ? "<usage>\n" : ""}`,
          end.status,
        ]);
      }
    }
    expect(compared).toBeGreaterThanOrEqual(42);
  });

  test("send the same requests as ours", () => {
    let compared = 0;
    for (const { id, args, env, stderr, exit, requests } of cases) {
      const [fixture] = id.split("/") as [string];
      const { draft, words, stop } = parse({ program: "ss", args, env });
      const result = stop ?? select(draft.choice, words, "ss");
      if ("kind" in result || avoidsNetlink(env) || draft.events) continue;
      // A summary alone and a dump without TCP send no request; a refusal to destroy a socket ends its table.
      if (draft.summary && !draft.choice.made && words.length === 0) continue;
      if (draft.diagFile !== undefined && !result.selection.tables.has("tcp")) continue;
      if (stderr.includes("SOCK_DESTROY answers")) continue;
      // Retries of refused dumps and the destruction of sockets are not selection; neither is the probe that a
      // cgroup in the filter sends, which requests no state.
      const theirs = requests
        .map(spell)
        .filter((request) => request.startsWith(`${SOCK_DIAG_BY_FAMILY}/`))
        .filter((request) => request !== `${SOCK_DIAG_BY_FAMILY}/${AF_INET}/${inetTables.tcp}/0`);
      // A wrong filter or a failing action ends the run later.
      if (exit !== 0 && theirs.length === 0) continue;
      compared++;
      expect([id, ...ours(fixture, narrow(result.selection, result.words))]).toEqual([id, ...theirs]);
    }
    expect(compared).toBeGreaterThanOrEqual(742);
  });

  test("show the same columns as ours", () => {
    let compared = 0;
    for (const { id, args, env, stdout } of cases) {
      const { draft, words, stop } = parse({ program: "ss", args, env });
      const result = stop ?? select(draft.choice, words, "ss");
      const heading = /^(Netid +)?(State +)?(Recv-Q +Send-Q +)?Local Address:Port/.exec(stdout ?? "");
      if ("kind" in result || heading === null) continue;
      compared++;
      const { selection } = result;
      expect([id, heading[1] === undefined, heading[2] === undefined]).toEqual([
        id,
        netidHidden(selection),
        stateHidden(selection),
      ]);
    }
    expect(compared).toBeGreaterThanOrEqual(792);
  });
});
