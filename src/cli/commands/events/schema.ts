/** JSON Schema 2020-12 of the lines that `events --json` prints. */
import { columnsSchema, type Schema } from "../../../catalogue/schema.ts";
import { eventSources } from "../../../events/registry.ts";
import { noNames } from "../../../fields/names.ts";
import { eventColumns } from "../../../output/event-objects.ts";

/** The version of the schema, which changes as that of sockets does. */
const VERSION = "1.0";

const text: Schema = { type: "string" };

/** A source on the line that comes first. */
const source: Schema = {
  type: "object",
  properties: {
    used: { type: "boolean", description: "whether events come from it" },
    obstacle: { ...text, description: "why it does not work" },
    missing: { ...text, description: "what no event shows without it" },
    note: { ...text, description: "what to know about it although it works" },
  },
  required: ["used"],
  additionalProperties: false,
};

/** Makes the schema: of an event, or of the line of sources that comes first. */
export function eventsSchema(): Schema {
  // Options do not change the keys of an event.
  const event = columnsSchema(eventColumns(noNames), () => "");
  const properties = event["properties"] as { readonly [key: string]: Schema };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:sockscope:events:${VERSION}`,
    title: "A line that sockscope events --json prints",
    description: "What is not known is absent.",
    oneOf: [{ $ref: "#/$defs/sources" }, { $ref: "#/$defs/event" }],
    $defs: {
      event: { ...event, required: ["time", "event", "source"] },
      sources: {
        type: "object",
        properties: {
          time: properties["time"]!,
          event: { const: "sources" },
          sources: {
            type: "object",
            properties: Object.fromEntries(
              eventSources.map(({ name, doc }) => [name, { ...source, description: doc }]),
            ),
            additionalProperties: false,
          },
        },
        required: ["time", "event", "sources"],
        additionalProperties: false,
      },
    },
  };
}
