/** Runs `events` in namespaces of their own and reads what it prints. */
import { join } from "node:path";
import { obstacle, unshare } from "./namespace.ts";

/** The executable under test. */
export const executable = join(import.meta.dirname, "../../dist/sockscope");
/** The script of sockets. */
export const scripts = join(import.meta.dirname, "events-script.ts");
/** Whether the tests run as root. */
export const root = process.getuid?.() === 0;
/** How long to wait for something before it counts as missing. */
export const PATIENCE_MS = 20_000;

/** Namespaces to follow sockets in. */
export interface World extends AsyncDisposable {
  /** The process that holds them. */
  readonly pid: number;
  /** A command line that runs a command in it. */
  within(...command: string[]): string[];
}

/** Makes namespaces whose network is up; with root, tracefs is mounted there. */
export async function makeWorld(): Promise<World> {
  const script = join(import.meta.dirname, "events-world.ts");
  const owner = Bun.spawn([...unshare.slice(0, -1), "--mount", "--", process.execPath, script], {
    stdin: "pipe",
    stderr: "inherit",
  });
  const { value } = await owner.stdout.getReader().read();
  if (value === undefined) throw new Error("No world");
  const user = root ? [] : ["--user", "--preserve-credentials"];
  const enter = ["nsenter", "--target", `${owner.pid}`, ...user, "--net", "--mount", "--"];
  return {
    pid: owner.pid,
    within: (...command) => [...enter, ...command],
    async [Symbol.asyncDispose]() {
      owner.stdin.end();
      await owner.exited;
    },
  };
}

/** A line of `events`. */
export interface Line {
  readonly event: string;
  readonly netid: string;
  readonly old: string;
  readonly state: string;
  readonly source: string;
  readonly local: string;
  readonly peer: string;
  readonly process: string;
  readonly details: string;
}

/** Parses a line of text. */
export function lineOf(text: string): Line {
  const [, event, netid, old, state, source, local, peer, process, ...details] = text.split(/ +/) as string[];
  return {
    event: event!,
    netid: netid!,
    old: old!,
    state: state!,
    source: source!,
    local: local!,
    peer: peer!,
    process: process ?? "",
    details: details.join(" "),
  };
}

/** Waits until a condition holds. @param what describes what did not happen, for the error */
export async function until(condition: () => boolean, what: () => string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Timed out: ${what()}`);
    await Bun.sleep(10);
  }
}

/** Starts a program that prints lines until it is ended. */
export function follow(command: readonly string[]) {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" });
  const { stdout, stderr, exited, pid } = child;
  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of stdout) text += decoder.decode(bytes, { stream: true });
  })();
  const lines = () => text.split("\n").slice(0, -1);
  return {
    pid,
    kill,
    lines,
    events: () => lines().slice(1).map(lineOf),
    /** Waits for the first line: what happens from then on is seen. */
    ready: () =>
      until(
        () => lines().length > 0,
        () => "the heading",
      ),
    /** Waits until the events are as they should be. */
    see: (condition: (events: readonly Line[]) => boolean) =>
      until(
        () => condition(lines().slice(1).map(lineOf)),
        () => text,
      ),
    async end(signal: NodeJS.Signals = "SIGINT") {
      kill(signal);
      const status = await exited;
      await reading;
      return { status, complaints: await new Response(stderr).text() };
    },
    async ended() {
      const status = await exited;
      await reading;
      return status;
    },
  };
}

/** Runs a script of sockets. @returns what it made */
export function play<Made>(world: World, ...args: string[]): Made & { readonly pid: number } {
  const { stdout, stderr, exitCode } = Bun.spawnSync(world.within(process.execPath, scripts, ...args));
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

/** The port of an address and port. */
export const portOf = (end: string) => Number(end.slice(end.lastIndexOf(":") + 1));

/** The title of tests that may be skipped. */
export const title = (what: string, why: string | undefined) =>
  why === undefined ? what : `${what} (skipped: ${why})`;
/** Why tests of the trace are skipped; undefined if they are not. */
export const tracing = root ? obstacle : "needs root";
