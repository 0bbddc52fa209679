/** The script in a real fish: `complete -C` prints what it would offer. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fishCompletion } from "./fish.ts";
import { commandOptions, hasValue, optionNames, SS, valueWords } from "./options.ts";
import {
  CONGESTION_CONTROLS,
  commandNames,
  predicateWords,
  stateKeywords,
  stateNames,
} from "./vocabulary.ts";

const missing = Bun.which("fish") === null;
const why = missing ? " (skipped: fish is not installed)" : "";

let folder: string;
let script: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sockscope-fish-"));
  mkdirSync(join(folder, "folder one"));
  writeFileSync(join(folder, "file two"), "");
  script = join(folder, "sockscope.fish");
  writeFileSync(script, fishCompletion("sockscope"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fish(...args: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["fish", "--no-config", ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder },
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

/** What fish offers at the end of a line, without descriptions. */
function complete(line: string): string[] {
  const { stdout, stderr } = fish("-c", "source $argv[1]; complete -C $argv[2]", script, line);
  expect(stderr).toBe("");
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((offer) => offer.replace(/\t.*/, ""))
    .sort();
}

test.skipIf(missing)(`its syntax is valid${why}`, () => {
  expect(fish("-n", script)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

const predicates = predicateWords.map(([word]) => word);

const congestionControls = readFileSync(CONGESTION_CONTROLS, "utf8").trim().split(" ");

const situations: [line: string, offered: readonly string[]][] = [
  ["sockscope --kill", ["--kill", "--kill-all"]],
  ["sockscope -f in", ["inet", "inet6"]],
  ["sockscope --family=in", ["--family=inet", "--family=inet6"]],
  ["sockscope -A tcp,ud", ["tcp,udp"]],
  ["sockscope -tAtcp,ud", ["-tAtcp,udp"]],
  ["sockscope --socket=tcp,!mp", ["--socket=tcp,!mptcp"]],
  ["sockscope --sort=local,-tcpInfo.rttU", ["--sort=local,-tcpInfo.rttUs"]],
  ["sockscope -F fi", ["file two"]],
  ["sockscope --record f", ["folder one/"]],
  ["sockscope --completions ", ["bash", "fish", "zsh"]],
  ["sockscope state ", stateNames.toSorted()],
  ["sockscope -tnN x state listening exclude cl", ["close-wait", "closing"]],
  ["sockscope -t --family inet ", [...predicates, ...stateKeywords, "not"].sort()],
  ["sockscope sport = 22 ", [...predicates, "and", "not", "or"].sort()],
  ["sockscope sport -n = 22 or ", [...predicates, "not"].sort()],
  ["sockscope fwmark ", ["!=", "="]],
  ["sockscope dst = li", ["link:"]],
  ["sockscope dev = ", readdirSync("/sys/class/net").sort()],
  ["sockscope rtt = 5ms and ret", ["retrans", "retrans_total"]],
  ["sockscope retrans = 5", []],
  ["sockscope timer != t", ["t3-rtx", "timewait"]],
  ["sockscope user roo", ["root"]],
  ["sockscope --help ", ["filter"]],
  ["sockscope --columns netid,rttv", ["netid,rttvar", "netid,rttvarUs"]],
  ["sockscope --sort=-coun", ["--sort=-count"]],
  ["sockscope ", [...predicates, ...stateKeywords, ...commandNames, "not"].sort()],
  ["sockscope to", ["top", "tos"]],
  ["sockscope -t to", ["tos"]],
  ["sockscope top to", ["tos"]],
  ["sockscope --help to", []],
  ["sockscope top ", [...predicates, ...stateKeywords, "not"].sort()],
  ["sockscope -dnfin", ["-dnfinet", "-dnfinet6"]],
  ["sockscope -dnf in", ["inet", "inet6"]],
  ["sockscope top --de", ["--delay"]],
  ["sockscope top --he", ["--help"]],
  ["sockscope top --help ", []],
  ["sockscope top -d ", []],
  ["sockscope -d autob", ["autobound"]],
  ["sockscope top -bn ", []],
  ["sockscope top -n 5 ", [...predicates, ...stateKeywords, "not"].sort()],
  ["sockscope -n top ", [...predicates, "and", "not", "or"].sort()],
  ["sockscope top -b state li", ["listening"]],
  ["sockscope top -d 2 sport = 22 ", [...predicates, "and", "not", "or"].sort()],
  ["sockscope top --by p", ["peer", "port", "process", "program"]],
  ["sockscope top --sort=-ra", ["--sort=-rate"]],
  ["sockscope top --columns=net", []],
  ["sockscope top -bfin", ["-bfinet", "-bfinet6"]],
  ["sockscope top -bAtcp,ud", ["-bAtcp,udp"]],
  ["sockscope top -F fi", ["file two"]],
  ["sockscope top comm = 'a b' or autob", ["autobound"]],
  ["sockscope top '(' autob", ["autobound"]],
  ["sockscope cong ", ["!=", "=", ...congestionControls].sort()],
];

test.skipIf(missing)(`processes by name and by id${why}`, async () => {
  const program = join(folder, "sockscope-fish");
  symlinkSync("/bin/sleep", program);
  await using owner = Bun.spawn([program, "60"]);
  expect(complete("sockscope comm = sockscope-f")).toEqual(["sockscope-fish"]);
  expect(complete(`sockscope pid ${owner.pid}`)).toContain(`${owner.pid}`);
});

test.skipIf(missing).each(situations)(`%s<TAB>${why}`, (line, offered) => {
  expect(complete(line)).toEqual([...offered]);
});

test.skipIf(missing)(`every option of a command is offered, and every word of its own options${why}`, () => {
  for (const { command, own, taken } of commandOptions) {
    const line = command === SS ? "sockscope" : `sockscope ${command}`;
    expect(complete(`${line} -`)).toEqual([...own, ...taken].flatMap(optionNames).sort());
    if (command === SS) continue;
    for (const option of own.filter(hasValue).filter(({ value }) => value.kind === "word"))
      for (const name of optionNames(option))
        expect(complete(`${line} ${name} `)).toEqual(valueWords(option.value).toSorted());
  }
});
