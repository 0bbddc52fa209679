/** `sockscope lsof`: one run, or repeated runs until a signal arrives. */
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "../../../enrich/once.ts";
import { parseUsers } from "../../../enrich/passwd.ts";
import { withDeadline } from "../../../enrich/resolve.ts";
import { readServices } from "../../../enrich/services.ts";
import type { Host } from "../../../host/host.ts";
import { sourcesOf } from "../../../procfs/source.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import { strftime } from "../strftime.ts";
import { hasUdpLite } from "../udp-lite.ts";
import { isDirect } from "./direct.ts";
import { parseArguments } from "./getopt.ts";
import { lsofHelp } from "./help.ts";
import type { InternetTerm } from "./internet.ts";
import { listDirectly } from "./list-directly.ts";
import { listFiles } from "./list-files.ts";
import type { Listing, ListingContext } from "./listing.ts";
import { choosesProcesses, choosesSockets } from "./match.ts";
import { LsofError, type LsofOption, lsofOptions, lsofWords, type OptionLookups } from "./options.ts";
import { mayBeUdpLite, meansFiles } from "./plan.ts";
import { defaultSettings, type LsofSettings } from "./settings.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const EXIT_ERROR = 1;
/** Time for looking up host names. */
const RESOLVE_TIMEOUT_MS = 5000;
const MS_PER_SECOND = 1000;
const MARKER = "=======";

function optionLookups({ files }: Host): OptionLookups {
  const users = once(() => {
    try {
      return parseUsers(decoder.decode(files.read("/etc/passwd")));
    } catch {
      return new Map<string, number>();
    }
  });
  return { services: once(() => readServices(files)), uid: (name) => users().get(name) };
}

/** Formats that cannot be combined. */
const exclusive = [
  ["F", "t"],
  ["J", "t"],
  ["j", "t"],
  ["J", "j"],
] as const;

/** Whether options without a value include these letters. */
function areGiven(
  options: readonly { readonly row: LsofOption; readonly value?: string | undefined }[],
  letters: string,
): boolean {
  return [...letters].every((letter) =>
    options.some(({ row, value }) => row.letter === letter && value === undefined),
  );
}

/** What the arguments come to. @throws LsofError */
function readSettings(args: readonly string[], lookups: OptionLookups): LsofSettings {
  const { options, names, error } = parseArguments(lsofOptions, lsofWords, args);
  let settings = defaultSettings;
  for (const { row, sign, value } of options) settings = row.apply(settings, value, sign, lookups);
  if (error !== undefined) throw new LsofError(error);
  const letters = new Set(options.map(({ row }) => row.letter));
  for (const [one, other] of exclusive)
    if (letters.has(one) && letters.has(other))
      throw new LsofError(`-${one} and -${other} are mutually exclusive`);
  if (areGiven(options, "os")) throw new LsofError("-o and -s are mutually exclusive");
  if (names.length > 0)
    throw new LsofError(`${names[0]} is a file, not a socket: lsof(8) itself lists files`);
  return settings;
}

/** Why a command line is not about sockets, if it is so. */
function refusal(settings: LsofSettings): string | undefined {
  if (choosesSockets(settings) || choosesProcesses(settings)) return undefined;
  if (settings.and) return "no select options to AND via -a";
  return "without -i and -U files of every kind are meant, not sockets: lsof(8) itself lists files";
}

/** What is said where the options mean files that are no sockets, too. */
const SOCKETS_ONLY = "only sockets are listed: lsof(8) itself lists the other files of these processes";

/** Settings without the command that lsof makes of the count of `-r`: nobody means files by it. */
function withoutRepeatCount(settings: LsofSettings): LsofSettings {
  const { commands, repeat } = settings;
  if (repeat?.count === undefined || repeat.marker !== undefined) return settings;
  return { ...settings, commands: commands.filter(({ text }) => text !== String(repeat.count)) };
}

async function resolveTerm(host: Host, term: InternetTerm): Promise<InternetTerm> {
  if (term.host === undefined || term.addresses !== undefined) return term;
  const addresses = await host.resolver.addresses(term.host, term.family);
  if (addresses.length === 0) throw new LsofError(`unknown host name (${term.host}) in: -i ${term.text}`);
  return { ...term, addresses };
}

async function listOnce(
  world: World,
  host: Host,
  settings: LsofSettings,
  lookups: OptionLookups,
): Promise<Listing> {
  const sources = sourcesOf(world.env);
  const locale = world.env["LC_ALL"] || world.env["LC_CTYPE"] || world.env["LANG"] || "";
  const context: ListingContext = {
    world,
    host,
    settings,
    lookups,
    sources,
    print: { utf8: /utf-?8/i.test(locale), terminal: world.stdout.terminalColumns !== undefined },
    report(problem) {
      if (problem.kind === "unreadable") return;
      world.stderr.write(encoder.encode(problemText(world, host, sources, problem)));
    },
  };
  const direct = isDirect(settings) && !(mayBeUdpLite(settings) && hasUdpLite(host.files, sources));
  return direct ? listDirectly(context) : listFiles(context);
}

/** Says what is wrong. */
function complain(world: World, message: string): number {
  world.stderr.write(encoder.encode(`lsof: ${message}\n`));
  return EXIT_ERROR;
}

/** Ends a run. @param lines what was not found @returns the exit status */
function finish(world: World, { verbose, quiet }: LsofSettings, lines: readonly string[]): number {
  if (verbose) world.stdout.write(encoder.encode(lines.map((line) => `lsof: ${line}\n`).join("")));
  return lines.length > 0 && !quiet ? EXIT_ERROR : 0;
}

async function repeat(
  world: World,
  host: Host,
  settings: LsofSettings,
  lookups: OptionLookups,
): Promise<number> {
  const { seconds, count, marker, untilNone } = settings.repeat!;
  const ended = world.interrupted();
  let never: readonly string[] | undefined;
  for (let run = 1; ; run++) {
    const listing = await listOnce(world, host, settings, lookups);
    listing.write();
    never = never?.filter((line) => listing.missing.includes(line)) ?? listing.missing;
    if (untilNone && listing.pids.size === 0) return finish(world, settings, never);
    const text = marker === undefined ? MARKER : strftime(marker, new Date());
    const line =
      settings.format === "fields" ? `m${marker === undefined ? "" : text}${settings.nul ? "\0" : ""}` : text;
    world.stdout.write(encoder.encode(`${line}\n`));
    if (count !== undefined && run >= count) return finish(world, settings, never);
    try {
      await sleep(seconds * MS_PER_SECOND, undefined, { signal: ended });
    } catch {
      return ended.reason as number;
    }
  }
}

/** Runs a command line of lsof. @returns the exit status */
export async function runLsof(world: World): Promise<number> {
  const { args } = world;
  if (args.some((arg) => arg === "-h" || arg === "-?" || arg === "--help")) {
    world.stdout.write(encoder.encode(lsofHelp()));
    return 0;
  }
  const host = { ...world.host, resolver: withDeadline(world.host.resolver, RESOLVE_TIMEOUT_MS) };
  const lookups = optionLookups(host);
  try {
    const typed = readSettings(args, lookups);
    const refused = refusal(typed);
    if (refused !== undefined) return complain(world, refused);
    if (meansFiles(withoutRepeatCount(typed))) world.stderr.write(encoder.encode(`lsof: ${SOCKETS_ONLY}\n`));
    const internet = await Promise.all(typed.internet.map((term) => resolveTerm(host, term)));
    const settings = { ...typed, internet };
    if (settings.repeat !== undefined) return await repeat(world, host, settings, lookups);
    const listing = await listOnce(world, host, settings, lookups);
    listing.write();
    return finish(world, settings, listing.missing);
  } catch (error) {
    if (error instanceof LsofError) return complain(world, error.message);
    throw error;
  }
}
