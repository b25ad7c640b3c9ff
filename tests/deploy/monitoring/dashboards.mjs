// Dashboards of deploy/monitoring/grafana, and what they ask Prometheus.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../deploy/local/chain.mjs";

const FOLDER = join(ROOT, "deploy/monitoring/grafana");

export const dashboards = () =>
	readdirSync(FOLDER)
		.filter((name) => name.endsWith(".json"))
		.map((name) => ({ name, json: JSON.parse(readFileSync(join(FOLDER, name), "utf8")) }));

// Every query of a dashboard with the title of its panel.
export const queriesOf = ({ json }) => [
	...json.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
	...json.annotations.list.map(({ name, expr }) => ({ title: name, expr })),
];

// With what Grafana would put in for its variables.
export const filled = (expr) => expr.replaceAll("$market", ".*").replaceAll("$__rate_interval", "20s");
