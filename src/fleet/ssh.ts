/** Connects to agents by the system's ssh, so that the user's configuration, agent and jump hosts count. ssh(1). */
import type { Connect } from "./fan-out.ts";
import { linesOf } from "./protocol.ts";

/** How to reach the agents. */
export interface SshOptions {
  /** The ssh program. */
  readonly program: string;
  /** Seconds until a host that does not answer is given up. */
  readonly connectTimeoutS: number;
  /** Whether the agent runs as root, by sudo. */
  readonly sudo: boolean;
}

/** The command line of the far side. Nothing in it comes from outside: ssh gives it to a shell. */
const AGENT = "sockscope agent --stdio";
/** Bytes of ssh's messages that are kept: the last line says why it ended. */
const MESSAGES_LIMIT = 8 << 10;
/** ssh's own exit status for any failure of its own. ssh(1). */
const EXIT_SSH = 255;
/** A shell's exit status for a program that it does not find, and for one that it may not run. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;

/**
 * Options for ssh. It never asks a person, never accepts a host's key that is not known, and never forwards
 * anything to the far side, whatever the configuration says.
 */
function sshArguments(host: string, { connectTimeoutS, sudo }: SshOptions): string[] {
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
  return [
    ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    "--",
    // ssh takes an IPv6 address without the brackets.
    host.replace(/\[([^\]]*)\]$/, "$1"),
    sudo ? `sudo -n ${AGENT}` : AGENT,
  ];
}

/** The last line of a program's messages, without what names the program. */
function lastLine(messages: string): string {
  const lines = messages.split(/\r?\n/).filter((line) => line.trim() !== "");
  return (lines.at(-1) ?? "").replace(/^ssh: (?:connect to host \S+ port \d+: )?/, "").trim();
}

/** Why ssh has ended, from its exit status and messages. */
function reasonOf(status: number, messages: string): string {
  const last = lastLine(messages);
  if (status === EXIT_NOT_FOUND) return "sockscope is not installed there";
  if (status === EXIT_NOT_EXECUTABLE) return `sockscope cannot be run there${last === "" ? "" : `: ${last}`}`;
  if (status === EXIT_SSH) return last === "" ? "ssh failed" : last;
  if (last !== "") return last;
  return status === 0 ? "the connection ended before the answer" : `the agent ended with status ${status}`;
}

/** Reads the messages of a program, and keeps the last of them. */
async function messagesOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let kept = "";
  for await (const chunk of stream)
    kept = (kept + decoder.decode(chunk, { stream: true })).slice(-MESSAGES_LIMIT);
  return kept;
}

/** Makes the function that connects by ssh. */
export function sshConnect(options: SshOptions): Connect {
  return (host) => {
    const child = Bun.spawn([options.program, ...sshArguments(host, options)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
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
  };
}
