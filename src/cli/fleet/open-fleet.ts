/** The hosts of a fleet, reached over NATS: `--fleet`. */

import { PermissionViolationError, type Status } from "@nats-io/transport-node";
import { expectLongRun } from "#libc";
import { escapeText } from "../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import { collect, NOT_CONNECTED } from "../../fleet/nats/collect.ts";
import { discover } from "../../fleet/nats/discover.ts";
import { KeyError, readSigningKey, type SigningKey } from "../../fleet/nats/nkey.ts";
import { lastRegistered, makeRoster, readRoster } from "../../fleet/nats/roster.ts";
import { hostToken, isHostName } from "../../fleet/nats/subjects.ts";
import type { Draft } from "../draft.ts";
import { isStop, type Stop, usageError } from "../getopt.ts";
import type { World } from "../world.ts";
import { openBroker, optionFile } from "./broker.ts";
import type { OpenHosts } from "./task.ts";

/** Hosts without a connection that are looked up on the roster, as they may have been taken off it. */
const MOST_LOOKED_UP = 1000;

/** The key that signs questions; undefined if none is given. @returns a Stop if it cannot be read */
function signingKey(world: World, path: string | undefined): SigningKey | Stop | undefined {
  if (path === undefined) return undefined;
  const file = optionFile(world, "sign-key", path);
  if ("kind" in file) return file;
  try {
    return readSigningKey(decodeBytes(file));
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return usageError(`${world.program}: --sign-key: ${path}: ${error.message}`);
  }
}

/**
 * Connects to the servers of a fleet.
 *
 * @param url where they are
 * @param named the hosts to query; undefined for all
 * @returns a Stop if there is no connection, or nobody to query
 */
export async function openFleet(
  world: World,
  draft: Draft,
  url: string,
  named: readonly string[] | undefined,
): Promise<OpenHosts | Stop> {
  expectLongRun();
  const nobody = named?.find((host) => !isHostName(host));
  if (nobody !== undefined)
    return usageError(`${world.program}: "${escapeText(nobody)}" cannot be the name of a host in a fleet`);
  const key = signingKey(world, draft.signKey);
  if (key !== undefined && "kind" in key) return key;
  const say = (line: string) => world.stderr.write(encodeBytes(`${world.program}: ${escapeText(line)}\n`));
  const ending = new AbortController();
  const report = (status: Status) => {
    if (status.type !== "error") return;
    const { error } = status;
    // JetStream may be out of bounds: then there is no roster.
    if (!(error instanceof PermissionViolationError)) return say(error.message);
    if (/^\$JS\./.test(error.subject)) return;
    if (error.operation === "publish") ending.abort("the server does not allow the question");
    say(`the server does not allow ${error.operation} of ${error.subject}`);
  };
  const broker = await openBroker(world, draft, { url, name: "sockscope", report });
  if (isStop(broker)) return broker;
  const { connection } = broker;
  const roster = named === undefined ? await readRoster(connection) : undefined;
  const hosts = named ?? roster ?? (await discover(connection));
  // So that the agents can register.
  if (named === undefined && roster === undefined) await makeRoster(connection);
  if (hosts.length === 0) {
    await connection.close();
    return usageError(`${world.program}: no host is registered at ${escapeText(url)}`);
  }
  if (named === undefined && roster === undefined)
    say("the server has no roster: hosts that are down cannot be named");
  const interrupted = AbortSignal.any([world.interrupted(), ending.signal]);
  const removed = new Set<string>();
  return {
    hosts,
    oneByOne: true,
    async ask(some, question, take) {
      const left = some.filter((host) => !removed.has(host));
      const outcomes = await collect(broker, left, question, take, {
        key,
        toAll: named === undefined && left.length === hosts.length,
        deadlineMs: draft.hostTimeoutMs,
        interrupted,
        now: Date.now,
      });
      if (roster === undefined) return outcomes;
      const missing = outcomes.filter(({ failure }) => failure === NOT_CONNECTED).slice(0, MOST_LOOKED_UP);
      await Promise.all(
        missing.map(async ({ host }) => {
          if ((await lastRegistered(connection, hostToken(host))) === undefined) removed.add(host);
        }),
      );
      return outcomes.filter(({ host }) => !removed.has(host));
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
