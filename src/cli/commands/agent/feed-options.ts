/** The options of `agent` for what it puts into the stream of its fleet. */
import { type EventKind, eventKinds } from "../../../events/event.ts";
import { readAmount } from "../../../filter/quantity.ts";
import { LEAST_SPOOL_BYTES } from "../../../fleet/spool/limits.ts";
import { EXIT_USAGE, type Stop } from "../../getopt.ts";
import type { CommandOption } from "../command.ts";

/** What an agent puts into the stream. */
export interface FeedOptions {
  /** Kinds of event, separated by commas, or `all`; undefined for no events. */
  readonly events: string | undefined;
  readonly findings: boolean;
  /** The folder of the spools; undefined for the default. */
  readonly spool: string | undefined;
  /** Bytes of each spool. */
  readonly spoolBytes: number;
}

const SPOOL_BYTES = 64 << 20;
const ALL = "all";
const kinds = Object.keys(eventKinds) as readonly EventKind[];

/** Nothing is put into the stream. */
export const noFeeds: FeedOptions = {
  events: undefined,
  findings: false,
  spool: undefined,
  spoolBytes: SPOOL_BYTES,
};

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: agent: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** Makes the rows of the options. */
export function feedOptions<Settings extends { readonly feeds: FeedOptions }>(): CommandOption<Settings>[] {
  const setting = (settings: Settings, changes: Partial<FeedOptions>): Settings => ({
    ...settings,
    feeds: { ...settings.feeds, ...changes },
  });
  return [
    {
      longs: ["events"],
      inFull: true,
      value: { name: "KINDS", kind: "list", choices: [ALL, ...kinds] },
      brief: "Put events of sockets into the fleet's stream",
      doc: `With --nats, follow TCP and UDP sockets as 'sockscope events' does, and put events of these kinds (${ALL}, or some of ${kinds.join(", ")}) into the stream that 'sockscope events --fleet' reads. The words behind the options are the filter of these events. Following costs more than waiting for questions.`,
      apply(settings, value, program) {
        const illegal =
          value === ALL ? undefined : value.split(",").find((each) => !kinds.some((kind) => kind === each));
        if (illegal !== undefined)
          return wrong(program, "kind of event", illegal, `${ALL}, or one of ${kinds.join(", ")}`);
        return setting(settings, { events: value });
      },
    },
    {
      longs: ["findings"],
      inFull: true,
      brief: "Put the doctor's findings into the fleet's stream",
      doc: "With --nats, examine the sockets of this host every 15 seconds, and put the findings that appear and clear into the stream that 'sockscope doctor --watch --fleet' reads.",
      apply: (settings) => setting(settings, { findings: true }),
    },
    {
      longs: ["spool"],
      inFull: true,
      value: { name: "FOLDER", kind: "folder" },
      brief: "Keep what is not delivered yet in this folder",
      doc: "Keep events and findings in this folder until the server has stored them. It is made if it is missing; one that other users can enter is refused. By default /var/lib/sockscope/spool for root, $XDG_STATE_HOME/sockscope/spool for others.",
      apply: (settings, spool) => setting(settings, { spool }),
    },
    {
      longs: ["spool-size"],
      inFull: true,
      value: { name: "BYTES", kind: "word" },
      brief: "Size of each spool at most (64m)",
      doc: "Size of the spool of events, and of that of findings, at most (default 64m, minimum 4m). When one is full, the oldest are dropped, and readers are shown how many there were.",
      apply(settings, value, program) {
        const bytes = readAmount(value, "size");
        return bytes !== undefined && bytes >= LEAST_SPOOL_BYTES
          ? setting(settings, { spoolBytes: bytes })
          : wrong(program, "size of the spool", value, "a number of bytes such as 64m or 1g, from 4m");
      },
    },
  ];
}
