// Redis loses what it had acknowledged, or trims what it needn't keep: everybody goes on by himself, and what comes out is
// what the chain says.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { redisSays } from "../../deploy/local/market.mjs";
import { kalypso } from "./cli/world.mjs";
import { SERVICES, World, until } from "./world.mjs";

const ENGINE = SERVICES.filter((name) => name !== "webhook-gateway");
const LOGS = ["chain", "book", "match", "task", "slash"];

const redis = (world, ...command) => redisSays(world.market.redisPort, ...command);
const key = (...words) => `kalypso:{local}:${words.join(":")}`;
const epochOf = (world) => redis(world, "get", key("epoch"));
const firstOf = (world, log) => Number(redis(world, "xrange", key("log", log), "-", "+", "count", "1").split("-")[0]);
const lastOf = (world, log) => Number(redis(world, "xrevrange", key("log", log), "+", "-", "count", "1").split("-")[0]);
const pids = (world, names) => names.map((name) => world.service(name).pid);

// Every request has exactly one task on the chain.
async function oneTaskEach(world, ids) {
	await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
	const tasks = await world.chain.events("ProofMarketplace", "TaskCreated");
	for (const id of ids) {
		const own = tasks.filter(({ args }) => args.requestId === id);
		assert.equal(own.length, 1, `request ${id} has ${own.length} tasks`);
	}
}

async function allReady(world, names) {
	for (const name of names) await until(`${name} to be ready`, () => world.service(name).isReady());
}

// What Redis holds is what follows from the chain: audited when nothing moves.
async function audited(world) {
	await world.client.setIntervalMining({ interval: 0 });
	const { market } = world;
	const head = Number(await world.head());
	await until("the logs to have the newest block", () => {
		const status = redis(world, "hget", key("status", "matcher:a"), "block");
		return Number(status) >= head;
	});
	const words = ["audit", `--rpc=${world.chain.url}`, `--contracts=${market.contractsFile}`, "--live", `--redis=${market.redis}`, "--json"];
	const audit = (await kalypso(words)).is(0).json;
	assert.equal(audit.agrees, true);
	await world.client.setIntervalMining({ interval: 1 });
	return audit;
}

// Asks for one request after the other until it is told to stop.
class Load {
	constructor(world) {
		this.world = world;
		this.ids = [];
		this.going = true;
		this.done = this.run();
	}

	async run() {
		while (this.going) this.ids.push(await this.world.request());
	}

	// Wait for @count more requests, and for tasks of those before them.
	async more(count) {
		const from = this.ids.length;
		await until(`${count} more requests`, () => this.ids.length >= from + count);
		await Promise.all(this.ids.slice(0, from + 1).map((id) => this.world.until("TaskCreated", id)));
	}

	// No more; each that there was has one task on the chain.
	async end() {
		this.going = false;
		await this.done;
		await oneTaskEach(this.world, this.ids);
	}
}

async function inAnotherLife(world, before) {
	await until("another life of the logs", () => {
		const now = epochOf(world);
		return now && now !== before;
	});
}

describe("a store that forgets", () => {
	let world, started;
	before(async () => {
		world = await World.start({ args: ["--snapshot-every=40"] });
		started = pids(world, SERVICES);
	});
	after(async () => {
		await world?.stop();
	});

	test("Redis is emptied under load: the logs come back from the chain, and nobody was started again", async () => {
		const load = new Load(world);
		await load.more(5);
		const epoch = epochOf(world);
		redis(world, "flushall");
		await inAnotherLife(world, epoch);
		await allReady(world, SERVICES);
		await load.more(2);
		await load.end();
		await audited(world);
		assert.deepEqual(pids(world, SERVICES), started);
	});

	test("Redis is put back to what it was some seconds ago", async () => {
		const folder = join(world.folder, "redis");
		const backup = join(world.folder, "backup");
		const load = new Load(world);
		await load.more(3);
		// A copy of the append-only file as it is at some moment, its end cut at whatever was written last.
		cpSync(folder, backup, { recursive: true });
		await load.more(4);
		const epoch = epochOf(world);
		await world.service("redis").kill();
		rmSync(folder, { recursive: true });
		cpSync(backup, folder, { recursive: true });
		world.service("redis").start();
		await until("Redis", () => redis(world, "ping") === "PONG");
		await inAnotherLife(world, epoch);
		await allReady(world, SERVICES);
		await load.more(2);
		await load.end();
		await audited(world);
		assert.deepEqual(pids(world, SERVICES), started);
	});

	for (const log of LOGS.filter((name) => name !== "slash"))
		test(`the newest entries of the ${log} log are gone`, async () => {
			const load = new Load(world);
			await load.more(2);
			const epoch = epochOf(world);
			const last = lastOf(world, log);
			redis(world, "xdel", key("log", log), ...[last - 2, last - 1, last].map((n) => `${n}-0`));
			await inAnotherLife(world, epoch);
			await allReady(world, SERVICES);
			await load.more(2);
			await load.end();
			await audited(world);
		});

	test("a snapshot lacks a piece: the one before it is taken", async () => {
		await until("two snapshots", () => redis(world, "hlen", key("snapshot", "orderbook")) === "2");
		await world.service("orderbook").kill();
		const id = redis(world, "hget", key("snapshot", "orderbook"), "new").split(" ")[0];
		const older = redis(world, "hget", key("snapshot", "orderbook"), "old").split(" ")[2];
		redis(world, "hdel", key("piece", "orderbook", id), "0");
		await world.market.restart("orderbook");
		assert.ok(world.service("orderbook").event("snapshot.torn"));
		assert.equal(world.service("orderbook").event("snapshot.loaded").input, older);
		await oneTaskEach(world, [await world.request()]);
		await audited(world);
	});
});

describe("logs that are trimmed", () => {
	const KEEP = 100;
	let world;
	before(async () => {
		world = await World.start({ args: [`--log-keep=${KEEP}`, "--snapshot-every=20"] });
	});
	after(async () => {
		await world?.stop();
	});

	const json = async (path) => (await fetch(`${world.market.gateway}${path}`)).json();
	const gateway = () => world.service("webhook-gateway");

	test("what every reader has snapshots of goes, and the newest stays", async () => {
		const load = new Load(world);
		await until("the logs to be trimmed", () => ["chain", "book", "match"].every((log) => firstOf(world, log) > 1), {
			timeoutMs: 120_000,
		});
		await load.end();
		for (const log of ["chain", "book", "match"])
			assert.ok(lastOf(world, log) - firstOf(world, log) + 1 >= KEEP, log);
	});

	test("every service starts again from its snapshot and the rest of the log", async () => {
		const epoch = epochOf(world);
		await Promise.all(ENGINE.map((name) => world.service(name).kill()));
		await Promise.all(ENGINE.map((name) => world.market.restart(name)));
		await oneTaskEach(world, [await world.request(), await world.request()]);
		assert.equal(epochOf(world), epoch);
	});

	test("a gateway begins with orderbook's snapshot, and says so", async () => {
		const id = await world.request();
		await world.until("TaskCreated", id);
		await gateway().stop();
		await world.market.restart("webhook-gateway");
		assert.ok(gateway().event("base.told"));
		await until("the gateway to know the request", async () => {
			const { request } = await json(`/v1/requests/${id}`);
			return request?.state === "assigned";
		});
		const history = () => redis(world, "hget", key("status", "webhook-gateway:a"), "history");
		await until("its status", () => history() === "from a snapshot");
		const events = await fetch(`${world.market.gateway}/v1/events?log=book&from=1`);
		assert.equal(events.status, 410);
	});

	test("export and a live audit say that the logs don't begin at 1 any more", async () => {
		const where = [`--redis=${world.market.redis}`, `--rpc=${world.chain.url}`, `--contracts=${world.market.contractsFile}`];
		const said = /doesn't begin at 1 any more/;
		(await kalypso(["export", "chain", `--redis=${world.market.redis}`, `--out=${join(world.folder, "x.logs")}`])).is(1, said);
		(await kalypso(["audit", "--live", ...where])).is(1, said);
		(await kalypso(["audit", ...where.slice(1)])).is(0, /Agrees +yes/);
	});

	test("who stays away too long is struck off; when it comes back, the logs are derived again", async () => {
		await world.service("slasher-watcher").stop();
		const epoch = epochOf(world);
		// Not faster than orderbook writes snapshots, or it is struck off as well.
		const orderbookAt = () => Number(redis(world, "hget", key("readers", "chain"), "orderbook"));
		for (let mined = 0; mined < 3 * KEEP; mined += KEEP / 2) {
			await world.client.mine({ blocks: KEEP / 2 });
			const head = Number(await world.head());
			await until("the chain log to have them", async () => (await world.service("chain-indexer").metric("chain_tip_block")) >= head);
			await until("orderbook to keep up", () => orderbookAt() > lastOf(world, "chain") - KEEP);
		}
		const struck = await until("the alarm", () => world.service("chain-indexer").event("log.reader_struck"));
		assert.equal(struck.reader, "slasher-watcher");
		assert.equal(await world.service("chain-indexer").metric("log_reader_struck_total"), 1);
		await until("the log to be trimmed without it", () => lastOf(world, "chain") - firstOf(world, "chain") < 2 * KEEP);
		world.service("slasher-watcher").start();
		await inAnotherLife(world, epoch);
		await allReady(world, SERVICES);
		await oneTaskEach(world, [await world.request(), await world.request()]);
		(await kalypso(["audit", `--rpc=${world.chain.url}`, `--contracts=${world.market.contractsFile}`])).is(0, /Agrees +yes/);
	});
});
