// The engine against a real chain: requests are matched, refused, cancelled, expired and slashed as the rule has it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { World, until } from "./world.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
let world;

before(async () => {
	world = await World.start({ services: ENGINE });
});
after(async () => {
	await world?.stop();
});

test("a request gets the cheapest generator in the very next block", async () => {
	const id = await world.request({ preference: "cheapest" });
	const task = await world.until("TaskCreated", id);
	const { blockNumber } = await world.event("RequestCreated", id);
	assert.equal(world.generatorName(task.args.generator), "slow");
	assert.equal(task.blockNumber, blockNumber + 1n);
	assert.equal(await world.stateOf(id), "assigned");
});

test("the node tells of its blocks: nobody waits for the next poll", async () => {
	const indexer = world.market.service("chain-indexer");
	const told = await indexer.metric("head_told_total");
	const from = await world.head();
	await until("three blocks", async () => (await world.head()) >= from + 3n);
	await until("the indexer to hear of them", async () => (await indexer.metric("head_told_total")) >= told + 3);
});

test("one that prefers speed gets the fastest", async () => {
	const id = await world.request({ preference: "fastest" });
	assert.equal(world.generatorName((await world.until("TaskCreated", id)).args.generator), "fast");
});

test("caps count: the cheapest is too slow, the fastest too dear", async () => {
	const quick = await world.request({ preference: "cheapest", maxTime: 20 });
	const poor = await world.request({ preference: "fastest", maxPrice: "1" });
	assert.equal(world.generatorName((await world.until("TaskCreated", quick)).args.generator), "fast");
	assert.equal(world.generatorName((await world.until("TaskCreated", poor)).args.generator), "slow");
});

test("the deadline is the task's block and the quoted time", async () => {
	const id = await world.request({ preference: "fastest" });
	const { args, blockNumber } = await world.until("TaskCreated", id);
	const { timestamp } = await world.client.getBlock({ blockNumber });
	assert.equal(args.deadline, timestamp + 20n);
});

test("both markets are served, by the same generators", async () => {
	const ids = [await world.request(), await world.request({ circuit: "rollup-batch" })];
	const tasks = await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
	assert.deepEqual(
		tasks.map(({ args }) => args.marketId),
		world.market.markets.map(({ id }) => id),
	);
});

test("a request that nobody can serve waits, and can be cancelled while it is open", async () => {
	const id = await world.request({ maxPrice: "0.5" });
	const from = await world.head();
	await until("three blocks", async () => (await world.head()) >= from + 3n);
	assert.equal(await world.stateOf(id), "open");
	await world.chain.send(world.market.requester, "ProofMarketplace", "cancelRequest", [id]);
	assert.equal(await world.stateOf(id), "cancelled");
});

test("a new quote takes what has been waiting, earliest first", async () => {
	const waiting = [await world.request({ maxPrice: "0.7" }), await world.request({ maxPrice: "0.7" })];
	const fast = world.market.people.find(({ name }) => name === "fast");
	const market = world.market.marketOf("range-preimage");
	const terms = [market.id, await world.market.paymentUnits("0.6"), 20, 1n];
	await world.chain.send(fast.account, "GeneratorRegistry", "updateQuote", terms);
	const tasks = await Promise.all(waiting.map((id) => world.until("TaskCreated", id)));
	for (const { args } of tasks) {
		assert.equal(args.price, terms[1]);
		assert.equal(args.generator, fast.address);
	}
	assert.ok(tasks[0].logIndex < tasks[1].logIndex || tasks[0].blockNumber < tasks[1].blockNumber);
});

test("an expired request is refunded without anybody asking", async () => {
	const id = await world.request({ maxPrice: "0.1", expiresIn: 4 });
	const { args, blockNumber } = await world.until("RequestCancelled", id);
	const { params } = (await world.event("RequestCreated", id)).args;
	const { timestamp } = await world.client.getBlock({ blockNumber });
	assert.equal(args.refund, params.maxPrice);
	assert.ok(timestamp > params.expiry);
});

test("an overdue task is slashed once, after its deadline, and its requester refunded", async () => {
	const fast = world.market.people.find(({ name }) => name === "fast");
	const id = await world.request({ preference: "fastest", maxTime: 20 });
	const task = await world.until("TaskCreated", id);
	assert.equal(task.args.generator, fast.address);
	const { args, blockNumber } = await world.until("TaskSlashed", id, 60_000);
	const { timestamp } = await world.client.getBlock({ blockNumber });
	assert.ok(timestamp > task.args.deadline);
	assert.equal(args.refund, (await world.event("RequestCreated", id)).args.params.maxPrice);
	const all = await world.chain.events("ProofMarketplace", "TaskSlashed", { args: { requestId: id } });
	assert.equal(all.length, 1);
});

test("what others put on chain is taken as it is: another sender's cancellation, a refused pair", async () => {
	const id = await world.request({ maxPrice: "0.2", expiresIn: 3600 });
	await world.chain.send(world.market.requester, "ProofMarketplace", "cancelRequest", [id]);
	const next = await world.request();
	await world.until("TaskCreated", next);
	assert.equal(await world.event("TaskCreated", id), undefined);
});

test("without faults nothing was read from the streams but at the start", async () => {
	const [reads, gaps] = [await world.metrics("log_read_total", ENGINE), await world.metrics("bus_gap_total", ENGINE)];
	const ids = [];
	for (let i = 0; i < 5; i++) ids.push(await world.request());
	await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
	assert.deepEqual(await world.metrics("log_read_total", ENGINE), reads);
	assert.deepEqual(await world.metrics("bus_gap_total", ENGINE), gaps); // one that starts may miss what comes as it begins to listen
});
