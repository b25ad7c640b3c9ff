// Monitoring at work: a real Prometheus scrapes a running market, every query of rules and dashboards has an answer,
// and what is broken on purpose reaches a webhook through Alertmanager.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { Process, freePort } from "../../deploy/local/processes.mjs";
import { World, until } from "../e2e/world.mjs";
import { dashboards, filled, queriesOf } from "./monitoring/dashboards.mjs";
import { hurriedConfig, hurriedRouting, hurriedRules } from "./monitoring/hurry.mjs";

const rules = [...hurriedRules().values()];

// One generator is at home, the other is slashed.
const GENERATORS = [
	{ name: "busy", compute: 8n, stake: "100", quotes: [["range-preimage", "2", 60, 1n]] },
	{ name: "absent", compute: 8n, stake: "100", silent: true, quotes: [["range-preimage", "1", 5, 1n]] },
];

let world, prometheus, alertmanager, hook;
const delivered = []; // alerts that the webhook got

const get = async (url) => (await fetch(url)).json();
const query = async (expr) => {
	const answer = await get(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(expr)}`);
	assert.equal(answer.status, "success", `${expr}: ${answer.error}`);
	return answer.data.result;
};
const told = (name, status, labels = {}) =>
	delivered.find(
		(a) => a.labels.alertname === name && a.status === status && Object.entries(labels).every(([k, v]) => a.labels[k] === v),
	);

// As in deploy/monitoring, but every wait is short, and the ports are free ones.
async function startMonitoring() {
	const folder = join(world.folder, "monitoring");
	mkdirSync(folder);
	hook = createServer((request, response) => {
		let body = "";
		request.on("data", (chunk) => (body += chunk));
		request.on("end", () => {
			delivered.push(...JSON.parse(body).alerts.map((a) => ({ ...a, path: request.url })));
			response.end();
		});
	});
	await new Promise((resolve) => hook.listen(0, "127.0.0.1", resolve));

	const routing = hurriedRouting();
	for (const { webhook_configs } of routing.receivers)
		for (const w of webhook_configs) w.url = w.url.replace(/:\d+/, `:${hook.address().port}`);
	writeFileSync(join(folder, "alertmanager.yml"), stringify(routing));

	rules.forEach((r, i) => writeFileSync(join(folder, `rules-${i}.yml`), stringify(r)));
	const alertPort = await freePort();
	const config = hurriedConfig("prometheus.local.yml");
	config.rule_files = ["rules-*.yml"];
	config.alerting.alertmanagers[0].static_configs[0].targets = [`127.0.0.1:${alertPort}`];
	Object.assign(config.scrape_configs[0].file_sd_configs[0], { files: [join(world.folder, "targets.json")], refresh_interval: "1s" });
	writeFileSync(join(folder, "prometheus.yml"), stringify(config));

	const port = await freePort();
	const log = (name) => ({ log: join(world.folder, "logs", `${name}.log`) });
	const command = ["prometheus", `--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
	prometheus = new Process("prometheus", command, log("prometheus"));
	prometheus.url = `http://127.0.0.1:${port}`;
	alertmanager = new Process(
		"alertmanager",
		["prometheus-alertmanager", `--config.file=${folder}/alertmanager.yml`, `--storage.path=${folder}/alerts`, `--web.listen-address=127.0.0.1:${alertPort}`, "--cluster.listen-address="],
		log("alertmanager"),
	);
	const up = (url) => async () => (await fetch(`${url}/-/ready`)).ok;
	await prometheus.start().ready(up(prometheus.url));
	await alertmanager.start().ready(up(`http://127.0.0.1:${alertPort}`));
}

before(async () => {
	world = await World.start({
		generators: GENERATORS,
		circuits: ["range-preimage"],
		listeners: true,
		serviceArgs: { "chain-indexer": ["--alarm-head=3"] },
	});
	await startMonitoring();
});
after(async () => {
	await prometheus?.stop();
	await alertmanager?.stop();
	hook?.close();
	await world?.stop();
});

test("every process of the market is scraped", async () => {
	const expected = ["chain-indexer", "listener", "matcher", "orderbook", "slasher-watcher", "task-publisher", "webhook-gateway"];
	await until("all to be up", async () => (await query('up{job="kalypso",market="local"} == 1')).length === expected.length);
	const up = await query("up == 1");
	assert.deepEqual(up.map((r) => r.metric.service).sort(), expected);
});

test("a market that works: requests are proven, slashed and refunded", async () => {
	const slashed = await world.request({ maxTime: 10 });
	const expired = await world.request({ maxPrice: "0.5", expiresIn: 3 });
	await world.until("TaskSlashed", slashed);
	await world.until("RequestCancelled", expired);
	const proven = await world.request({ preference: "cheapest", maxPrice: "5", maxTime: 100 });
	await until("an end of the last one", async () => ["fulfilled", "slashed"].includes(await world.stateOf(proven)));
	// Nobody but "busy" is left who can take it.
	await world.chain.send(world.market.people[1].account, "GeneratorRegistry", "leaveMarket", [world.market.marketOf("range-preimage").id]);
	const again = await world.request();
	await world.until("ProofSubmitted", again);
	await until("the gateway to count them", async () => (await query('sum(request_ended_total{outcome="fulfilled"}) > 0')).length > 0);
});

// Empty while all is well; everything else has to have an answer.
const MAY_BE_EMPTY = {
	"label_replace": "no alarm goes on",
	"ALERTS": "no alert fires",
};
const mayBeEmpty = (expr) => Object.keys(MAY_BE_EMPTY).some((word) => expr.startsWith(word));

test("every query of the dashboards has an answer", async () => {
	for (const { title, expr } of dashboards().flatMap(queriesOf)) {
		if (mayBeEmpty(expr)) await query(filled(expr));
		else await until(`${title}: ${expr}`, async () => (await query(filled(expr))).length > 0);
	}
});

// The left side of what an alert compares is there, whatever its value: a name that nobody writes would never fire.
test("what alerts look at is there", async () => {
	const names = new Set(
		rules.flatMap(({ groups }) => groups.flatMap((g) => g.rules.flatMap((r) => [...r.expr.matchAll(/\b([a-z][a-zA-Z0-9_:]*)\{/g)].map(([, name]) => name)))),
	);
	for (const name of names) await until(name, async () => (await query(name)).length > 0);
	for (const rule of rules.flatMap(({ groups }) => groups.flatMap((g) => g.rules)).filter((r) => r.record))
		await until(rule.record, async () => (await query(rule.record)).length > 0);
	for (const group of (await get(`${prometheus.url}/api/v1/rules`)).data.groups)
		for (const rule of group.rules) assert.equal(rule.health, "ok", `${rule.name}: ${rule.lastError}`);
});

test("a service that dies: the alert reaches the webhook, says what to do, and is over when it is back", async () => {
	await world.service("matcher").kill();
	const alert = await until("the webhook to be told", () => told("KalypsoServiceDown", "firing", { service: "matcher" }));
	assert.equal(alert.path, "/pager");
	assert.equal(alert.annotations.summary, "no copy of matcher answers");
	assert.equal(alert.annotations.runbook_url, "docs/monitoring.md#kalypsoservicedown");
	await world.market.restart("matcher");
	await until("the webhook to be told of the end", () => told("KalypsoServiceDown", "resolved", { service: "matcher" }));
});

test("a node that makes no blocks: the alarm reaches the webhook, and is over when it goes on", async () => {
	await world.client.setIntervalMining({ interval: 0 });
	const alert = await until("the webhook to be told", () => told("KalypsoAlarm", "firing", { alarm: "head_stalled" }));
	assert.equal(alert.labels.service, "chain-indexer");
	assert.match(alert.annotations.summary, /^alarm head_stalled of chain-indexer/);
	await world.client.setIntervalMining({ interval: 1 });
	await until("the webhook to be told of the end", () => told("KalypsoAlarm", "resolved", { alarm: "head_stalled" }));
});

test("an account without ether: the alert reaches the webhook", async () => {
	const { account, ROLES } = await import("../../deploy/local/chain.mjs");
	await world.client.setBalance({ address: account(ROLES.relayer).address, value: 1n });
	const alert = await until("the webhook to be told", () => told("KalypsoTransactionsHeld", "firing", { service: "task-publisher" }));
	assert.match(alert.annotations.summary, /task-publisher signs nothing new/);
});
