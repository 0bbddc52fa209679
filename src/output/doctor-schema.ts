/** JSON Schema 2020-12 of what the doctor prints with `--json`. */
import { type Schema, SOCKET_SCHEMA_ID } from "../catalogue/schema.ts";
import { severities } from "../doctor/rule.ts";
import { rules } from "../doctor/rules/index.ts";
import { changeKinds } from "./doctor.ts";

/** The version of the schema, which changes as that of sockets does. */
const VERSION = "1.0";

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };
const severity: Schema = { enum: severities };
const ruleIds: Schema = { type: "array", items: { $ref: "#/$defs/ruleId" } };
const page: Schema = { type: "string", description: "page of the rule, from the root of the repository" };

/** An object with exactly these properties. All except the optional ones are required. */
function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  };
}

function list(items: Schema, description: string): Schema {
  return { type: "array", items, description };
}

function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** What `doctor --host` prints after the reports of the hosts. @param ids the rules about both ends */
function betweenSchema(ids: readonly string[]): Schema {
  const endpoint = object({ address: text, port: count });
  const facts = (description: string): Schema => ({ type: "object", description });
  const end = object(
    {
      host: text,
      netns: described(text, "its network namespace, if it is not the host's own"),
      state: text,
      local: endpoint,
      peer: endpoint,
      process: text,
      recvQueueBytes: count,
      sendQueueBytes: count,
      backlog: described(count, "of a listener: connections that wait"),
      maxBacklog: described(count, "of a listener: how many may wait"),
      tcpInfo: facts("as in sockscope --json"),
      memory: facts("as in sockscope --json"),
    },
    ["netns", "process", "recvQueueBytes", "sendQueueBytes", "backlog", "maxBacklog", "tcpInfo", "memory"],
  );
  const finding = object(
    {
      rule: { enum: ids },
      severity,
      title: text,
      connections: described(
        count,
        "how many connections of the same programs show it; the ends are those of one",
      ),
      values: { type: "object", additionalProperties: { type: "number" } },
      nat: list(text, "the hosts whose NAT the connection passes"),
      ends: list(end, "the cause first"),
      absent: described(
        object({ host: text, local: endpoint, peer: endpoint }, ["peer"]),
        "the end that its host does not have",
      ),
      why: text,
      advice: text,
    },
    ["nat", "absent"],
  );
  return object(
    {
      at: described(time, "the time of --at"),
      samples: list(
        object({ host: text, time }),
        "with --at: when each recorder took its sample, on our clock",
      ),
      between: list(finding, "the worst first"),
      joined: described(count, "connections with both ends"),
      translated: described(count, "those through NAT"),
      missing: described(count, "ends whose other end its host does not have"),
      outside: described(count, "ends whose peer is on no host of the list"),
      ambiguous: described(count, "ends with more than one candidate"),
      uncertain: described(count, "ends whose candidate may be older or newer"),
      perhapsTranslated: described(count, "missing ends that may be behind NAT that cannot be read"),
      leftOut: list(object({ host: text, reason: text }), "hosts that are not compared"),
      clocks: list(
        object({ host: text, aheadMs: { type: "number" }, errorMs: { type: "number" } }),
        "how far each clock is ahead of ours",
      ),
    },
    ["at", "samples"],
  );
}

/**
 * Makes the schema: its root is the report, `#/$defs/event` a line of `--watch`, `#/$defs/rules` `--list-rules`, and
 * `#/$defs/between` the object about both ends that `--host` adds.
 *
 * @param pairRuleIds the rules about both ends
 */
export function doctorSchema(pairRuleIds: readonly string[]): Schema {
  const advice = list(
    object({ text: described(text, "what to check or do"), command: described(text, "a command for sh") }, [
      "command",
    ]),
    "what to check or do",
  );
  const finding = object(
    {
      rule: { $ref: "#/$defs/ruleId" },
      severity,
      subject: described(text, "what it is about; stays the same while counts change"),
      title: described(text, "what is wrong, in one sentence"),
      netns: described(
        object({ name: text, pid: count, inode: count }, ["name", "pid"]),
        "the network namespace, with --all-netns",
      ),
      values: {
        type: "object",
        description: "the numbers behind the finding; keys depend on the rule",
        additionalProperties: { type: ["string", "number"] },
      },
      evidence: list(text, "counters, limits and files that show it"),
      socketCount: described(count, "how many sockets show it"),
      sockets: list({ $ref: SOCKET_SCHEMA_ID }, "the worst of them, as many as --top allows"),
      why: described(text, "why it matters"),
      advice,
      page,
    },
    ["netns"],
  );
  const threshold = object({
    name: text,
    value: { type: "number", description: "the value in use: milliseconds, bytes, percent or a count" },
    default: { type: "number" },
    quantity: { enum: ["count", "time", "size", "percent"] },
    doc: text,
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:sockscope:doctor:${VERSION}`,
    title: "The report that sockscope doctor --json prints",
    ...object({
      findings: list({ $ref: "#/$defs/finding" }, "the worst first"),
      rulesChecked: ruleIds,
      rulesUnchecked: described(ruleIds, "rules that need two samples and had one"),
      socketsExamined: count,
      elapsedMs: described(count, "time between the samples; 0 for one sample"),
    }),
    $defs: {
      ruleId: { enum: rules.map(({ id }) => id) },
      finding,
      event: {
        description: "a line of --watch --json",
        ...object({
          event: { enum: changeKinds },
          time: described(time, "when the change was seen"),
          since: described(time, "when the finding appeared"),
          finding: { $ref: "#/$defs/finding" },
        }),
      },
      rule: object({
        id: { enum: [...rules.map(({ id }) => id), ...pairRuleIds] },
        title: text,
        severity: described(severity, "the worst severity of its findings"),
        reads: list(text, "what it reads"),
        samples: { enum: [1, 2], description: "how many samples it needs" },
        thresholds: list(threshold, "the numbers that decide"),
        why: text,
        advice,
        page,
      }),
      between: {
        description: "the last line of --host --json",
        ...betweenSchema(pairRuleIds),
      },
      rules: list({ $ref: "#/$defs/rule" }, "what --list-rules --json and --explain --json print"),
    },
  };
}
