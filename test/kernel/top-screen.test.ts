import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle, unshare } from "./namespace.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const missing = ["tmux", "pgrep"].find((program) => Bun.which(program) === null);
const skipped = obstacle ?? (missing && `${missing} is not installed`);
const title = (text: string) => (skipped === undefined ? text : `${text} (skipped: ${skipped})`);
const TIMEOUT_MS = 60_000;
/** How long something may take to come on the screen. */
const PATIENCE_MS = 20_000;
const POLL_MS = 50;

/** A shell on a terminal, in a network namespace where something is transferred. */
const socket = `sockscope-${process.pid}`;
const env = { ...process.env, LC_ALL: "C.UTF-8", TMUX: "", NO_COLOR: "" };

function tmux(...args: string[]): string {
  const { stdout } = Bun.spawnSync(["tmux", "-u", "-L", socket, ...args], { env });
  return stdout.toString();
}

const type = (...keys: string[]) => tmux("send-keys", "-t", "looker", ...keys);
const screen = () => tmux("capture-pane", "-p", "-t", "looker").split("\n").slice(0, -1);
const told = (format: string) => tmux("display-message", "-p", "-t", "looker", format).trim();

/** Waits until the screen is as it should be. @returns the screen */
async function shown(what: RegExp): Promise<string[]> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const lines = screen();
    if (what.test(lines.join("\n"))) return lines;
    if (performance.now() > end) throw new Error(`${what} is not on the screen:\n${lines.join("\n")}`);
    await Bun.sleep(POLL_MS);
  }
}

/** What transfers, in a terminal of its own. */
const transfer = `'${process.execPath}' '${join(import.meta.dirname, "transfer.ts")}' steady`;

let run = 0;
/** Runs a command line in the shell, which says how it ended. */
function start(command: string): RegExp {
  run++;
  type(`clear; ${command}; echo end ${run}: $?`, "Enter");
  return new RegExp(`^end ${run}: `, "m");
}

/** Waits for the end of what was started. @returns the exit status */
async function ended(mark: RegExp): Promise<string> {
  const line = (await shown(mark)).find((each) => mark.test(each))!;
  return line.split(" ").at(-1)!;
}

/** The process id of the program that the shell runs. */
function childPid(): number {
  return Number(
    Bun.spawnSync(["pgrep", "-P", told("#{pane_pid}")])
      .stdout.toString()
      .trim(),
  );
}

/** Expects the terminal as it was. */
async function expectRestored(): Promise<void> {
  expect(told("#{alternate_on} #{cursor_flag} #{mouse_any_flag}")).toBe("0 1 0");
  type("stty | grep -c -e -icanon -e -echo", "Enter");
  await shown(/^0$/m);
}

const READY = /Acked\/s[\s\S]*\d\.\d\dM/;

describe.skipIf(skipped !== undefined)(title("the screen of top"), () => {
  beforeAll(async () => {
    Bun.spawnSync(
      [
        ...unshare,
        "tmux",
        "-u",
        "-L",
        socket,
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-s",
        "looker",
        "-x",
        "200",
        "-y",
        "50",
        "bash --norc --noprofile",
      ],
      { env },
    );
    tmux("set-option", "-g", "status", "off");
    tmux("new-session", "-d", "-s", "load", transfer);
    type("PS1='$ '", "Enter");
    await shown(/^\$ ?$/m);
  }, TIMEOUT_MS);

  // A test that fails leaves the next one a shell, all the same.
  afterEach(async () => {
    for (let left = 40; left > 0 && told("#{alternate_on}") === "1"; left--) {
      type("C-c");
      await Bun.sleep(POLL_MS);
    }
  });

  afterAll(() => {
    tmux("kill-server");
  });

  test(
    "shows what is transferred at every size, does what keys say, and gives the terminal back",
    async () => {
      const end = start(`'${executable}' top -ta -d 0.2`);
      const wide = await shown(READY);
      expect(told("#{alternate_on} #{cursor_flag}")).toBe("1 0");
      expect(wide).toHaveLength(50);
      expect(wide[1]).toMatch(/^3 sockets +\+0 -0 +█+▓+ +█ ESTAB 2 +▓ LISTEN 1$/);
      expect(wide[3]).toMatch(/Netid State .*Recv\/s Acked\/s Both\/s▼ .*Process +Container/);
      expect(wide.filter((line) => /^ tcp +ESTAB .*\d\.\d\dM.* bun(\.exe)? \d+ /.test(line))).toHaveLength(2);

      tmux("resize-window", "-t", "looker", "-x", "100", "-y", "30");
      const middle = await shown(/ of 3 by Both\/s▼$/m);
      expect(middle).toHaveLength(30);
      expect(middle[3]).toMatch(/Netid State .*Recv\/s Acked\/s .*RTT ms Process/);
      tmux("resize-window", "-t", "looker", "-x", "60", "-y", "15");
      const small = await shown(/^Recv .*[\s\S]* of 3 by Both\/s▼$/m);
      expect(small).toHaveLength(15);
      expect(small[3]).toMatch(/^ Netid State +Peer Address:Port +Recv\/s Acked\/s$/);

      type("Right");
      await shown(/Retr\/s▼/);
      type("Left");
      type("/");
      type("-l", "sport = :abc");
      type("Enter");
      await shown(/^\/sport = :abc *\n +\^{4} expected a port/m);
      type("BSpace", "BSpace", "BSpace", "1");
      type("Enter");
      await shown(/sport = :1[\s\S]*No socket matches/);
      type("/", "C-c");
      expect(await ended(end)).toBe("130");
      await expectRestored();
    },
    TIMEOUT_MS,
  );

  test(
    "groups, tells details, helps, quits",
    async () => {
      tmux("resize-window", "-t", "looker", "-x", "120", "-y", "40");
      const end = start(`'${executable}' top -t -d 0.2`);
      await shown(READY);
      type("s");
      await shown(/^ Group[\s\S]*^ ESTAB +2 /m);
      type("Down", "Enter");
      await shown(/\| state ESTAB[\s\S]*^ tcp +ESTAB /m);
      type("Down", "Enter");
      const details = await shown(/^Process[\s\S]*address family/m);
      expect(details.join("\n")).toMatch(/^ +bun(\.exe)? \d+ {2}name and id of the process/m);
      type("]", "]", "]", "]", "]", "]", "]", "]");
      await shown(/\d us {2}retransmission timeout/);
      // A key right behind Escape would be one with Alt.
      type("Escape");
      await shown(/^(?![\s\S]*retransmission timeout)/);
      type("?");
      await shown(/Keys \(any key: back\)[\s\S]*SOCK_DESTROY/);
      type("x", "q");
      expect(await ended(end)).toBe("0");
      await expectRestored();
    },
    TIMEOUT_MS,
  );

  test(
    "comes back after Ctrl-Z and fg, also after SIGTSTP",
    async () => {
      tmux("resize-window", "-t", "looker", "-x", "120", "-y", "40");
      // What follows a stopped program on its line is lost.
      type(`clear; '${executable}' top -t -d 0.2`, "Enter");
      await shown(READY);
      for (const stop of [() => type("C-z"), () => process.kill(childPid(), "SIGTSTP")]) {
        stop();
        await shown(/Stopped/);
        expect(told("#{alternate_on} #{mouse_any_flag}")).toBe("0 0");
        type("clear; fg", "Enter");
        await shown(READY);
        expect(told("#{alternate_on} #{mouse_any_flag}")).toBe("1 1");
      }
      type("s");
      await shown(/^ Group/m);
      type("q");
      await shown(/^\$ ?$/m);
      await expectRestored();
    },
    TIMEOUT_MS,
  );

  test(
    "chooses rows by a plain text, and by the mouse",
    async () => {
      const end = start(`'${executable}' top -ta -d 0.2`);
      await shown(READY);
      type("/");
      type("-l", "no such text");
      await shown(/No socket matches[\s\S]*rows with this text/);
      type("C-u");
      type("-l", "listening");
      type("C-w");
      type("-l", "bun");
      type("Enter");
      await shown(/\| \/bun[\s\S]*^ tcp[\s\S]* of 3/m);
      const heading = (await shown(/^ Netid State/m))[3]!;
      const click = (column: number, line: number) =>
        type("-H", ...Array.from(`\x1b[<0;${column};${line}M`, (each) => each.charCodeAt(0).toString(16)));
      click(heading.indexOf("State") + 1, 4);
      await shown(/State▲/);
      click(3, 7);
      await shown(/^>tcp +LISTEN/m);
      click(3, 7);
      await shown(/^Process/m);
      type("q");
      expect(await ended(end)).toBe("0");
    },
    TIMEOUT_MS,
  );

  test(
    "closes a connection when it was asked for twice",
    async () => {
      tmux("new-session", "-d", "-s", "victim", transfer);
      const end = start(`'${executable}' top -t -d 0.2`);
      await shown(/^4 sockets/m);
      type("Down", "k");
      await shown(/^y\/n\? Close tcp /m);
      type("y");
      await shown(/^Sure\? Y \(capital\)/m);
      type("n");
      await shown(/Nothing was done/);
      type("k", "y", "Y");
      await shown(/^Closed tcp /m);
      await shown(/^2 sockets/m);
      type("q");
      expect(await ended(end)).toBe("0");
    },
    TIMEOUT_MS,
  );

  test(
    "gives the terminal back when it is killed, and has no colour with NO_COLOR",
    async () => {
      const end = start(`NO_COLOR=1 '${executable}' top -ta -d 0.2`);
      await shown(READY);
      const coloured = tmux("capture-pane", "-e", "-p", "-t", "looker");
      expect(coloured).toContain("\x1b[7m");
      expect(coloured).not.toMatch(/\x1b\[[0-9;]*3[0-7]m/);
      process.kill(childPid(), "SIGTERM");
      expect(await ended(end)).toBe("143");
      await expectRestored();
    },
    TIMEOUT_MS,
  );

  test(
    "loads nothing from the working directory, not even when DEV asks for Ink's debugger",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "sockscope-top-"));
      const module = join(folder, "node_modules/react-devtools-core");
      mkdirSync(module, { recursive: true });
      writeFileSync(join(module, "package.json"), '{"name":"react-devtools-core","main":"index.js"}');
      const loaded = join(folder, "loaded");
      writeFileSync(join(module, "index.js"), `require("node:fs").writeFileSync("${loaded}", "")`);
      const end = start(`cd '${folder}'; DEV=true '${executable}' top -t -d 0.2`);
      await shown(READY);
      type("q");
      expect(await ended(end)).toBe("0");
      expect(existsSync(loaded)).toBe(false);
      type("cd /", "Enter");
      rmSync(folder, { recursive: true });
    },
    TIMEOUT_MS,
  );

  test(
    "is refused in one line where there can be none",
    async () => {
      const dumb = start(`TERM=dumb '${executable}' top`);
      expect(await ended(dumb)).toBe("1");
      expect(screen().join("\n")).toMatch(
        /^sockscope: top: the terminal \(TERM=dumb\) cannot show a screen: use --batch or --json$/m,
      );
      const piped = start(`'${executable}' top | cat; exit=\${PIPESTATUS[0]}; (exit $exit)`);
      expect(await ended(piped)).toBe("1");
      expect(screen().join("\n")).toMatch(/^sockscope: top: it needs a terminal: use --batch or --json$/m);
    },
    TIMEOUT_MS,
  );
});
