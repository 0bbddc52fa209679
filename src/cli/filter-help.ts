/** `--help filter`: the filter language on one screen. */
import { factPredicates } from "../filter/facts.ts";
import { FILTER, stateNames, wrapped } from "./help.ts";
import type { World } from "./world.ts";

/** Operands of the predicates beyond ss: placeholder in help → what to write. */
export const factOperands: Readonly<Record<string, string>> = {
  PID: "id of a process that has the socket open",
  PATTERN: "a name, or a quoted shell pattern",
  USER: "the owner of the socket, by name or uid",
  COUNT: "a number",
  SIZE: "bytes; the suffixes k, m, g are powers of 1024",
  TIMER: "one of off, on, keepalive, timewait, persist, delack, t3-rtx",
  TIME: "a number with a unit: us, ms, s, m or h",
  RATE: "a number with a unit: bps, kbps, mbps, gbps or tbps",
};

/** The predicates beyond ss, grouped by operand. */
function factNames(): string {
  const byOperand = Map.groupBy(
    Object.entries(factPredicates),
    ([, { operandName }]: readonly [string, { readonly operandName: string }]) => operandName,
  );
  return Array.from(byOperand, ([operand, facts]) => {
    const words = facts.map(([word]) => word);
    return `  ${operand.padEnd(8)}${factOperands[operand]}\n${wrapped("         ", words)}`;
  }).join("");
}

const FACTS = `\
Predicates beyond ss: NAME [OP] OPERAND. PID, PATTERN, USER and TIMER operands
take only = and !=. A predicate never matches a socket that lacks the value.
`;

const EXAMPLES = [
  "-t state close-wait dst :50010",
  "-t '( sport = :ssh or dport = :443 )' and not dev lo",
  "-x src '*dbus*'",
  "-ti 'rtt > 50ms and retrans > 0'",
  "-ta 'comm nginx and recvq > 64k'",
] as const;

/** The text of `--help filter`. */
export function filterUsage({ program }: Pick<World, "program">): string {
  const examples = EXAMPLES.map((example) => `  ${program} ${example}\n`).join("");
  return [FILTER, `${FACTS}${factNames()}`, stateNames(), `Examples:\n${examples}`].join("\n");
}
