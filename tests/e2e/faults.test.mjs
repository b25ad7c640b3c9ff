// What may happen to the engine, and must not be seen from outside: deaths, pauses, a chain that changes its mind.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { redisSays } from "../../deploy/local/market.mjs";
import { World, until } from "./world.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const FOLDS = ["orderbook", "matcher"];

// Every request has exactly one task on the canonical chain.
async function oneTaskEach(world, ids) {
	const tasks = await world.chain.events("ProofMarketplace", "TaskCreated");
	for (const id of ids) {
		const own = tasks.filter(({ args }) => args.requestId === id);
		assert.equal(own.length, 1, `request ${id} has ${own.length} tasks`);
	}
}

const entriesOf = (world, log) => Number(redisSays(world.market.redisPort, "xlen", `kalypso:{local}:log:${log}`));

describe("deaths", () => {
	let world;
	before(async () => {
		world = await World.start({ services: ENGINE });
	});
	after(async () => {
		await world?.stop();
	});

	for (const name of ENGINE)
		test(`${name} is killed with work under way, and starts again: each request is assigned once`, async () => {
			const ids = [await world.request()];
			await world.service(name).kill();
			for (let i = 0; i < 3; i++) ids.push(await world.request());
			await world.market.restart(name);
			for (let i = 0; i < 3; i++) ids.push(await world.request());
			await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
			await oneTaskEach(world, ids);
		});

	test("all are killed at once", async () => {
		const ids = [await world.request(), await world.request()];
		await Promise.all(ENGINE.map((name) => world.service(name).kill()));
		ids.push(await world.request());
		await Promise.all(ENGINE.map((name) => world.market.restart(name)));
		ids.push(await world.request());
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		await oneTaskEach(world, ids);
	});

	test("Redis is killed and starts again", async () => {
		const ids = [await world.request()];
		await world.market.service("redis").kill();
		ids.push(await world.request());
		world.market.service("redis").start();
		ids.push(await world.request());
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		await oneTaskEach(world, ids);
	});

	test("a stopped service gives its lease back, and is what it was when it starts again", async () => {
		const entries = entriesOf(world, "match");
		await world.service("matcher").stop();
		assert.equal(world.service("matcher").exit.code, 0);
		await world.market.restart("matcher");
		const id = await world.request();
		await world.until("TaskCreated", id);
		assert.ok(entriesOf(world, "match") > entries);
	});

	test("a second copy waits for the lease, and takes over; the paused first one is fenced", async () => {
		const { market } = world;
		const second = market.add(Object.assign(market.makeService("matcher", { instance: "b" }), { name: "matcher-b" }));
		second.start();
		await until("b to wait", () => second.event("service.waiting")?.err === "HELD");
		world.service("matcher").signal("SIGSTOP");
		await until("b to lead", () => second.event("service.ready"), { timeoutMs: 20_000 });
		// The others hear only instance a, so they read the log: slower, but nothing is lost.
		const ids = [await world.request(), await world.request()];
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		world.service("matcher").signal("SIGCONT");
		await world.service("matcher").ended;
		assert.equal(world.service("matcher").exit.code, 1);
		assert.equal(world.service("matcher").event("service.exited").err, "FENCED");
		await second.stop();
		await market.restart("matcher");
		ids.push(await world.request());
		await world.until("TaskCreated", ids.at(-1));
		await oneTaskEach(world, ids);
	});
});

describe("a chain that changes its mind", () => {
	let world;
	before(async () => {
		world = await World.start({ services: ENGINE });
	});
	after(async () => {
		await world?.stop();
	});

	test("tasks of three blocks that are gone are assigned again, once, and only these blocks are undone", async () => {
		const kept = await world.request();
		await world.until("TaskCreated", kept);
		const lost = await world.request();
		await world.until("TaskCreated", lost);
		const counted = ["log_folded_total", "log_read_total"];
		const before_ = await Promise.all(counted.map((m) => world.metrics(m, FOLDS)));
		const indexed = await world.service("chain-indexer").metric("block_indexed_total");
		const head = await world.head();
		await world.client.request({ method: "anvil_reorg", params: [3, []] });
		// The requests of these blocks are gone from the chain and from the pool: they are placed again.
		await until("the roll-back", async () => (await world.service("chain-indexer").metric("chain_rolled_back_total")) > 0);
		const again = await world.request();
		await world.until("TaskCreated", again);
		assert.equal(await world.stateOf(kept), "assigned");
		await oneTaskEach(world, [kept, again]);
		const after_ = await Promise.all(counted.map((m) => world.metrics(m, FOLDS)));
		const blocks = Number((await world.head()) - head) + 3;
		assert.ok((await world.service("chain-indexer").metric("block_indexed_total")) - indexed <= blocks + 2);
		for (const name of FOLDS) {
			const folded = after_[0][name] - before_[0][name];
			assert.ok(folded <= 8 * blocks + 20, `${name} dealt with ${folded} entries for ${blocks} blocks`);
			assert.equal(after_[1][name], before_[1][name], `${name} read its stream`);
		}
	});

	test("a height that goes back silently is followed, too", async () => {
		const snapshot = await world.client.snapshot();
		const first = await world.request();
		await world.until("TaskCreated", first);
		await world.client.revert({ id: snapshot });
		const second = await world.request();
		await world.until("TaskCreated", second);
		await oneTaskEach(world, [second]);
	});

	test("many at once end in one task for each request that is there", async () => {
		const ids = [];
		for (let round = 0; round < 4; round++) {
			await world.request();
			await world.client.request({ method: "anvil_reorg", params: [2 + round, []] });
		}
		for (let i = 0; i < 3; i++) ids.push(await world.request());
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		await oneTaskEach(world, ids);
	});
});

describe("a bus that is cut", () => {
	let world;
	before(async () => {
		world = await World.start({ services: ENGINE, busCut: true });
	});
	after(async () => {
		await world?.stop();
	});

	test("every request is assigned all the same, from the logs alone", async () => {
		const ids = [];
		for (let i = 0; i < 5; i++) ids.push(await world.request());
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		await oneTaskEach(world, ids);
		const silences = await world.metrics("bus_silence_total", FOLDS);
		for (const name of FOLDS) assert.ok(silences[name] > 0);
	});
});
