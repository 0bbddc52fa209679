/**
 * Records the corpus of netstat: a /proc tree of the sockets that test/kernel/habits-script.ts makes, a tree with odd
 * values, and what the installed netstat prints of each. Must run as root. The installed netstat reads a recorded tree
 * because it is mounted over /proc, in a mount namespace of its own.
 *
 * Usage: bun scripts/record-netstat.ts [--keep-live]
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeHabitWorld } from "../test/kernel/habits-world.ts";
import { corpusFolder, corpusLines, corpusTrees } from "../test/kernel/netstat-corpus.ts";

const netFiles = ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "unix"];

/** The tree of a world, without paths of the machine that it was recorded on. */
async function recordLive(tree: string): Promise<void> {
  await using world = await makeHabitWorld();
  const run = (script: string) => world.run(["sh", "-c", script]).stdout;
  const clean = (text: string) =>
    text
      .replaceAll(world.folder, "/srv")
      .replaceAll(process.execPath, "/usr/bin/bun")
      .replace(/\S*habits-script\.ts/, "/srv/first.ts");
  mkdirSync(join(tree, "net"), { recursive: true });
  for (const name of netFiles)
    writeFileSync(join(tree, "net", name), clean(run(`cat /proc/net/${name}`)), "latin1");
  for (const pid of run("ls /proc")
    .split("\n")
    .filter((name) => /^\d+$/.test(name))) {
    const links = run(`for fd in /proc/${pid}/fd/*; do echo "$fd $(readlink $fd)"; done`).split("\n");
    const sockets = links
      .map((line) => /\/(\d+) (socket:\[\d+\])$/.exec(line))
      .filter((match) => match !== null);
    if (sockets.length === 0) continue;
    mkdirSync(join(tree, pid, "fd"), { recursive: true });
    writeFileSync(join(tree, pid, "cmdline"), clean(run(`cat /proc/${pid}/cmdline`)), "latin1");
    for (const [, fd, target] of sockets) symlinkSync(target!, join(tree, pid, "fd", fd!));
  }
}

/** What the installed netstat prints of a tree. */
function expected(tree: string) {
  return corpusLines.map((line) => {
    const words = line.split(" ").filter(Boolean);
    const script = 'mount --bind "$1" /proc && shift && exec netstat "$@"';
    const { stdout, stderr, exitCode } = Bun.spawnSync(
      ["unshare", "--mount", "sh", "-c", script, "sh", tree, ...words],
      {
        stderr: "pipe",
        env: { PATH: process.env["PATH"]!, LC_ALL: "C.UTF-8" },
      },
    );
    return { line, stdout: stdout.toString("latin1"), stderr: stderr.toString("latin1"), exit: exitCode };
  });
}

const [live, ...made] = corpusTrees;
if (process.argv[2] !== "--keep-live") {
  rmSync(join(corpusFolder, live!), { recursive: true, force: true });
  await recordLive(join(corpusFolder, live!));
}
for (const tree of [live!, ...made]) {
  const folder = join(corpusFolder, tree);
  writeFileSync(`${folder}.json`, `${JSON.stringify(expected(folder), undefined, 1)}\n`);
  console.log(tree, readFileSync(`${folder}.json`).length);
}
