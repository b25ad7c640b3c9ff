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
			const last = redis(world, "xrevrange", key("log", log), "+", "-", "count", "3")
				.split("\n")
				.filter((line) => /^\d+-0$/.test(line));
			redis(world, "xdel", key("log", log), ...last);
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
