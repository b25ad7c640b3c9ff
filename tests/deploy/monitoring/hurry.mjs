// deploy/monitoring with every wait short, for tests that wait for alerts.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../../../deploy/local/chain.mjs";

export const MONITORING = join(ROOT, "deploy/monitoring");
const read = (...path) => parse(readFileSync(join(MONITORING, ...path), "utf8"));

// Prometheus' configuration of this name: it asks every second.
export function hurriedConfig(name) {
	return { ...read(name), global: { scrape_interval: "1s", evaluation_interval: "1s" } };
}

// By file name: what has to go on for some time goes on for two seconds.
export function hurriedRules() {
	const files = new Map(readdirSync(join(MONITORING, "rules")).map((name) => [name, read("rules", name)]));
	for (const { groups } of files.values()) for (const { rules } of groups) for (const rule of rules) if (rule.for) rule.for = "2s";
	return files;
}

export function hurriedRouting() {
	const routing = read("alertmanager.yml");
	const hurry = (route) => {
		Object.assign(route, { group_wait: "1s", group_interval: "1s" });
		route.routes?.forEach(hurry);
	};
	hurry(routing.route);
	return routing;
}
