/** Connects to agents through the system's ssh, so that the user's configuration, agent and jump hosts apply. ssh(1). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connect } from "./fan-out.ts";
import { linesOf } from "./protocol.ts";

/** How to reach the agents. */
export interface SshOptions {
  /** The ssh program. */
  readonly program: string;
  /** Seconds until ssh gives up on a host that does not answer. */
  readonly connectTimeoutS: number;
  /** Whether the agent runs as root, through sudo. */
  readonly sudo: boolean;
  /** The user's home directory, whose .ssh/config applies. ssh takes it from passwd(5), whatever HOME says. */
  readonly home: string;
}

/** The command line on the other host. It is constant, since ssh passes it to a shell. */
const AGENT = "sockscope agent --stdio";
/** Bytes of ssh's messages that are kept: the last line holds the reason of a failure. */
const MESSAGES_LIMIT = 8 << 10;
/** ssh's own exit status for any failure of its own. ssh(1). */
const EXIT_SSH = 255;
/** A shell's exit status for a program that it does not find, and for one that it may not run. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;

/**
 * The settings that replace the user's: ssh never prompts, never accepts an unknown host key, runs no local command and
 * forwards nothing. ssh_config(5).
 */
function settingsFor({ connectTimeoutS, home }: SshOptions): string {
  const settings = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    ConnectTimeout: String(connectTimeoutS),
    ClearAllForwardings: "yes",
    ForwardAgent: "no",
    ForwardX11: "no",
    PermitLocalCommand: "no",
    RequestTTY: "no",
    LogLevel: "ERROR",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  // Include takes a pattern, in which "?" matches any character.
  const config = `"${home.replace(/["\\*?[\]]/g, "?")}/.ssh/config"`;
  // ssh takes the first value of each setting. An included file may be missing.
  return [...lines, `Include ${config}`, "Include /etc/ssh/ssh_config", ""].join("\n");
}

/** The arguments of ssh. @param settings path of the file with {@link settingsFor} */
function sshArguments(host: string, { sudo }: SshOptions, settings: string): string[] {
  return [
    "-F",
    settings,
    "--",
    // ssh expects an IPv6 address without brackets.
    host.replace(/\[([^\]]*)\]$/, "$1"),
    sudo ? `sudo -n ${AGENT}` : AGENT,
  ];
}

/** What ssh says when the connection through a jump host has ended; the jump host's own ssh has said why before. */
const CONSEQUENCE = /^kex_exchange_identification: |UNKNOWN port 65535$/;

/** The last line of ssh's messages that is a cause, without the prefix that names the program and the host. */
function lastLine(messages: string): string {
  const lines = messages.split(/\r?\n/).filter((line) => line.trim() !== "");
  const last = lines.findLast((line) => !CONSEQUENCE.test(line)) ?? lines.at(-1) ?? "";
  return last.replace(/^ssh: (?:connect to host \S+ port \d+: )?/, "").trim();
}

/** The reason why ssh ended, from its exit status and messages. */
function reasonOf(status: number, messages: string): string {
  const last = lastLine(messages);
  if (status === EXIT_NOT_FOUND) return "sockscope is not installed there";
  if (status === EXIT_NOT_EXECUTABLE) return `sockscope cannot be run there${last === "" ? "" : `: ${last}`}`;
  if (status === EXIT_SSH) return last === "" ? "ssh failed" : last;
  if (last !== "") return last;
  return status === 0 ? "the connection ended before the answer" : `the agent ended with status ${status}`;
}

/** Reads a program's messages up to the end, and keeps the last of them. */
async function messagesOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let kept = "";
  for await (const chunk of stream)
    kept = (kept + decoder.decode(chunk, { stream: true })).slice(-MESSAGES_LIMIT);
  return kept;
}

/** Connects by ssh until it is disposed. */
export interface Ssh extends Disposable {
  readonly connect: Connect;
}

/**
 * Prepares to connect by ssh. The settings are in a file instead of on the command line, because ssh passes the name of
 * that file, but no other option, to the ssh that connects to a jump host (`ProxyJump`).
 *
 * @throws an error with a system error `code` if the file cannot be written
 */
export function openSsh(options: SshOptions): Ssh {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-ssh-"));
  const settings = join(folder, "config");
  writeFileSync(settings, settingsFor(options), { mode: 0o600 });
  return {
    connect: (host) => connect(options.program, sshArguments(host, options, settings)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Starts ssh. */
function connect(program: string, args: readonly string[]): ReturnType<Connect> {
  const child = Bun.spawn([program, ...args], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const messages = messagesOf(child.stderr);
  return {
    lines: linesOf(child.stdout),
    send(line) {
      child.stdin.write(line);
      child.stdin.end();
    },
    async failure() {
      const status = await child.exited;
      return reasonOf(status, await messages);
    },
    close() {
      child.kill();
    },
  };
}
