/** The expressions in the files that we ship for Prometheus and Grafana. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const contrib = join(import.meta.dirname, "../../contrib");

/** The alert rules. */
export const alertsPath = join(contrib, "prometheus/alerts.yml");

/** An alert rule. */
interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The rules of the file. */
export const alerts = (
  Bun.YAML.parse(readFileSync(alertsPath, "utf8")) as { groups: { rules: Alert[] }[] }
).groups.flatMap(({ rules }) => rules);

/** A panel of the dashboard. */
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** The dashboard. */
export const dashboard = JSON.parse(readFileSync(join(contrib, "grafana/sockscope.json"), "utf8")) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
};

/** The expressions of the dashboard as Grafana sends them, with all hosts chosen. */
export const dashboardExpressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)/g, ".*"),
  })),
);
