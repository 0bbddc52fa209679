/** Runs the script in a real bash, with the words and the cursor position that readline would pass. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
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
import { timerNames } from "../../families/inet/timer-names.ts";
import { cgroup2Mount, walkCgroups } from "../../host/live.ts";
import { bashCompletion } from "./bash.ts";
import { commandOptions, hasValue, optionNames, SS, valueWords } from "./options.ts";
import {
  CONGESTION_CONTROLS,
  commandNames,
  predicateWords,
  stateKeywords,
  stateNames,
} from "./vocabulary.ts";

const missing = Bun.which("bash") === null;
const why = missing ? " (skipped: bash is not installed)" : "";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sockscope-bash-"));
  mkdirSync(join(folder, "folder one"));
  writeFileSync(join(folder, "file two"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The words that bash makes of a line: it also cuts before and after each run of `=` and `:`. */
function cut(line: string, breaks: string): string[] {
  const words = line
    .split(/ +/)
    .flatMap((word) => word.match(new RegExp(`[${breaks}]+|[^${breaks}]+`, "g")) ?? []);
  return line.endsWith(" ") ? [...words, ""] : words;
}

/** What bash would put in the place of the last word (as it cuts words), in any order. */
function complete(line: string, breaks = "=:", script = bashCompletion("sockscope")): string[] {
  const words = cut(line, breaks);
  const commands = [
    script,
    `COMP_WORDBREAKS=${quote(` \t\n"'><;|&(${breaks}`)}`,
    `COMP_LINE=${quote(line)} COMP_POINT=${line.length} COMP_CWORD=${words.length - 1}`,
    `COMP_WORDS=(${words.map(quote).join(" ")})`,
    `_sockscope && ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"`,
  ];
  const { stdout, stderr } = Bun.spawnSync(["bash", "--norc", "--noprofile", "-s"], {
    cwd: folder,
    stdin: new TextEncoder().encode(commands.join("\n")),
    env: { PATH: process.env["PATH"] ?? "" },
  });
  expect(stderr.toString()).toBe("");
  return [...new Set(stdout.toString().split("\n").slice(0, -1))].sort();
}

const predicates = predicateWords.map(([word]) => word);
const start = [...predicates, ...stateKeywords, "not"].sort();
const later = [...predicates, "and", "not", "or"].sort();
const afterOperator = [...predicates, "not"].sort();
const relations = ["!=", "=", "ge", "gt", "le", "lt"];

const first = [...start, ...commandNames].sort();

const situations: [line: string, offered: readonly string[]][] = [
  ["sockscope --kil", ["--kill", "--kill-all"]],
  ["sockscope -t --no", ["--no-header", "--no-queues"]],
  ["sockscope -f in", ["inet", "inet6"]],
  ["sockscope --family in", ["inet", "inet6"]],
  ["sockscope --family=in", ["inet", "inet6"]],
  ["sockscope --family=", ["inet", "inet6", "link", "netlink", "tipc", "unix", "vsock", "xdp"]],
  ["sockscope -tnfin", ["-tnfinet", "-tnfinet6"]],
  ["sockscope --tcp=x", []],
  ["sockscope --bpf-map-id ", []],
  ["sockscope -A tcp,ud", ["tcp,udp"]],
  ["sockscope --query=tcp,ud", ["tcp,udp"]],
  ["sockscope -A !mp", ["!mptcp"]],
  ["sockscope -A '!mp", ["!mptcp"]],
  ["sockscope -tA all,\\!mp", ["all,\\!mptcp"]],
  ["sockscope --sort local,-tcpInfo.rttU", ["local,-tcpInfo.rttUs"]],
  ["sockscope -F f", ["file two", "folder one"]],
  ["sockscope --filter=f", ["file two", "folder one"]],
  ["sockscope --record f", ["folder one"]],
  ["sockscope --completions ", ["bash", "fish", "zsh"]],
  ["sockscope state ", stateNames.toSorted()],
  ["sockscope -ta exclude syn-", ["syn-recv", "syn-sent"]],
  ["sockscope state listening exclude cl", ["close-wait", "closing"]],
  ["sockscope ", first],
  ["sockscope -tan state listening ", start],
  ["sockscope -f inet -tnN x ", start],
  ["sockscope --family=inet --net=x ", start],
  ["sockscope -- ", start],
  ["sockscope sport = 22 ", later],
  ["sockscope autobound ", later],
  ["sockscope sport = 22 and ", afterOperator],
  ["sockscope sport -n = 22 or ", afterOperator],
  ["sockscope \\( x ", later],
  ["sockscope '(' ", afterOperator],
  ["sockscope fwmark ", ["!=", "="]],
  ["sockscope fwmark = ", []],
  ["sockscope dst inet", ["inet6:", "inet:"]],
  ["sockscope dst = li", ["link:"]],
  ["sockscope rtt ", relations],
  ["sockscope rtt = 5ms and ret", ["retrans", "retrans_total"]],
  ["sockscope -t retrans ge ", []],
  ["sockscope timer ", ["!=", "=", ...timerNames].sort()],
  ["sockscope timer = t", ["t3-rtx", "timewait"]],
  ["sockscope user ro", ["root"]],
  ["sockscope --help ", ["filter"]],
  ["sockscope -h fi", ["filter"]],
  ["sockscope --help filter ", []],
  ["sockscope --columns netid,rttv", ["netid,rttvar", "netid,rttvarUs"]],
  ["sockscope --columns hel", ["help"]],
  ["sockscope --sort -cou", ["-count"]],
  ["sockscope --by com", ["comm", "completionRing.entries"]],
  ["sockscope to", ["top", "tos"]],
  ["sockscope -t to", ["tos"]],
  ["sockscope top to", ["tos"]],
  ["sockscope --help to", []],
  ["sockscope top ", start],
  ["sockscope top --de", ["--delay"]],
  ["sockscope top --he", ["--help"]],
  ["sockscope top --help ", []],
  ["sockscope top -d ", []],
  ["sockscope -d ", start],
  ["sockscope top -bn ", []],
  ["sockscope top -n 5 ", start],
  ["sockscope -n top ", later],
  ["sockscope top -b state li", ["listening"]],
  ["sockscope top -d 2 sport = 22 ", later],
  ["sockscope top --by p", ["peer", "port", "process", "program"]],
  ["sockscope top --sort=ra", ["rate"]],
  ["sockscope top --sort -ra", ["-rate"]],
  ["sockscope top --columns=net", []],
  ["sockscope top -bf in", ["inet", "inet6"]],
  ["sockscope top -A tcp,ud", ["tcp,udp"]],
  ["sockscope top --filter=f", ["file two", "folder one"]],
];

test.skipIf(missing).each(situations)(`%s<TAB>${why}`, (line, offered) => {
  expect(complete(line)).toEqual([...offered]);
});

test.skipIf(missing)(`every option is offered${why}`, () => {
  for (const { command, own, taken } of commandOptions) {
    const names = [...own, ...taken].flatMap(optionNames);
    expect(complete(command === SS ? "sockscope -" : `sockscope ${command} -`)).toEqual(names.sort());
  }
});

test.skipIf(missing)(`every possible word of a command's options is offered${why}`, () => {
  for (const { command, own } of commandOptions.slice(1)) {
    for (const option of own.filter(hasValue).filter(({ value }) => value.kind === "word"))
      for (const name of optionNames(option))
        expect(complete(`sockscope ${command} ${name} `)).toEqual(valueWords(option.value).toSorted());
  }
});

test.skipIf(missing)(`text after the cursor is kept${why}`, () => {
  const commands = `${bashCompletion("sockscope")}
    COMP_LINE='sockscope state est -n' COMP_POINT=18 COMP_CWORD=2 COMP_WORDS=(sockscope state est -n)
    _sockscope && echo "\${COMPREPLY[@]}"`;
  expect(Bun.spawnSync(["bash", "--norc", "-c", commands]).stdout.toString()).toBe("established\n");
});

test.skipIf(missing)(`interfaces${why}`, () => {
  const names = readdirSync("/sys/class/net");
  expect(complete("sockscope dev = ")).toEqual(names.toSorted());
  expect(complete("sockscope dev ")).toEqual(["!=", "=", ...names].sort());
});

test.skipIf(missing)(`services, alone and after a colon, for any COMP_WORDBREAKS${why}`, () => {
  const text = existsSync("/etc/services") ? readFileSync("/etc/services", "utf8") : "";
  const all = [...new Set(Array.from(text.matchAll(/^[a-z0-9]\S*/gim), ([name]) => name))];
  const names = all.filter((name) => name.startsWith("ss")).sort();
  expect(complete("sockscope sport ss")).toEqual(names);
  expect(complete("sockscope sport = :ss")).toEqual(names);
  expect(complete("sockscope sport = :ss", "=")).toEqual(names.map((name) => `:${name}`));
  expect(complete("sockscope dport '>' ss")).toEqual(names);
  expect(complete("sockscope dst 10.0.0.1:ss")).toEqual(names);
  expect(complete("sockscope dport = :")).toEqual(all.toSorted());
  expect(complete("sockscope sport ")).toEqual([...all, ...relations].sort());
});

test.skipIf(missing)(`processes by name and id, except names that the shell would split${why}`, () => {
  const names = ["bash-scope-a", "bash-scope-b$(x)"];
  const running = names.map((name) => {
    const program = join(folder, name);
    symlinkSync("/bin/sleep", program);
    return Bun.spawn([program, "60"]);
  });
  try {
    expect(complete("sockscope comm bash-scope-")).toEqual(["bash-scope-a"]);
    expect(complete("sockscope -t rtt = 1ms and comm != bash-scope-")).toEqual(["bash-scope-a"]);
    expect(complete(`sockscope pid ${running[0]!.pid}`)).toContain(`${running[0]!.pid}`);
    expect(complete("sockscope comm ")).not.toContain("kthreadd");
  } finally {
    for (const process of running) process.kill();
  }
});

test.skipIf(missing)(`congestion controls of this kernel${why}`, () => {
  const text = readFileSync(CONGESTION_CONTROLS, "utf8");
  expect(complete("sockscope cong = ")).toEqual(text.trim().split(" ").sort());
});

test.skipIf(missing)(`control groups, one level at a time${why}`, () => {
  const mount = cgroup2Mount(readFileSync("/proc/mounts", "utf8"));
  const paths = mount === undefined ? [] : Array.from(walkCgroups(mount), ([, path]) => path);
  expect(complete("sockscope cgroup /")).toEqual(paths.filter((path) => /^\/[^/]+$/.test(path)).sort());
  for (const path of paths.slice(1, 3)) {
    const below = paths.filter(
      (other) => other.startsWith(`${path}/`) && !other.slice(path.length + 1).includes("/"),
    );
    expect(complete(`sockscope cgroup ${path}/`)).toEqual(below.sort());
  }
});

test.skipIf(missing)(`names of control groups that a shell would run are left out${why}`, () => {
  const mount = join(folder, "cgroup");
  for (const name of ["web.service", "$(touch ran)", "`touch ran`", "a;touch ran", "machine-a\\x2db.scope"])
    mkdirSync(join(mount, name), { recursive: true });
  const mounts = join(folder, "mounts");
  writeFileSync(mounts, `none ${mount} cgroup2 rw 0 0\n`);
  const script = bashCompletion("sockscope").replaceAll("/proc/mounts", quote(mounts));
  expect(complete("sockscope cgroup /", "=:", script)).toEqual(["/machine-a\\\\x2db.scope", "/web.service"]);
});
