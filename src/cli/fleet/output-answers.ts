/** Shows what commands print on other hosts: `doctor`, `history`, `events`, and the summary. */
import { escapeLines } from "../../bytes/terminal.ts";
import { encodeBytes } from "../../bytes/text.ts";
import { writeHosts } from "../../fleet/host-list.ts";
import { ProtocolError } from "../../fleet/protocol.ts";
import type { Json } from "../../model/json.ts";
import { JsonWriter } from "../../output/json.ts";
import type { World } from "../world.ts";
import { type JsonObject, labelled } from "./labelled-object.ts";
import { type Answers, followsHosts, type HostsTask } from "./task.ts";

/** The lines of a text that ends in a newline. */
function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

/** Writes each line as it comes, behind the name of its host. */
function streamed(world: World, hosts: readonly string[]): Pick<Answers, "take" | "end"> {
  const width = Math.max(...hosts.map(({ length }) => length));
  return {
    take(host, frame) {
      if (!("output" in frame)) return;
      const lines = linesOf(frame.output).map((line) => `${host.padEnd(width)} ${line}\n`);
      world.stdout.write(escapeLines(encodeBytes(lines.join(""))));
    },
    end: () => undefined,
  };
}

/** Writes each object of the hosts' lines of JSON, with the host first. */
function objects(world: World): Pick<Answers, "take" | "end"> {
  const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
  return {
    take(host, frame) {
      if (!("output" in frame)) return;
      for (const line of linesOf(frame.output)) {
        let value: Json;
        try {
          value = JSON.parse(line) as Json;
        } catch {
          throw new ProtocolError("a line that is not JSON");
        }
        if (typeof value !== "object" || value === null || Array.isArray(value))
          throw new ProtocolError("JSON that is not an object");
        json.write(labelled({ host }, value as JsonObject));
      }
      json.flush();
    },
    end: () => json.end(),
  };
}

/** Writes the whole text of each host below its name, hosts with equal texts together if they are folded. */
function sections(world: World, hosts: readonly string[], fold: boolean): Pick<Answers, "take" | "end"> {
  const found = new Map<string, string>(hosts.map((host) => [host, ""]));
  return {
    take(host, frame) {
      if ("output" in frame) found.set(host, found.get(host)! + frame.output);
    },
    end() {
      const answered = [...found].filter(([, text]) => text !== "");
      const groups = fold
        ? Array.from(
            Map.groupBy(answered, ([, text]) => text).values(),
            (same) => [writeHosts(same.map(([host]) => host)), same[0]![1]] as const,
          )
        : answered;
      const texts = groups.map(([label, text]) => `${label}:\n${text}`);
      world.stdout.write(escapeLines(encodeBytes(texts.join("\n"))));
    },
  };
}

/** A CSV of all hosts: one heading, and the host as the first column. */
function csv(world: World, hosts: readonly string[]): Pick<Answers, "take" | "end"> {
  const headed = new Set<string>();
  return {
    take(host, frame) {
      if (!("output" in frame)) return;
      const [first, ...others] = linesOf(frame.output);
      const rows = headed.has(host) ? [first!, ...others] : others;
      const heading = headed.size === 0 ? `host,${first}\r\n` : "";
      headed.add(host);
      const text = heading + rows.map((row) => `${host},${row}\n`).join("");
      world.stdout.write(escapeLines(encodeBytes(text.replaceAll("\r", ""))));
    },
    end: () => void hosts,
  };
}

/** What shows what a command prints. */
export function outputAnswers(
  world: World,
  { draft, command, steps }: HostsTask,
  hosts: readonly string[],
): Answers {
  const { format, fold } = draft;
  if (format === "csv") return { form: "output", ...csv(world, hosts) };
  if (format === "table")
    return {
      form: "output",
      ...(followsHosts({ command, steps }) ? streamed(world, hosts) : sections(world, hosts, fold)),
    };
  // One object per line can be read host by host.
  const lines = steps.map((step) =>
    step.long === "json" && command !== "doctor" ? { ...step, long: "ndjson" } : step,
  );
  return { form: "output", steps: command === "events" ? steps : lines, ...objects(world) };
}
