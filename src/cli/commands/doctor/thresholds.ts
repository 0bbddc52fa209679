/** Chooses rules and sets their thresholds from the command line. */
import type { ChosenRule } from "../../../doctor/examine.ts";
import type { Rule } from "../../../doctor/rule.ts";
import { readThreshold, spelling } from "../../../doctor/threshold.ts";
import { pairRuleIds } from "../../../fleet/pair-finding.ts";

/** An unknown rule, an unknown threshold or a wrong value. The message is one line. */
export class ChoiceError extends Error {
  override readonly name = "ChoiceError";
}

/** Finds a rule by its id. @throws ChoiceError */
export function ruleOf(rules: readonly Rule[], id: string): Rule {
  const found = rules.find((rule) => rule.id === id);
  if (found === undefined && pairRuleIds.includes(id))
    throw new ChoiceError(`${id} is about both ends: doctor --host without --rule checks it`);
  if (found === undefined) throw new ChoiceError(`unknown rule "${id}": doctor --list-rules lists them`);
  return found;
}

/** Parses `RULE.NAME=VALUE`. @throws ChoiceError */
function readSetting(rules: readonly Rule[], text: string): { id: string; name: string; value: number } {
  const found = /^([^.=]+)\.([^.=]+)=(.*)$/s.exec(text);
  if (found === null) throw new ChoiceError(`"${text}" is not RULE.NAME=VALUE`);
  const [, id = "", name = "", written = ""] = found;
  const rule = ruleOf(rules, id);
  const threshold = Object.hasOwn(rule.thresholds, name) ? rule.thresholds[name] : undefined;
  if (threshold === undefined) {
    const names = Object.keys(rule.thresholds).join(", ") || "none";
    throw new ChoiceError(`unknown threshold "${name}" of ${id}, which has: ${names}`);
  }
  const value = readThreshold(written, threshold.quantity);
  if (value === undefined) throw new ChoiceError(`"${written}" is not ${spelling[threshold.quantity]}`);
  return { id, name, value };
}

/**
 * The chosen rules with their thresholds.
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
  const requested = new Set(ids.map((id) => ruleOf(rules, id)));
  const set = settings.map((text) => readSetting(rules, text));
  return rules
    .filter((rule) => requested.size === 0 || requested.has(rule))
    .map((rule) => ({
      rule,
      thresholds: {
        ...Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
        ...Object.fromEntries(set.filter(({ id }) => id === rule.id).map(({ name, value }) => [name, value])),
      },
    }));
}
