// One node misbehaves, of three or alone: requests are assigned all the same, each once, and an audit against the chain
// itself finds nothing. SEED=N for other random numbers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ENGINE, ProxiedWorld, until } from "./rpc/world.mjs";

let self;

describe("one of three nodes misbehaves", () => {
	before(async () => (self = await ProxiedWorld.start(3)));
	after(() => self?.stop());

	const cases = [
		["limited", { retryAfter: 2 }],
		["error", { status: 500 }],
		["error", { status: 503 }],
		["reset"],
		["hang"],
		["slow", { ms: 3000 }],
		["half"],
		["cut"],
		["html"],
		["huge"],
		["nested"],
		["wrong-id"],
		["partial"],
		["reorder"],
		["refuse"],
		["refuse", { code: -32005, message: "daily request count exceeded, request rate limited" }],
		["null-block"],
		["stale"],
		["silent-heads"],
		["missing-logs"],
		["missing-logs", { part: 0.5 }],
		["forge"],
		["lose-tx"],
		["double-tx"],
	];
	for (const [name, options = {}] of cases)
		test(`${name} ${JSON.stringify(options)}`, async () => {
			await self.proxies[0].set(name, options);
			await self.assignTwo();
			const state = ["stale", "silent-heads"].includes(name);
			if (!state) await until("the fault to happen", async () => (await self.proxies[0].stats()).faults[name] > 0);
			await self.proxies[0].clear();
			for (const s of ENGINE) assert.ok(self.world.service(s).running, `${s} ended`);
		});

	test("a node of another chain is excluded with an alarm, and taken back when it is of ours again", async () => {
		await self.proxies[0].set("wrong-chain");
		await self.logged("node.excluded");
		assert.equal(self.indexer.event("node.excluded").level, "error");
		await self.assignTwo();
		await self.proxies[0].clear();
		await self.logged("node.included");
	});

	test("what each did wrong is counted", async () => {
		const node = self.proxies[0].rpc.slice("http://".length);
		for (const fault of ["silent", "limited", "broken", "contradicted", "other_chain"])
			assert.ok((await self.indexer.metric(`rpc_node_fault_total{node="${node}",fault="${fault}"}`)) > 0, fault);
		for (const { rpc } of self.proxies.slice(1)) {
			const other = rpc.slice("http://".length);
			assert.equal(await self.indexer.metric(`rpc_node_fault_total{node="${other}",fault="contradicted"}`), 0);
		}
	});

	test("while it was catching up, too", async () => {
		await self.indexer.stop();
		const ids = [await self.world.request()];
		await self.world.client.mine({ blocks: 200 });
		ids.push(await self.world.request());
		for (const name of ["missing-logs", "null-block", "partial", "error"]) await self.proxies[0].set(name, { share: 0.3 });
		await self.proxies[1].set("refuse-range", { blocks: 7 });
		await self.proxies[2].set("reorder");
		await self.world.market.restart("chain-indexer");
		await Promise.all(ids.map((id) => self.world.until("TaskCreated", id)));
		assert.ok((await self.proxies[1].stats()).faults["refuse-range"] > 0);
		await Promise.all(self.proxies.map((p) => p.clear()));
	});

	test("every request has one task, and the logs are the chain's", async () => {
		assert.ok((await self.oneTaskEach()) >= 50);
		await self.auditAgrees();
	});
});

describe("the only node misbehaves, and is right again", () => {
	before(async () => (self = await ProxiedWorld.start(1)));
	after(() => self?.stop());

	const cases = [
		["limited", { retryAfter: 1, count: 2 }],
		["error", { count: 3 }],
		["reset", { count: 3 }],
		["half", { count: 3 }],
		["cut", { count: 3 }],
		["html", { count: 3 }],
		["nested", { count: 3 }],
		["wrong-id", { count: 3 }],
		["partial", { count: 2 }],
		["null-block", { count: 3 }],
		["refuse", { count: 3 }],
		["missing-logs", { count: 2 }],
	];
	for (const [name, options] of cases)
		test(`${name} ${JSON.stringify(options)}`, async () => {
			await self.proxies[0].set(name, options);
			await self.assignTwo(20);
			await self.proxies[0].clear();
		});

	test("heads that stand still are waited out; nothing is rolled back", async () => {
		const rolledBack = await self.indexer.metric("chain_rolled_back_total");
		await self.proxies[0].set("stale");
		const id = await self.world.request();
		await self.world.client.mine({ blocks: 3 });
		await self.proxies[0].clear();
		await self.world.until("TaskCreated", id);
		assert.equal(await self.indexer.metric("chain_rolled_back_total"), rolledBack);
	});

	test("it catches up with a node that takes few blocks at a time and loses answers", async () => {
		await self.indexer.stop();
		const id = await self.world.request();
		await self.world.client.mine({ blocks: 200 });
		await self.proxies[0].set("refuse-range", { blocks: 7 });
		await self.proxies[0].set("partial", { share: 0.3 });
		await self.proxies[0].set("reorder");
		await self.proxies[0].set("limited", { share: 0.05 });
		await self.world.market.restart("chain-indexer");
		await self.world.until("TaskCreated", id);
		assert.ok((await self.proxies[0].stats()).faults["refuse-range"] > 0);
		assert.equal(self.indexer.event("chain.range_refused").code, "-32005");
		await self.proxies[0].clear();
	});

	test("every request has one task, and the logs are the chain's", async () => {
		await self.oneTaskEach();
		await self.auditAgrees();
	});
});
