/** `--on`: runs commands when findings appear. */
const encoder = new TextEncoder();

/** A command, and the rules whose findings it is run for. */
export interface Hook {
  /** Ids of rules; empty for all. */
  readonly rules: readonly string[];
  readonly argv: readonly [string, ...string[]];
}

/** What hooks work with. */
export interface HookOptions {
  readonly hooks: readonly Hook[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  /** Milliseconds, by a clock that never goes back. */
  readonly now: () => number;
  /** How long a command may run before it is killed, in milliseconds; default 30 seconds. */
  readonly longestMs?: number;
}

/** The default of {@link HookOptions.longestMs}. */
const LONGEST_MS = 30_000;
/** Commands that run at one time. */
const AT_ONCE = 4;
/** Commands that are started in a minute; further findings wait. */
const EACH_MINUTE = 30;
const MINUTE_MS = 60_000;
/** Findings that wait at most; the others are dropped, which is said. */
const WAITING = 100;

interface Waiting {
  readonly argv: readonly [string, ...string[]];
  readonly input: string;
}

/** Runs the commands of `--on`, a few at a time. No shell reads anything of a finding. */
export class Hooks implements Disposable {
  readonly #options: HookOptions;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<ReturnType<typeof Bun.spawn>>();
  #started: number[] = [];
  #dropped = 0;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Whether a command is run for a rule. */
  has(rule: string): boolean {
    return this.#options.hooks.some(({ rules }) => rules.length === 0 || rules.includes(rule));
  }

  /** Whether a command runs: its end comes through the event loop. */
  get isRunning(): boolean {
    return this.#running.size > 0;
  }

  /** Runs the commands for a finding, or lets them wait. @param input what they read, as one line of JSON */
  appeared(rule: string, input: string): void {
    for (const { rules, argv } of this.#options.hooks) {
      if (rules.length > 0 && !rules.includes(rule)) continue;
      if (this.#waiting.length >= WAITING) this.#dropped++;
      else this.#waiting.push({ argv, input });
    }
    this.startDue();
  }

  /** Starts the commands that may run now. To be called now and then. */
  startDue(): void {
    const now = this.#options.now();
    this.#started = this.#started.filter((at) => at > now - MINUTE_MS);
    while (this.#running.size < AT_ONCE && this.#started.length < EACH_MINUTE) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#started.push(now);
      this.#start(next);
    }
    if (this.#dropped > 0 && this.#waiting.length < WAITING) {
      this.#options.say(
        `--on: ${this.#dropped} findings were dropped: they come faster than commands may run`,
      );
      this.#dropped = 0;
    }
  }

  /** Waits until every command has ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(Array.from(this.#running, ({ exited }) => exited));
  }

  /** Kills what still runs. */
  [Symbol.dispose](): void {
    for (const child of this.#running) this.#kill(child);
  }

  #start({ argv, input }: Waiting): void {
    const { say, env, longestMs = LONGEST_MS } = this.#options;
    try {
      const child = Bun.spawn([...argv], {
        stdin: encoder.encode(input),
        stdout: "ignore",
        stderr: "inherit",
        env,
        cwd: "/",
        // A group of its own, so that what a script starts ends with it.
        detached: true,
      });
      this.#running.add(child);
      const timer = setTimeout(() => {
        say(`--on: ${argv[0]} is killed: it has run for ${longestMs / 1000} seconds`);
        this.#kill(child);
      }, longestMs);
      child.exited.then((status) => {
        clearTimeout(timer);
        this.#running.delete(child);
        if (status !== 0 && child.signalCode === null) say(`--on: ${argv[0]} exited with status ${status}`);
        this.startDue();
      });
    } catch (error) {
      say(`--on: cannot run ${argv[0]}: ${(error as Error).message}`);
    }
  }

  #kill(child: ReturnType<typeof Bun.spawn>): void {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      child.kill("SIGKILL");
    }
  }
}
