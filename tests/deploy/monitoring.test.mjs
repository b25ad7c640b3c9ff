// Monitoring at rest: rules and configurations are what Prometheus and Alertmanager read, each alert fires when it should
// and leads to a run-book, and dashboards ask for metrics that exist.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ROOT } from "../../deploy/local/chain.mjs";
import { ALERTS } from "./monitoring/alerts.mjs";
import { dashboards, queriesOf } from "./monitoring/dashboards.mjs";
import { ruleTests } from "./monitoring/promtool.mjs";

const FOLDER = join(ROOT, "deploy/monitoring");
const rules = readdirSync(join(FOLDER, "rules")).map((name) => join(FOLDER, "rules", name));
const all = rules.flatMap((file) => parse(readFileSync(file, "utf8")).groups.flatMap((group) => group.rules));
const alerts = all.filter((rule) => rule.alert);

// What a tool says, and that it is content.
function run(tool, ...args) {
	try {
		return execFileSync(tool, args, { encoding: "utf8", cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
	} catch (error) {
		assert.fail(`${tool} ${args.join(" ")}: ${error.stdout}${error.stderr}`);
	}
}

test("promtool takes rules and configurations", () => {
	run("promtool", "check", "rules", ...rules);
	for (const name of ["prometheus.local.yml", "prometheus.compose.yml"]) run("promtool", "check", "config", join(FOLDER, name));
});

test("amtool takes the routing, and what is critical goes to a person", () => {
	const file = join(FOLDER, "alertmanager.yml");
	run("amtool", "check-config", file);
	const route = (...labels) => run("amtool", "config", "routes", "test", `--config.file=${file}`, ...labels).trim();
	assert.equal(route("alertname=KalypsoServiceDown", "severity=critical"), "pager");
	assert.equal(route("alertname=KalypsoCopyDown", "severity=warning"), "people");
});

test("each alert fires when it should, and only then", () => {
	assert.deepEqual(ALERTS.map((a) => a.alert).sort(), alerts.map((a) => a.alert).sort(), "each has a test");
	const folder = mkdtempSync(join(tmpdir(), "kalypso-rules-"));
	try {
		const file = join(folder, "test.yml");
		writeFileSync(file, ruleTests(rules));
		assert.match(run("promtool", "test", "rules", file), /SUCCESS/);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

// As GitHub makes them of headings.
const anchors = (text) =>
	[...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));

test("each alert says what is wrong, how grave it is, and where its run-book is", () => {
	for (const { alert, annotations, labels } of alerts) {
		assert.match(labels.severity, /^(critical|warning)$/, alert);
		assert.match(annotations.summary, /\w/, alert);
		const [path, anchor] = annotations.runbook_url.split("#");
		const page = join(ROOT, path);
		assert.ok(existsSync(page), `${alert}: no ${path}`);
		assert.ok(anchors(readFileSync(page, "utf8")).includes(anchor), `${alert}: ${path} has no section #${anchor}`);
	}
});

test("links of the monitoring page lead somewhere", () => {
	const page = join(ROOT, "docs/monitoring.md");
	for (const [, path, anchor] of readFileSync(page, "utf8").matchAll(/\]\(([^)#:]*)(?:#([^)]+))?\)/g)) {
		const target = path ? join(ROOT, "docs", path) : page;
		assert.ok(existsSync(target), `no ${path}`);
		if (anchor) assert.ok(anchors(readFileSync(target, "utf8")).includes(anchor), `${path} has no #${anchor}`);
	}
});

// Metrics that docs/ have a row for; lint holds these against the programs. A histogram is three.
const documented = new Set(
	readdirSync(join(ROOT, "docs"))
		.filter((name) => name.endsWith(".md"))
		.flatMap((name) => [...readFileSync(join(ROOT, "docs", name), "utf8").matchAll(/^\| `([a-z0-9_]+)` \|/gm)])
		.flatMap(([, name]) => (name.endsWith("_seconds") ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])),
);
const recorded = new Set(all.filter((rule) => rule.record).map((rule) => rule.record));
const FOREIGN = ["up", "ALERTS"]; // Prometheus's own
const metricsOf = (expr) => [...expr.matchAll(/\b([a-z][a-zA-Z0-9_:]*|ALERTS)\{/g)].map(([, name]) => name);

test("rules and dashboards ask for metrics that are documented", () => {
	const asked = [...all.map((r) => [r.alert ?? r.record, r.expr]), ...dashboards().flatMap(queriesOf).map((q) => [q.title, q.expr])];
	for (const [who, expr] of asked)
		for (const name of metricsOf(expr))
			assert.ok(documented.has(name) || recorded.has(name) || FOREIGN.includes(name), `${who} asks for ${name}`);
});

test("dashboards are whole: panels of their own number and place, a unit, a legend", () => {
	for (const { name, json } of dashboards()) {
		const ids = json.panels.map(({ id }) => id);
		assert.equal(new Set(ids).size, ids.length, name);
		assert.ok(json.panels.filter(({ type }) => type === "row").length >= 5, `${name}: a row for each question`);
		const taken = new Set();
		for (const { title, type, gridPos: g, targets, fieldConfig } of json.panels) {
			assert.ok(g.x + g.w <= 24, `${name}: ${title} is outside`);
			for (let x = g.x; x < g.x + g.w; x++)
				for (let y = g.y; y < g.y + g.h; y++) {
					assert.ok(!taken.has(`${x},${y}`), `${name}: ${title} lies on another panel`);
					taken.add(`${x},${y}`);
				}
			if (type === "row") continue;
			assert.ok(targets.length && fieldConfig.defaults.unit, `${name}: ${title}`);
			for (const t of targets) assert.match(t.expr, /market=~"\$market"/, `${name}: ${title}`);
		}
	}
});

test("Grafana's provisioning names the data source that dashboards may choose", () => {
	const read = (path) => parse(readFileSync(join(FOLDER, "grafana/provisioning", path), "utf8"));
	assert.equal(read("datasources/prometheus.yml").datasources[0].type, "prometheus");
	assert.equal(read("dashboards/kalypso.yml").providers[0].type, "file");
});

// None of the collectors can be had here, so what they name is held against a line as services write it.
const LINE = { time: "2026-11-21T08:15:00.123Z", level: "info", service: "matcher", event: "service.ready", after_ms: "12" };

test("collectors read lines as they are written", () => {
	const at = (name) => join(FOLDER, "collectors", name);
	const vector = parse(readFileSync(at("vector.yaml"), "utf8"));
	assert.deepEqual(vector.transforms.lines.inputs, Object.keys(vector.sources));
	assert.deepEqual(vector.sinks.out.inputs, Object.keys(vector.transforms));
	const [promtail] = parse(readFileSync(at("promtail.yml"), "utf8")).scrape_configs;
	const fields = promtail.pipeline_stages.find((s) => s.json).json.expressions;
	for (const field of Object.values(fields)) assert.ok(field in LINE, `promtail asks for ${field}`);
	const parser = Object.fromEntries(
		[...readFileSync(at("parsers.conf"), "utf8").matchAll(/^ +(\w+) +(\S+)$/gm)].map(([, key, value]) => [key, value]),
	);
	const form = parser.Time_Format.replace(/%[YmdHMSL]/g, (what) => ({ "%Y": "\\d{4}", "%L": "\\d{3}" })[what] ?? "\\d\\d").replace(".", "\\.");
	assert.match(LINE[parser.Time_Key], new RegExp(`^${form}$`));
	assert.match(readFileSync(at("fluent-bit.conf"), "utf8"), /Parser +kalypso\n/);
});
