// Nodes that misbehave, each behind a proxy of its own: requests are assigned all the same, each once, and an audit
// against the chain itself finds nothing. SEED=N for other random numbers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";
import { redisSays } from "../../deploy/local/market.mjs";
import { Process, freePort } from "../../deploy/local/processes.mjs";
import { RpcProxy } from "../chaos/rpc-proxy.mjs";
import { kalypso } from "./cli/world.mjs";
import { World, until } from "./world.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const SEED = Number(process.env.SEED ?? 1);
const GAP_BLOCKS = 8; // from a request to its task, while a node misbehaves and another doesn't; blocks take a second

let world, proxies;

// A market whose services know the chain through so many proxies.
async function start(count, options = {}) {
	proxies = [];
	world = await World.start({
		services: ENGINE,
		async proxy(chain) {
			for (let i = 0; i < count; i++) {
				const log = join(this.folder, "logs", `proxy-${i}.log`);
				proxies.push(await RpcProxy.start({ target: chain.url, seed: SEED + i, log, name: `proxy-${i}` }));
				this.add(proxies[i].process);
			}
			return { rpc: proxies.map((p) => p.rpc).join(), ws: proxies.map((p) => p.ws).join() };
		},
		...options,
	});
}
const stop = () => world?.stop();

const indexer = () => world.service("chain-indexer");
const logged = (event, s = indexer()) => until(`${event} in ${s.log}`, () => s.event(event));

// Two requests; their tasks, at most so many blocks later.
async function assignTwo(blocks = GAP_BLOCKS) {
	const ids = [await world.request(), await world.request()];
	const tasks = await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
	for (const [i, id] of ids.entries()) {
		const { blockNumber } = await world.event("RequestCreated", id);
		const gap = tasks[i].blockNumber - blockNumber;
		assert.ok(gap <= blocks, `request ${id} was assigned ${gap} blocks later`);
	}
	return ids;
}

async function oneTaskEach() {
	const tasks = await world.chain.events("ProofMarketplace", "TaskCreated");
	const requests = await world.chain.events("ProofMarketplace", "RequestCreated");
	const count = (id) => tasks.filter(({ args }) => args.requestId === id).length;
	for (const { args } of requests) assert.equal(count(args.requestId), 1, `request ${args.requestId}`);
	return requests.length;
}

const entries = (log) => Number(redisSays(world.market.redisPort, "xlen", `kalypso:{local}:log:${log}`));

// What the services wrote is what the chain, asked without a proxy, gives.
async function auditAgrees() {
	await world.client.setIntervalMining({ interval: 0 });
	const head = Number(await world.head());
	let last;
	await until("every log is at rest", async () => {
		const now = [await indexer().metric("chain_tip_block"), ...["chain", "book", "match"].map(entries)].join();
		const same = now === last && now.startsWith(`${head},`);
		last = now;
		return same;
	}, { everyMs: 500 });
	const where = [`--rpc=${world.chain.url}`, `--contracts=${world.market.contractsFile}`, `--redis=${world.market.redis}`];
	const audit = (await kalypso(["audit", ...where, "--live", "--json"])).is(0).json;
	assert.equal(audit.agrees, true);
	assert.equal(audit.tasks_wrong, "0");
	await world.client.setIntervalMining({ interval: 1 });
}

describe("one of three nodes misbehaves", () => {
	before(() => start(3));
	after(stop);

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
			await proxies[0].set(name, options);
			await assignTwo();
			const state = ["stale", "silent-heads"].includes(name);
			if (!state) await until("the fault to happen", async () => (await proxies[0].stats()).faults[name] > 0);
			await proxies[0].clear();
			for (const s of ENGINE) assert.ok(world.service(s).running, `${s} ended`);
		});

	test("a node of another chain is excluded with an alarm, and taken back when it is of ours again", async () => {
		await proxies[0].set("wrong-chain");
		await logged("node.excluded");
		assert.equal(indexer().event("node.excluded").level, "error");
		await assignTwo();
		await proxies[0].clear();
		await logged("node.included");
	});

	test("what each did wrong is counted", async () => {
		const node = proxies[0].rpc.slice("http://".length);
		for (const fault of ["silent", "limited", "broken", "contradicted", "other_chain"])
			assert.ok((await indexer().metric(`rpc_node_fault_total{node="${node}",fault="${fault}"}`)) > 0, fault);
		for (const { rpc } of proxies.slice(1)) {
			const other = rpc.slice("http://".length);
			assert.equal(await indexer().metric(`rpc_node_fault_total{node="${other}",fault="contradicted"}`), 0);
		}
	});

	test("while it was catching up, too", async () => {
		await indexer().stop();
		const ids = [await world.request()];
		await world.client.mine({ blocks: 200 });
		ids.push(await world.request());
		for (const name of ["missing-logs", "null-block", "partial", "error"]) await proxies[0].set(name, { share: 0.3 });
		await proxies[1].set("refuse-range", { blocks: 7 });
		await proxies[2].set("reorder");
		await world.market.restart("chain-indexer");
		await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		assert.ok((await proxies[1].stats()).faults["refuse-range"] > 0);
		await Promise.all(proxies.map((p) => p.clear()));
	});

	test("every request has one task, and the logs are the chain's", async () => {
		assert.ok((await oneTaskEach()) >= 50);
		await auditAgrees();
	});
});

describe("the only node misbehaves, and is right again", () => {
	before(() => start(1));
	after(stop);

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
			await proxies[0].set(name, options);
			await assignTwo(20);
			await proxies[0].clear();
		});

	test("heads that stand still are waited out; nothing is rolled back", async () => {
		const rolledBack = await indexer().metric("chain_rolled_back_total");
		await proxies[0].set("stale");
		const id = await world.request();
		await world.client.mine({ blocks: 3 });
		await proxies[0].clear();
		await world.until("TaskCreated", id);
		assert.equal(await indexer().metric("chain_rolled_back_total"), rolledBack);
	});

	test("it catches up with a node that takes few blocks at a time and loses answers", async () => {
		await indexer().stop();
		const id = await world.request();
		await world.client.mine({ blocks: 200 });
		await proxies[0].set("refuse-range", { blocks: 7 });
		await proxies[0].set("partial", { share: 0.3 });
		await proxies[0].set("reorder");
		await proxies[0].set("limited", { share: 0.05 });
		await world.market.restart("chain-indexer");
		await world.until("TaskCreated", id);
		assert.ok((await proxies[0].stats()).faults["refuse-range"] > 0);
		assert.equal(indexer().event("chain.range_refused").code, "-32005");
		await proxies[0].clear();
	});

	test("every request has one task, and the logs are the chain's", async () => {
		await oneTaskEach();
		await auditAgrees();
	});
});

describe("two nodes that disagree", () => {
	before(() => start(2));
	after(stop);

	test("nothing counts until they agree, and that is an alarm", async () => {
		await assignTwo();
		await proxies[1].set("forge");
		const id = await world.request();
		const alarm = await logged("chain.disagree");
		assert.equal(alarm.level, "error");
		assert.equal(await indexer().metric("chain_disagreeing"), 1);
		const tip = await indexer().metric("chain_tip_block");
		await until("more blocks", async () => (await world.head()) > BigInt(tip) + 4n);
		assert.equal(await indexer().metric("chain_tip_block"), tip);
		assert.equal(await world.stateOf(id), "open");
		await proxies[1].clear();
		await world.until("TaskCreated", id);
		assert.equal(await indexer().metric("chain_disagreeing"), 0);
	});

	test("if one is gone the other is enough", async () => {
		for (const name of ["reset", "hang", "stale"]) {
			await proxies[0].set(name);
			await assignTwo();
			await proxies[0].clear();
		}
		assert.ok((await indexer().metric("chain_unconfirmed_total")) > 0);
		await oneTaskEach();
		await auditAgrees();
	});

	test("unless both are asked for: then it is waited for", async () => {
		await indexer().stop();
		const strict = world.market.add(world.market.makeService("chain-indexer", { args: ["--agree-strict"] }));
		await strict.start().ready(() => strict.isReady());
		await assignTwo();
		await proxies[0].set("reset");
		const id = await world.request();
		await until("more blocks", async () => (await world.head()) > BigInt(await strict.metric("chain_tip_block")) + 4n);
		assert.equal(await world.stateOf(id), "open");
		await proxies[0].clear();
		await world.until("TaskCreated", id);
	});
});

describe("a node that has left for a branch of its own", () => {
	let other;
	before(() => start(2));
	after(async () => {
		await other?.stop();
		await stop();
	});

	test("two against one: the two are followed, whoever is asked first", async () => {
		const port = await freePort();
		const anvil = join(ROOT, "deploy/local/node_modules/.bin/anvil");
		const command = [anvil, "--port", port, "--fork-url", world.chain.url, "--block-time", 1, "--quiet"].map(String);
		other = new Process("other", command, { log: join(world.folder, "logs/other.log") }).start();
		const url = `http://127.0.0.1:${port}`;
		await other.ready(async () => (await fetch(url, { method: "POST", body: "[]" })).status > 0, { everyMs: 50 });
		await indexer().stop();
		const nodes = [url, ...proxies.map((p) => p.rpc)].join();
		const sockets = [`ws://127.0.0.1:${port}`, ...proxies.map((p) => p.ws)].join();
		const three = world.market.add(
			world.market.makeService("chain-indexer", { args: [`--rpc=${nodes}`, `--ws=${sockets}`] }),
		);
		await three.start().ready(() => three.isReady());
		for (let i = 0; i < 3; i++) await assignTwo();
		assert.ok((await three.metric("chain_overruled_total")) > 0);
		assert.equal(await three.metric("chain_disagreeing"), 0);
		await oneTaskEach();
		await auditAgrees();
	});
});

describe("a chain that changes below what was final", () => {
	before(() => start(2));
	after(stop);

	test("the indexer halts with status 3 and says what to read, however often it is started", async () => {
		await assignTwo();
		await world.client.mine({ blocks: 120 });
		await until("a final block", async () => (await indexer().metric("chain_final_block")) > 0, { timeoutMs: 30_000 });
		const final = await indexer().metric("chain_final_block");
		const depth = Number(await world.head()) - final + 10;
		await world.client.request({ method: "anvil_reorg", params: [depth, []] });
		await world.client.mine({ blocks: 2 });
		await indexer().ended;
		assert.equal(indexer().exit.code, 3, indexer().tail());
		assert.match(indexer().event("chain.finality").text, /docs\/reliability\.md/);
		indexer().start();
		await indexer().ended;
		assert.equal(indexer().exit.code, 3, indexer().tail());
	});
});
