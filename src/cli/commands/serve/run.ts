/** One run of `serve`: listens, says where, and serves until it is interrupted. */
import { readFileSync } from "node:fs";
import { expectLongRun } from "#libc";
import manifest from "../../../../package.json" with { type: "json" };
import { systemMessage } from "../../../native/errno.ts";
import { sourcesOf } from "../../../procfs/source.ts";
import {
  isLocal,
  ListenError,
  makeRoom,
  namesOf,
  pageUrl,
  removerOf,
  SOCKET_UMASK,
} from "../../../serve/listen.ts";
import { keepOnly, neededCapabilities, RightsError } from "../../../serve/rights.ts";
import { openService } from "../../../serve/routes.ts";
import { type Address, type RunningServer, startServer } from "../../../serve/server.ts";
import { tokenTest } from "../../../serve/token.ts";
import { keptTokens, newTokens, type Tokens, writeTokens } from "../../../serve/token-file.ts";
import { defaultFolder } from "../../../store/folder.ts";
import type { OpenHosts } from "../../fleet/task.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { Task } from "../command.ts";
import type { ServeSettings } from "./settings.ts";

const encoder = new TextEncoder();

function stop(program: string, message: string, status = 1): Stop {
  return { kind: "error", message: `${program}: serve: ${message}`, usage: false, status };
}

/** What is wrong with the combination of options; undefined if nothing is. */
function conflictOf({ address, tlsCert, tlsKey, insecure }: ServeSettings): string | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) return "--tls-cert and --tls-key need each other";
  if (tlsCert !== undefined && address.kind === "unix")
    return "--tls-cert cannot be combined with a UNIX socket";
  if (!isLocal(address) && tlsCert === undefined && !insecure)
    return "other hosts can reach this address: add --tls-cert and --tls-key, or --insecure";
  return undefined;
}

/** Reads a PEM file. @throws ListenError */
function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ListenError(`cannot read ${path}: ${systemMessage(error)}`);
  }
}

/** Why an address cannot be used, in words. */
function listenMessage(error: unknown, address: Address): string {
  const where = address.kind === "unix" ? address.path : `${address.hostname}:${address.port}`;
  const { code, message } = error as { code?: string; message?: string };
  if (code === "EADDRINUSE") return `${where} is in use`;
  if (code === "EACCES") return `no permission to listen on ${where}`;
  return `cannot listen on ${where}: ${(message ?? `${error}`).replace(/\s+/g, " ")}`;
}

/** Where the tokens are: on the terminal, or in a file. */
interface Credentials {
  readonly tokens: Tokens;
  /** The file that has them; undefined if they are only on the terminal. */
  readonly path: string | undefined;
  /** Whether the file is to be removed at the end. */
  readonly temporary: boolean;
}

/** The tokens of the run. @throws ListenError */
function credentialsOf({ world, settings }: Task<ServeSettings>, port: number | undefined): Credentials {
  const { tokenFile, allowKill } = settings;
  if (tokenFile !== undefined)
    return { tokens: keptTokens(tokenFile, allowKill), path: tokenFile, temporary: false };
  const tokens = newTokens();
  if (world.stdout.terminalColumns !== undefined) return { tokens, path: undefined, temporary: false };
  const path = writeTokens(world.env, `serve-${port ?? process.pid}`, tokens, allowKill);
  return { tokens, path, temporary: true };
}

/** The hosts of --map-hosts, over ssh; undefined if there are none. @returns a Stop if the list cannot be read */
async function openOthers({
  world,
  draft,
  settings,
}: Task<ServeSettings>): Promise<OpenHosts | Stop | undefined> {
  if (settings.mapHosts.length === 0) return undefined;
  const { openHosts } = await import("../../fleet/ask.ts");
  return openHosts(world, { draft: { ...draft, hosts: { lists: settings.mapHosts, files: [] } } });
}

/** What must be done at the end of a run. */
type Cleanup = () => void | Promise<void>;

/** Runs `serve`. @returns the exit status */
export async function runServe(task: Task<ServeSettings>): Promise<number> {
  const { world, draft, settings, words } = task;
  const { program } = world;
  if (words.args.length > 0 || words.file !== undefined)
    return halt(world, stop(program, "takes no filter: requests have their own", EXIT_USAGE));
  const conflict = conflictOf(settings);
  if (conflict !== undefined) return halt(world, stop(program, conflict, EXIT_USAGE));
  const cleanups: Cleanup[] = [];
  try {
    keepOnly(
      neededCapabilities({
        address: settings.address,
        entersNamespaces: draft.allNetns || draft.actions.some(({ kind }) => kind === "netns"),
        live: draft.replay === undefined,
      }),
      world.env,
    );
    return await serveUntilInterrupted(task, cleanups);
  } catch (error) {
    if (error instanceof ListenError || error instanceof RightsError)
      return halt(world, stop(program, error.message));
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** @param cleanups takes what must be done at the end, whatever happens */
async function serveUntilInterrupted(task: Task<ServeSettings>, cleanups: Cleanup[]): Promise<number> {
  const { world, host, draft, settings } = task;
  const { address, allowKill, tlsCert, tlsKey } = settings;
  const interrupted = world.interrupted();
  expectLongRun();
  const say = (to: "stdout" | "stderr", text: string) => world[to].write(encoder.encode(text));
  const tls =
    tlsCert === undefined || tlsKey === undefined
      ? undefined
      : { cert: readPem(tlsCert), key: readPem(tlsKey) };
  const isUnix = address.kind === "unix";
  if (isUnix) await makeRoom(address.path);
  const others = await openOthers(task);
  if (others !== undefined && isStop(others)) return halt(world, others);
  if (others !== undefined) cleanups.push(async () => others[Symbol.asyncDispose]());
  using service = openService({
    host,
    sources: sourcesOf(world.env),
    version: manifest.version,
    allNetns: draft.allNetns,
    intervalMs: settings.delayMs,
    showArguments: settings.showArguments,
    allowKill,
    metrics: settings.metrics
      ? { peerLabel: settings.metricsPeers, seriesLimit: settings.metricsSeries }
      : undefined,
    store: draft.store ?? defaultFolder(world.env, process.geteuid?.() === 0),
    live: draft.replay === undefined,
    startPast: world.startPast,
    otherHosts: others && {
      hosts: others.hosts,
      ask: others.ask,
      allNetns: draft.allNetns,
      budgetMs: draft.hostTimeoutMs,
    },
  });
  let tests: { hasToken: (given: string) => boolean; mayKill: (given: string) => boolean } | undefined;
  let server: RunningServer;
  const mask = isUnix ? process.umask(SOCKET_UMASK) : undefined;
  try {
    server = startServer({
      address,
      tls,
      routes: service.routes,
      guard: {
        hosts: namesOf(address, settings.hosts),
        tls: tls !== undefined,
        // The token is made once the port is known: its file is named after it.
        hasToken: isUnix ? undefined : (given) => tests?.hasToken(given) ?? false,
        mayKill: allowKill ? (given) => tests?.mayKill(given) ?? false : undefined,
      },
      report: (error) => say("stderr", `${world.program}: serve: ${(error as Error).message}\n`),
    });
  } catch (error) {
    throw new ListenError(listenMessage(error, address));
  } finally {
    if (mask !== undefined) process.umask(mask);
  }
  cleanups.push(() => server.stop());
  if (isUnix) cleanups.push(removerOf(address.path));
  const url = pageUrl(address, server.port, tls !== undefined);
  if (isUnix && !allowKill) say("stdout", `${url}\n`);
  else {
    const { tokens, path, temporary } = credentialsOf(task, server.port);
    if (path !== undefined && temporary) cleanups.push(removerOf(path));
    tests = { hasToken: tokenTest(tokens.token), mayKill: tokenTest(tokens.kill) };
    if (path === undefined) {
      say("stdout", isUnix ? `${url}\n` : `${url}#token=${tokens.token}\n`);
      if (allowKill) say("stdout", `Token for closing sockets: ${tokens.kill}\n`);
    } else say("stdout", `${url} (token in ${path})\n`);
  }
  // What goes wrong here is reported by the first request.
  service.prepare().catch(() => undefined);
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener("abort", () => resolve(), { once: true });
  });
  return interrupted.reason as number;
}
