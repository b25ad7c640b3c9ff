// What should happen and doesn't: each alarm is provoked with real processes, told of once, shown everywhere, and over
// when its cause is gone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { account, ROLES, ROOT } from "../../deploy/local/chain.mjs";
import { redisSays } from "../../deploy/local/market.mjs";
import { kalypso } from "./cli/world.mjs";
import { World, until } from "./world.mjs";

// Short limits, so that a test needn't wait for what an operator may.
const OPTIONS = {
	"chain-indexer": ["--alarm-head=3"],
	orderbook: ["--snapshot-every=20"],
	matcher: ["--alarm-tasks=2"],
	"task-publisher": ["--alarm-mined=2", "--alarm-rounds=2", "--alarm-silent=3"],
	"slasher-watcher": ["--alarm-mined=2", "--alarm-slash=2"],
	// It names a copy that isn't there, so it hears nobody, and reads everything from Redis.
	"webhook-gateway": ["--instances=z", "--alarm-silent=3", "--alarm-behind=2", "--alarm-redis=250", "--redis-timeout=250"],
};

let world;
before(async () => {
	world = await World.start({ services: [] });
	world.market.gatewayPort = 0;
	for (const [name, args] of Object.entries(OPTIONS)) world.market.add(world.market.makeService(name, { args })).start();
	await Promise.all(Object.keys(OPTIONS).map((name) => world.market.serviceReady(name)));
});
after(() => world?.stop());

const lines = (name, event) =>
	readFileSync(world.service(name).log, "utf8").split("\n").filter((line) => line.includes(`"event":"${event}"`));
const begun = (service, alarm) => lines(service, `alarm.${alarm}`).length;
const ended = (service, alarm) => lines(service, "alarm.over").filter((line) => line.includes(`"name":"${alarm}"`)).length;

// It has begun (the line of the log), or is over.
async function rises(service, alarm) {
	await until(`${alarm} of ${service}`, () => begun(service, alarm) > ended(service, alarm));
	assert.equal(await world.service(service).metric(`alarm_${alarm}`), 1);
	return JSON.parse(lines(service, `alarm.${alarm}`).at(-1));
}
async function passes(service, alarm) {
	await until(`the end of ${alarm} of ${service}`, () => begun(service, alarm) === ended(service, alarm));
	assert.equal(await world.service(service).metric(`alarm_${alarm}`), 0);
}

const status = async (code) => (await kalypso(["status", "--json", `--redis=${world.market.redis}`])).is(code).json;
const row = ({ services }, name) => services.find(({ service }) => service === name);
const readyz = async (name) => (await fetch(`${world.service(name).admin}/readyz`)).text();
const balance = (who, ether) => world.client.setBalance({ address: account(ROLES[who]).address, value: BigInt(ether) * 10n ** 18n });

test("a copy that isn't named isn't heard", async () => {
	const line = await rises("webhook-gateway", "input_silent");
	assert.match(line.writer, /./);
	assert.match(line.text, /--instances/);
	assert.equal(line.level, "error");
});

test("status shows every copy: lease, cursor, lag, snapshot, roll-back, quarantine, alarms; and fails while one goes on", async () => {
	await world.client.request({ method: "anvil_reorg", params: [3, []] });
	await until("the roll-back", async () => (await world.service("chain-indexer").metric("chain_rolled_back_total")) > 0);
	const said = await until("everybody to have said it", async () => {
		const all = await status(1);
		return ["chain-indexer", "orderbook", "matcher", "task-publisher"].every((name) => row(all, name).rolled_back) && row(all, "orderbook").snapshot && all;
	});
	assert.match(said.error.message, /webhook-gateway has an alarm: input_silent/);
	assert.deepEqual(row(said, "webhook-gateway").alarms, ["input_silent"]);
	assert.equal(row(said, "webhook-gateway").lease, null);
	assert.deepEqual(row(said, "webhook-gateway").inputs.map(({ log }) => log), ["chain", "book", "match", "task", "slash"]);
	for (const name of ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"]) {
		const { lease, cursor, quarantined, alarms, up_s } = row(said, name);
		assert.deepEqual({ lease, quarantined, alarms }, { lease: "a", quarantined: "0", alarms: [] });
		assert.match(cursor, /^\d+$/);
		assert.ok(Number(up_s) > 0);
	}
	assert.ok(row(said, "matcher").rolled_back.blocks >= 3);
	assert.ok(Number(row(said, "orderbook").snapshot.entry) >= 20 && row(said, "orderbook").snapshot.age_s < 3600);
	for (const { log, read, behind } of row(said, "matcher").inputs) {
		assert.equal(log, "book");
		assert.ok(Number(read) > 0 && behind <= 50, `${behind} entries behind ${read}`);
	}
	const text = (await kalypso(["status", `--redis=${world.market.redis}`])).is(1).out;
	assert.match(text, /SERVICE +COPY +READY +LEASE +BLOCK +LAG +BEHIND +SNAPSHOT +ROLL-BACK +QUARANTINED +UP +ALARMS/i);
});

test("a node that tells of no new block", async () => {
	await world.client.setIntervalMining({ interval: 0 });
	const line = await rises("chain-indexer", "head_stalled");
	assert.equal(line.head, String(await world.head()));
	assert.match(await readyz("chain-indexer"), /^ready\nalarm head_stalled: the node tells of no new block/);
	await world.client.setIntervalMining({ interval: 1 });
	await passes("chain-indexer", "head_stalled");
});

test("a matcher that is frozen: the chain goes on and no round is made", async () => {
	world.service("matcher").signal("SIGSTOP");
	assert.equal((await rises("task-publisher", "input_silent")).writer, "matcher");
	const { block, round } = await rises("task-publisher", "round_missing");
	assert.ok(Number(block) >= Number(round) + 2);
	world.service("matcher").signal("SIGCONT");
	await passes("task-publisher", "round_missing");
	await passes("task-publisher", "input_silent");
});

describe("accounts without ether", () => {
	test("matches don't become tasks, transactions aren't mined; it goes on by itself when funded", async () => {
		await balance("relayer", 0);
		const id = await world.request();
		await rises("matcher", "task_missing");
		await rises("task-publisher", "journal_stuck");
		await balance("relayer", 1000);
		await world.until("TaskCreated", id);
		await passes("matcher", "task_missing");
		await passes("task-publisher", "journal_stuck");
	});

	test("an overdue task isn't slashed", async () => {
		const id = await world.request({ preference: "fastest", maxTime: 20 });
		const { args } = await world.until("TaskCreated", id);
		await balance("slasher", 0);
		await world.client.setNextBlockTimestamp({ timestamp: args.deadline + 1n });
		const line = await rises("slasher-watcher", "slash_missing");
		assert.ok(Number(line.request) > 0 && Number(line.request) <= Number(id));
		await rises("slasher-watcher", "journal_stuck");
		await balance("slasher", 1000);
		await world.until("TaskSlashed", id);
		await passes("slasher-watcher", "slash_missing");
		await passes("slasher-watcher", "journal_stuck");
	});
});

test("each of these was told of once", () => {
	const once = { matcher: ["task_missing"], "chain-indexer": ["head_stalled"], "task-publisher": ["round_missing", "journal_stuck"], "slasher-watcher": ["slash_missing", "journal_stuck"] };
	for (const [service, alarms] of Object.entries(once)) for (const alarm of alarms) assert.equal(begun(service, alarm), 1, `${alarm} of ${service}`);
	assert.equal(begun("webhook-gateway", "input_silent"), 1);
});

test("a clock that is an hour late: told with both times; leases and matches don't mind", async (t) => {
	const library = join(world.folder, "clock.so");
	const made = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", library, join(ROOT, "tests/chaos/clock.c")]);
	if (made.status !== 0) return t.skip("gcc isn't there");
	const orderbook = world.service("orderbook");
	const right = { ...orderbook.env };
	await orderbook.stop();
	Object.assign(orderbook.env, { LD_PRELOAD: library, KALYPSO_CLOCK_S: "-3600" });
	if (right.ASAN_OPTIONS !== undefined) orderbook.env.ASAN_OPTIONS += ":verify_asan_link_order=0";
	await world.market.restart("orderbook");
	const line = await rises("orderbook", "clock_off");
	assert.ok(Math.abs(Date.parse(line.redis) - Date.parse(line.clock) - 3_600_000) < 60_000, `${line.clock} ${line.redis}`);
	assert.ok(Math.abs(Number(line.off_s) + 3600) < 60, line.off_s);
	assert.match(line.text, /set the one that is wrong.*NTP/);
	assert.match(await readyz("orderbook"), /^ready\nalarm clock_off: /);
	assert.ok(Math.abs((await world.service("orderbook").metric("clock_offset_ms")) + 3_600_000) < 60_000);
	assert.equal(row(await status(1), "orderbook").lease, "a");
	await world.until("TaskCreated", await world.request());
	await orderbook.stop();
	orderbook.env = right;
	await world.market.restart("orderbook");
	// Twice as long as it takes to notice.
	await until("it to run for a while", () => Date.now() - Date.parse(orderbook.event("service.ready").time) > 6000);
	assert.equal(orderbook.event("alarm.clock_off"), undefined);
	assert.ok(Math.abs(await orderbook.metric("clock_offset_ms")) < 5000);
});

// Last, because whoever waits for Redis does nothing else, and may give other alarms for that.
test("Redis that doesn't answer, and a log that isn't read for that", async () => {
	redisSays(world.market.redisPort, "client", "pause", 9000, "all");
	await rises("webhook-gateway", "redis_slow");
	assert.match((await rises("webhook-gateway", "behind")).log, /chain|book|match|task|slash/);
	assert.match(await readyz("webhook-gateway"), /^alarm behind: a log is not read/m);
	await passes("webhook-gateway", "redis_slow");
	await passes("webhook-gateway", "behind");
});
