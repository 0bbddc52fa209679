/** Which rules a command line asks for, and with which thresholds. */
import type { ChosenRule } from "../../../doctor/examine.ts";
import type { Rule } from "../../../doctor/rule.ts";
import { readThreshold, spelling } from "../../../doctor/threshold.ts";

/** A rule that is unknown, a threshold that is none, and the like: one line. */
export class ChoiceError extends Error {
  override readonly name = "ChoiceError";
}

/** The rule of an id. @throws ChoiceError */
export function ruleOf(rules: readonly Rule[], id: string): Rule {
  const found = rules.find((rule) => rule.id === id);
  if (found === undefined) throw new ChoiceError(`"${id}" is no rule: doctor --list-rules lists them`);
  return found;
}

/** Takes `RULE.NAME=VALUE` apart. @throws ChoiceError */
function readSetting(rules: readonly Rule[], text: string): { id: string; name: string; value: number } {
  const found = /^([^.=]+)\.([^.=]+)=(.*)$/s.exec(text);
  if (found === null) throw new ChoiceError(`"${text}" is not RULE.NAME=VALUE`);
  const [, id = "", name = "", written = ""] = found;
  const rule = ruleOf(rules, id);
  const threshold = Object.hasOwn(rule.thresholds, name) ? rule.thresholds[name] : undefined;
  if (threshold === undefined) {
    const names = Object.keys(rule.thresholds).join(", ") || "none";
    throw new ChoiceError(`"${name}" is no threshold of ${id}, which has: ${names}`);
  }
  const value = readThreshold(written, threshold.quantity);
  if (value === undefined) throw new ChoiceError(`"${written}" is not ${spelling[threshold.quantity]}`);
  return { id, name, value };
}

/**
 * The rules that are asked for, with their thresholds.
 *
 * @param ids none for all rules
 * @param settings each `RULE.NAME=VALUE`; the last of a name wins
 * @throws ChoiceError
 */
export function chooseRules(
  rules: readonly Rule[],
  ids: readonly string[],
  settings: readonly string[],
): ChosenRule[] {
  const asked = new Set(ids.map((id) => ruleOf(rules, id)));
  const set = settings.map((text) => readSetting(rules, text));
  return rules
    .filter((rule) => asked.size === 0 || asked.has(rule))
    .map((rule) => ({
      rule,
      thresholds: {
        ...Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
        ...Object.fromEntries(set.filter(({ id }) => id === rule.id).map(({ name, value }) => [name, value])),
      },
    }));
}
