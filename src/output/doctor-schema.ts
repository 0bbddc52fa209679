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

/** Makes the schema: its root is the report, `#/$defs/event` a line of `--watch`, `#/$defs/rules` `--list-rules`. */
export function doctorSchema(): Schema {
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
        id: { $ref: "#/$defs/ruleId" },
        title: text,
        severity: described(severity, "the worst severity of its findings"),
        reads: list(text, "what it reads"),
        samples: { enum: [1, 2], description: "how many samples it needs" },
        thresholds: list(threshold, "the numbers that decide"),
        why: text,
        advice,
        page,
      }),
      rules: list({ $ref: "#/$defs/rule" }, "what --list-rules --json and --explain --json print"),
    },
  };
}
