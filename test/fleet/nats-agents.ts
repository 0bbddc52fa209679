/**
 * Agents of many hosts in one process: the real agent over played kernels, each with a connection of its own.
 *
 * As a program, it starts agents in this process and prints a line when all of them answer:
 * bun nats-agents.ts URL PREFIX FIRST LAST SOCKETS
 */
import { beginNow } from "../../src/cli/commands/agent/identity.ts";
import { stayingAgent } from "../../src/cli/commands/agent/limits.ts";
import { takeTurns } from "../../src/cli/commands/turns.ts";
import { type AnswerLimits, answer } from "../../src/cli/fleet/answer.ts";
import { run } from "../../src/cli/run.ts";
import type { World } from "../../src/cli/world.ts";
import { type Allowance, unlimited } from "../../src/fleet/allowance.ts";
import { type Agent, type AgentOptions, startAgent } from "../../src/fleet/nats/agent.ts";
import { type Broker, type BrokerFiles, connectBroker } from "../../src/fleet/nats/connect.ts";
import { hostToken, inboxOf } from "../../src/fleet/nats/subjects.ts";
import { PROTOCOL } from "../../src/fleet/protocol.ts";
import type { Host } from "../../src/host/host.ts";
import { liveHost } from "../../src/host/live.ts";
import { type PlayedSocket, playedKernel } from "../../src/replay/played.ts";
import { systemClock } from "../../src/store/clock.ts";

const live = liveHost();

function missing(path: string): never {
  throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT", errno: -2 });
}

/** A host with nothing but a kernel that has these sockets. */
export function playedHost(sockets: readonly PlayedSocket[]): Host {
  return {
    transport: playedKernel(sockets),
    files: { read: missing, list: missing, link: () => undefined, securityContext: () => undefined },
    resolver: live.resolver,
    bpf: live.bpf,
    cgroups: () => undefined,
  };
}

/** Sockets of a server: every fifth listens, the others are its clients' connections. */
export function serverSockets(count: number): PlayedSocket[] {
  return Array.from({ length: count }, (_, index): PlayedSocket => {
    const [high, low] = [(index >> 8) & 0xff, index & 0xff];
    return index % 5 === 0
      ? { table: "tcp", state: "LISTEN", sport: 8000 + index, wqueue: 128 }
      : {
          table: "tcp",
          state: index % 7 === 0 ? "CLOSE-WAIT" : "ESTAB",
          src: "10.0.0.1",
          sport: 443,
          dst: `10.1.${high}.${low}`,
          dport: 1024 + (index % 60_000),
          rqueue: index % 3,
          inode: index + 1,
        };
  });
}

/** Answers that are made at a time in this process, as in the process of one agent. */
let places = 4;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (places > 0) places--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) places++;
    else next();
  }
}

const pause = takeTurns(() => systemClock.awakeMs(), new AbortController().signal);

/** A process without arguments and output, on a host. */
export function worldOf(host: Host): World {
  const output = { write: () => undefined, terminalColumns: undefined };
  return {
    program: "sockscope",
    args: [],
    env: {},
    stdout: output,
    stderr: output,
    readStdin: () => new Uint8Array(0),
    terminal: () => undefined,
    interrupted: () => new AbortController().signal,
    host,
    run,
  };
}

/** How an agent is started. */
export interface TestAgentOptions {
  readonly url: string;
  readonly name: string;
  readonly host: Host;
  readonly files?: BrokerFiles;
  readonly trusted?: AgentOptions["trusted"];
  readonly allowance?: Allowance;
  readonly maxRows?: number;
  /** Changes the agent's options. */
  readonly change?: (options: AgentOptions) => AgentOptions;
}

/** A running agent. */
export interface TestAgent extends AsyncDisposable {
  readonly agent: Agent;
  readonly broker: Broker;
  /** What it reported. */
  readonly lines: readonly string[];
}

/** Starts an agent, as `agent --nats` does. */
export async function startTestAgent(options: TestAgentOptions): Promise<TestAgent> {
  const { url, name, host, files = {}, maxRows = 1e6 } = options;
  const broker = await connectBroker({ url, files, name, inboxPrefix: inboxOf(hostToken(name)) });
  const world = worldOf(host);
  const lines: string[] = [];
  const now = () => systemClock.awakeMs();
  const agentOptions: AgentOptions = {
    connection: broker.connection,
    hello: { version: "1.0.0", protocols: [PROTOCOL], host: name, bootId: "boot" },
    instance: `instance-${hostToken(name)}`,
    begin: beginNow,
    answer(question, send, { reached, signal }) {
      const limits: AnswerLimits = { ...stayingAgent, now, maxRows, reached, pause };
      return inTurn(() =>
        answer(world, question, send, signal === undefined ? limits : { ...limits, signal }),
      );
    },
    trusted: options.trusted,
    allowance: options.allowance ?? unlimited,
    wallMs: Date.now,
    awakeMs: now,
    report: (line) => lines.push(line),
  };
  const agent = startAgent(options.change?.(agentOptions) ?? agentOptions);
  await broker.connection.flush();
  return {
    agent,
    broker,
    lines,
    async [Symbol.asyncDispose]() {
      agent.stop();
      await broker.connection.close();
    },
  };
}

if (import.meta.main) {
  const [url, prefix, first, last, sockets] = process.argv.slice(2);
  // The hosts have the same sockets: their kernels are one, played for each agent anew.
  const host = playedHost(serverSockets(Number(sockets)));
  const agents: TestAgent[] = [];
  for (let number = Number(first); number <= Number(last); number++)
    agents.push(await startTestAgent({ url: url!, name: `${prefix}${number}`, host }));
  process.stdout.write("ready\n");
}
