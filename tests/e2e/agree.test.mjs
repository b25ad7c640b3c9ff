// Nodes that contradict each other, or what they said before: whose word counts, and when nothing may move.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";
import { Process, freePort } from "../../deploy/local/processes.mjs";
import { ProxiedWorld, until } from "./rpc/world.mjs";

let self;

describe("two nodes that disagree", () => {
	// On a busy machine a proxy needs a second now and then: that isn't meant to be one node's silence.
	before(async () => (self = await ProxiedWorld.start(2, { serviceArgs: { "chain-indexer": ["--rpc-patience=15000"] } })));
	after(() => self?.stop());

	test("nothing counts until they agree, and that is an alarm", async () => {
		await self.assignTwo();
		await self.proxies[1].set("forge");
		const id = await self.world.request();
		const alarm = await self.logged("chain.disagree");
		assert.equal(alarm.level, "error");
		assert.equal(await self.indexer.metric("chain_disagreeing"), 1);
		const tip = await self.indexer.metric("chain_tip_block");
		await until("more blocks", async () => (await self.world.head()) > BigInt(tip) + 4n);
		assert.equal(await self.indexer.metric("chain_tip_block"), tip);
		assert.equal(await self.world.stateOf(id), "open");
		await self.proxies[1].clear();
		await self.world.until("TaskCreated", id);
		assert.equal(await self.indexer.metric("chain_disagreeing"), 0);
	});
});

describe("two nodes of which one is gone", () => {
	before(async () => (self = await ProxiedWorld.start(2)));
	after(() => self?.stop());

	test("the other is enough", async () => {
		for (const name of ["reset", "hang", "stale"]) {
			await self.proxies[0].set(name);
			await self.assignTwo();
			await self.proxies[0].clear();
		}
		assert.ok((await self.indexer.metric("chain_unconfirmed_total")) > 0);
		await self.oneTaskEach();
		await self.auditAgrees();
	});

	test("unless both are asked for: then it is waited for", async () => {
		await self.indexer.stop();
		const strict = self.world.market.add(self.world.market.makeService("chain-indexer", { args: ["--agree-strict"] }));
		await strict.start().ready(() => strict.isReady());
		await self.assignTwo();
		await self.proxies[0].set("reset");
		const id = await self.world.request();
		await until("more blocks", async () => (await self.world.head()) > BigInt(await strict.metric("chain_tip_block")) + 4n);
		assert.equal(await self.world.stateOf(id), "open");
		await self.proxies[0].clear();
		await self.world.until("TaskCreated", id);
	});
});

describe("a node that has left for a branch of its own", () => {
	let other;
	before(async () => (self = await ProxiedWorld.start(2)));
	after(async () => {
		await other?.stop();
		await self?.stop();
	});

	test("two against one: the two are followed, whoever is asked first", async () => {
		const port = await freePort();
		const anvil = join(ROOT, "deploy/local/node_modules/.bin/anvil");
		const command = [anvil, "--port", port, "--fork-url", self.world.chain.url, "--block-time", 1, "--quiet"].map(String);
		other = new Process("other", command, { log: join(self.world.folder, "logs/other.log") }).start();
		const url = `http://127.0.0.1:${port}`;
		await other.ready(async () => (await fetch(url, { method: "POST", body: "[]" })).status > 0, { everyMs: 50 });
		await self.indexer.stop();
		const nodes = [url, ...self.proxies.map((p) => p.rpc)].join();
		const sockets = [`ws://127.0.0.1:${port}`, ...self.proxies.map((p) => p.ws)].join();
		const three = self.world.market.add(
			self.world.market.makeService("chain-indexer", { args: [`--rpc=${nodes}`, `--ws=${sockets}`] }),
		);
		await three.start().ready(() => three.isReady());
		for (let i = 0; i < 3; i++) await self.assignTwo();
		assert.ok((await three.metric("chain_overruled_total")) > 0);
		assert.equal(await three.metric("chain_disagreeing"), 0);
		await self.oneTaskEach();
		await self.auditAgrees();
	});
});

describe("a chain that changes below what was final", () => {
	before(async () => (self = await ProxiedWorld.start(2)));
	after(() => self?.stop());

	test("the indexer halts with status 3 and says what to read, however often it is started", async () => {
		await self.assignTwo();
		await self.world.client.mine({ blocks: 120 });
		await until("a final block", async () => (await self.indexer.metric("chain_final_block")) > 0, { timeoutMs: 30_000 });
		const final = await self.indexer.metric("chain_final_block");
		const depth = Number(await self.world.head()) - final + 10;
		await self.world.client.request({ method: "anvil_reorg", params: [depth, []] });
		await self.world.client.mine({ blocks: 2 });
		await self.indexer.ended;
		assert.equal(self.indexer.exit.code, 3, self.indexer.tail());
		assert.match(self.indexer.event("chain.finality").text, /docs\/reliability\.md/);
		self.indexer.start();
		await self.indexer.ended;
		assert.equal(self.indexer.exit.code, 3, self.indexer.tail());
	});
});
