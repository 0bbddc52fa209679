/** `--help filter`: the language of filters on one screen. */
import { factPredicates } from "../filter/facts.ts";
import { FILTER, stateNames, wrapped } from "./help.ts";
import type { World } from "./world.ts";

/** What our own predicates take, by the name that help has for it. */
export const factOperands: Readonly<Record<string, string>> = {
  PID: "a process that has the socket open",
  PATTERN: "a name, or a shell pattern in quotes",
  USER: "the owner of the socket, by name or uid",
  COUNT: "a number",
  SIZE: "bytes; k, m and g are powers of 1024",
  TIMER: "one of off, on, keepalive, timewait, persist, delack, t3-rtx",
  TIME: "with its unit: us, ms, s, m or h",
  RATE: "with its unit: bps, kbps, mbps, gbps or tbps",
};

/** Our own predicates, by what they take. */
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
What ss has no predicates for: FACT [OP] OPERAND. A PID, PATTERN, USER or TIMER
takes = and != only. If a socket lacks a fact, no predicate on that holds.
`;

const EXAMPLES = [
  "-t state close-wait dst :50010",
  "-t '( sport = :ssh or dport = :443 )' and not dev lo",
  "-x src '*dbus*'",
  "-ti 'rtt > 50ms and retrans > 0'",
  "-ta 'comm nginx and recvq > 64k'",
] as const;

/** What `--help filter` shows: the language of filters on one screen. */
export function filterUsage({ program }: Pick<World, "program">): string {
  const examples = EXAMPLES.map((example) => `  ${program} ${example}\n`).join("");
  return [FILTER, `${FACTS}${factNames()}`, stateNames(), `Examples:\n${examples}`].join("\n");
}
