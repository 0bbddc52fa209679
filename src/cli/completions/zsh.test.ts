/** The script in a real zsh on a terminal of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandNames } from "./vocabulary.ts";
import { zshCompletion } from "./zsh.ts";

const missing = Bun.which("zsh") === null;
const why = missing ? " (skipped: zsh is not installed)" : "";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sockscope-zsh-"));
  writeFileSync(join(folder, "_sockscope"), zshCompletion("sockscope"));
  writeFileSync(join(folder, "file two"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(missing)(`its syntax is valid${why}`, () => {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["zsh", "-n", join(folder, "_sockscope")]);
  expect({ out: stdout.toString(), error: stderr.toString(), exitCode }).toEqual({
    out: "",
    error: "",
    exitCode: 0,
  });
});

/** The ways to load the script, and the zsh commands for each. */
const ways = {
  "found in fpath": "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D",
  sourced: "autoload -Uz compinit; compinit -u -D; source ./_sockscope",
};

/** What is typed, a tab at the end included, and the arguments that the program then gets. */
const typed: [keys: string, args: string][] = [
  ["--fam\tuni\t", "<--family=unix>"],
  ["-A tcp,ud\t", "<-A><tcp,udp>"],
  ["-tA tcp,\\!mpt\t", "<-tA><tcp,!mptcp>"],
  ["--sort=local,-tcpInfo.rttU\t", "<--sort=local,-tcpInfo.rttUs>"],
  ["-F fil\t", "<-F><file two>"],
  ["-t state estab\t", "<-t><state><established>"],
  ["state listening exclude last\t", "<state><listening><exclude><last-ack>"],
  ["-n dev = l\t", "<-n><dev><=><lo>"],
  ["dev !\tlo", "<dev><!=><lo>"],
  ["sport -n ge 5 or dp\t", "<sport><-n><ge><5><or><dport>"],
  ["\\( autob\t", "<(><autobound>"],
  ["--columns netid,rtt\t", "<--columns><netid,rtt>"],
  ["--sort -coun\t", "<--sort><-count>"],
  ["rtt ge 5ms and retrans_t\t", "<rtt><ge><5ms><and><retrans_total>"],
  ["timer = keep\t", "<timer><=><keepalive>"],
  ["user roo\t", "<user><root>"],
  ["comm sockscope-z\t", "<comm><sockscope-zsh>"],
  ["--help fil\t", "<--help><filter>"],
  ...commandNames.map((word): [string, string] => [`${word}\t--he\t`, `<${word}><--help>`]),
  ["-t top\tx", "<-t><topx>"],
  ["top top\tx", "<top><topx>"],
  ["top --del\t3", "<top><--delay=3>"],
  ["--del\t3", "<--del3>"],
  ["top -bn 5 state estab\t", "<top><-bn><5><state><established>"],
  ["top -d 5 state listening autob\t", "<top><-d><5><state><listening><autobound>"],
  ["top -d\t5", "<top><-d5>"],
  ["top -n 2 sport ge 5 or dp\t", "<top><-n><2><sport><ge><5><or><dport>"],
  ["top --by proc\t", "<top><--by><process>"],
  ["top --by=cont\t", "<top><--by=container>"],
  ["top --sort rat\t", "<top><--sort><rate>"],
  ["top --sort -rat\t", "<top><--sort><-rate>"],
  ["top --num\tx", "<top><--numx>"],
  ["top --dcc\tautob\t", "<top><--dccp><autobound>"],
  ["top -F fil\t", "<top><-F><file two>"],
];

/** A command line's end, in which what the program gets is not what was typed. */
const DONE = "'<'done'>'";

test.skipIf(missing).each(Object.entries(ways))(
  `it completes what is typed, %s${why}`,
  async (_, setup) => {
    let screen = "";
    let wake = () => {};
    const child = Bun.spawn(["zsh", "-f", "-i"], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, TERM: "dumb", PS1: "$ " },
      terminal: {
        cols: 200,
        rows: 50,
        data: (_terminal, bytes) => {
          screen += new TextDecoder().decode(bytes);
          wake();
        },
      },
    });
    /** Types a line and gives what the terminal shows until it is done. */
    const type = async (line: string): Promise<string> => {
      screen = "";
      child.terminal!.write(`${line}; print -r -- ${DONE}\n`);
      while (!screen.includes("<done>"))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return screen;
    };
    const program = join(folder, "sockscope-zsh");
    if (!existsSync(program)) symlinkSync("/bin/sleep", program);
    await using _owner = Bun.spawn([program, "60"]);
    await type(`${setup}; sockscope() { printf '<%s>' "$@"; }`);
    for (const [keys, args] of typed) expect(await type(`sockscope ${keys}`)).toContain(`${args}<done>`);
    child.kill("SIGKILL");
    await child.exited;
    child.terminal!.close();
  },
  30_000,
);
