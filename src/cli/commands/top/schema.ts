/** JSON Schema 2020-12 of what `top --json` prints, made from the tables of columns and metrics. */
import { columnsByKind } from "../../../catalogue/describe.ts";
import type { Schema } from "../../../catalogue/schema.ts";
import type { Column } from "../../../fields/column.ts";
import { noNames } from "../../../fields/names.ts";
import { groupColumns, type LiveColumn, socketColumns } from "../../../live/columns.ts";
import { type GroupBy, groupWords } from "../../../live/groups.ts";
import { counterNames, metricKey, metrics } from "../../../live/metrics.ts";

/** The version: the number before the point changes when a key goes away or means something else. */
const VERSION = "1.0";

const number = (description: string): Schema => ({ type: "number", description });
const integer = (description: string): Schema => ({ type: "integer", description });
const text = (description: string): Schema => ({ type: "string", description });

function object(properties: Schema, required: readonly string[], description?: string): Schema {
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    properties,
    required: [...required],
    additionalProperties: false,
  };
}

/** The keys of the columns that show numbers and are in JSON. */
function numbers(columns: readonly LiveColumn[]): Schema {
  const shown = columns.filter(({ number, json }) => number !== undefined && json !== undefined);
  return Object.fromEntries(shown.map(({ json, doc }) => [json!, number(doc)]));
}

/** The sums of a sample: the rates of all counters. */
const totals: Schema = Object.fromEntries(
  counterNames.map((name) => {
    const { json, doc } = metrics[name].shown;
    return [json, number(`${doc}, of all sockets`)];
  }),
);

/** The counters themselves, by their keys in `--json`. */
const counters: Schema = Object.fromEntries(
  counterNames.map((name) => [metricKey(name), integer(metrics[name].fact.doc)]),
);

const queues: Schema = {
  recvQueueBytes: integer("received and not yet read by the application"),
  sendQueueBytes: integer("written and not yet acknowledged by the peer"),
};
const backlogs: Schema = {
  backlog: integer("connections of a listener that wait to be accepted"),
  maxBacklog: integer("connections that may wait"),
};

/** One end: of IP an address and a port, of other families a name. */
const end = (description: string): Schema => ({
  description,
  oneOf: [
    object({ address: text("IP address"), port: integer("port, 0 for none") }, ["address", "port"]),
    object({ name: text("as in the table") }, ["name"]),
  ],
});

const processOf = object(
  { pid: integer("process id"), comm: text("name of the process") },
  ["pid"],
  "process that has the socket open, or had it last",
);

const netns = object(
  {
    name: text("name, as ip netns knows it"),
    pid: integer("lowest process id in it"),
    inode: integer("inode"),
  },
  ["inode"],
  "network namespace, with --all-netns",
);

/** The words of the states of inet sockets. */
const states = (columnsByKind(noNames).inet as readonly Column<never>[]).find(({ key }) => key === "state")!
  .words!;

const socket = object(
  {
    netid: text("the socket table"),
    state: text("state of the connection"),
    ...queues,
    ...backlogs,
    local: end("own end"),
    peer: end("the peer's end"),
    inode: integer("inode number, 0 when no file is left"),
    cookie: { type: "string", pattern: "^0x[0-9a-f]+$", description: "the kernel's unique socket cookie" },
    ...counters,
    intervalMs: number("time between the two readings of this socket"),
    ...numbers(socketColumns),
    process: processOf,
    container: text("container of that process"),
    netns,
  },
  ["netid", "state", "local", "peer", "inode"],
);

/** The values that the sockets of a group share. */
const common: Readonly<Record<GroupBy, Schema>> = {
  process: processOf,
  program: text("name of the process"),
  user: text("owner of the socket"),
  unit: text("systemd unit of the process"),
  container: text("container of the process"),
  peer: text("the peer's IP address"),
  port: integer("local port"),
  dport: integer("the peer's port"),
  state: text("state of the connection"),
  netns: text("network namespace"),
};

const group = object(
  {
    ...Object.fromEntries(groupWords.map((word) => [word, common[word]])),
    sockets: integer("how many sockets there are"),
    ...queues,
    ...numbers(groupColumns),
  },
  ["sockets"],
  "what the sockets have in common, their number, and sums; without the first for those where it is not known",
);

const span = {
  from: { type: "string", format: "date-time", description: "when it began" },
  until: { type: "string", format: "date-time", description: "when it ended" },
} as const;

/** How completely a moment of the past was recorded. */
const coverage = object(
  {
    sampleEveryMs: integer("time between two samples of the recorder"),
    limits: text("tables and filter of the recorder; absent if it kept everything"),
    gap: object(span, [], "time in which nothing was recorded; an end without samples is absent"),
    notes: {
      type: "array",
      items: object(
        {
          kind: text("what the recorder noted: lost, slow, degraded, bundled, clock, suspend, restart, disk"),
          ...span,
          count: integer("how many, or how many milliseconds"),
          detail: text("in words"),
        },
        ["kind", "from", "until"],
      ),
    },
  },
  ["sampleEveryMs", "notes"],
  "how completely the moment was recorded; only with --at",
);

/** The schema of one line of `top --json`. */
export function topSchema(): Schema {
  const sample = {
    time: { type: "string", format: "date-time", description: "when the sample was taken, ISO 8601" },
    host: text("name of the host"),
    intervalMs: number("time since the sample before"),
    count: integer("how many sockets there are"),
    opened: integer(
      "connections that are new since the sample before, also those that ended since; absent with --at if nothing was recorded before",
    ),
    closed: integer("connections that ended since the sample before; absent likewise"),
    states: {
      type: "object",
      description: "how many sockets are in each state",
      propertyNames: { enum: [...states] },
      additionalProperties: { type: "integer" },
    },
    ...totals,
    notes: { type: "array", items: { type: "string" }, description: "problems of the sample" },
    coverage: { $ref: "#/$defs/coverage" },
  } as const;
  const required = ["time", "host", "count", "states"];
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:sockscope:schema:top:${VERSION}`,
    title: "A sample, as sockscope top --json prints it on each line",
    description: "A value that is not known is absent.",
    oneOf: [
      object({ ...sample, sockets: { type: "array", items: { $ref: "#/$defs/socket" } } }, [
        ...required,
        "sockets",
      ]),
      object({ ...sample, groups: { type: "array", items: { $ref: "#/$defs/group" } } }, [
        ...required,
        "groups",
      ]),
      object(
        { time: sample.time, host: sample.host, coverage: sample.coverage },
        ["time", "host", "coverage"],
        "a gap of the past: nothing is known of its sockets",
      ),
    ],
    $defs: { socket, group, coverage },
  };
}
