// A transaction, once: what may happen to it between the decision and its block, and to the account that pays for it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import { parseEther, parseGwei } from "viem";
import { ROLES, account } from "../../deploy/local/chain.mjs";
import { sleep } from "../../deploy/local/processes.mjs";
import { World, until } from "./world.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const relayer = account(ROLES.relayer);
const rounds = Number(process.env.KALYPSO_ROUNDS ?? 8);

class Bench {
	static async start(options) {
		const bench = new Bench();
		bench.world = await World.start({ services: ENGINE, ...options });
		bench.ids = [];
		return bench;
	}

	get client() {
		return this.world.client;
	}

	get publisher() {
		return this.world.service("task-publisher");
	}

	// ---- the clock

	async stopClock() {
		await this.client.setIntervalMining({ interval: 0 });
		await this.client.setAutomine(false);
	}

	startClock() {
		return this.client.setIntervalMining({ interval: 1 });
	}

	// One block whose base fee is this, and until the publisher has seen it.
	async mineAt(gwei) {
		await this.client.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei(String(gwei)) });
		await this.mine();
	}

	async mine() {
		await this.client.mine({ blocks: 1 });
		await this.seen();
	}

	// Blocks with a base fee that is too high for what is under way, until it offers more; what was said of that.
	async bumpedAt(gwei) {
		const before_ = this.lines("tx.bumped").length;
		for (let i = 0; i < 10 && this.lines("tx.bumped").length === before_; i++) await this.mineAt(gwei);
		return this.told("tx.bumped", before_ + 1);
	}

	// The publisher has dealt with the newest block: it has asked what was mined and what it has.
	async seen() {
		const head = Number(await this.world.head());
		await until(`block ${head} at the publisher`, async () => (await this.chainRead()) >= head);
	}

	async chainRead() {
		return Number(await this.publisher.metric("tx_looked_block"));
	}

	dropAll() {
		return this.client.request({ method: "anvil_dropAllTransactions" });
	}

	// ---- requests

	async request(options) {
		const id = await this.world.request(options);
		this.ids.push(id);
		return id;
	}

	// Requests that are all in one block, mined by @mine, and nothing else is.
	async requestsInOneBlock(count, mine) {
		const { address } = this.world.market.requester;
		const waiting = (blockTag) => this.client.getTransactionCount({ address, blockTag });
		const latest = await waiting("latest");
		const placed = [];
		for (let i = 1; i <= count; i++) {
			placed.push(this.request());
			await until(`request ${i} at the node`, async () => (await waiting("pending")) === latest + i);
		}
		await mine();
		return Promise.all(placed);
	}

	// A request in a block, and its transaction at the node, while nothing is mined by itself.
	async pendingRequest() {
		await this.stopClock();
		const [id] = await this.requestsInOneBlock(1, () => this.mineAt(1));
		await this.pending();
		return id;
	}

	nonce(blockTag = "latest") {
		return this.client.getTransactionCount({ address: relayer.address, blockTag });
	}

	// The node has a transaction of the relayer that isn't in a block.
	pending() {
		return until("a transaction at the node", async () => (await this.nonce("pending")) > (await this.nonce()));
	}

	assigned(id) {
		return this.world.until("TaskCreated", id);
	}

	// ---- the publisher

	lines(event) {
		const text = readFileSync(this.publisher.log, "utf8");
		return text
			.split("\n")
			.filter((line) => line.includes(`"event":"${event}"`))
			.map((line) => JSON.parse(line));
	}

	told(event, count = 1) {
		return until(`${event} of task-publisher`, () => this.lines(event)[count - 1]);
	}

	// Start a service again, with other arguments.
	async restart(name, args = []) {
		const { market } = this.world;
		await this.world.service(name).stop();
		market.add(market.makeService(name, { args })).start();
		return until(name, () => this.world.service(name).event("sender.ready"));
	}

	// ---- what must hold, whatever happened

	async transactions() {
		const found = [];
		const head = await this.world.head();
		for (let n = 1n; n <= head; n++) {
			const block = await this.client.getBlock({ blockNumber: n, includeTransactions: true });
			for (const tx of block.transactions)
				if (tx.from === relayer.address.toLowerCase())
					found.push({ ...tx, ...(await this.client.getTransactionReceipt({ hash: tx.hash })) });
		}
		return found;
	}

	async check() {
		await this.startClock();
		await Promise.all(this.ids.map((id) => this.assigned(id)));
		const tasks = await this.world.chain.events("ProofMarketplace", "TaskCreated");
		for (const id of this.ids)
			assert.equal(tasks.filter(({ args }) => args.requestId === id).length, 1, `tasks of request ${id}`);
		const mined = await this.transactions();
		assert.deepEqual(
			mined.map(({ nonce }) => nonce),
			mined.map((_, i) => i),
		);
		assert.deepEqual(
			mined.filter(({ status }) => status !== "success").map(({ hash }) => hash),
			this.explained ?? [],
			"reverted",
		);
	}
}

describe("the publisher's transactions", () => {
	let bench;
	before(async () => {
		bench = await Bench.start();
	});
	afterEach(() => bench.check());
	after(() => bench?.world.stop());

	test("what isn't mined offers more, under the same nonce, until it is", async () => {
		const id = await bench.pendingRequest();
		const nonce = await bench.nonce();
		const { attempt } = await bench.bumpedAt(50);
		assert.equal(Number(attempt), 2);
		assert.equal(await bench.nonce(), nonce);
		await bench.startClock();
		const { transactionHash } = await bench.assigned(id);
		const tx = await bench.client.getTransaction({ hash: transactionHash });
		assert.equal(tx.nonce, nonce);
		assert.ok(tx.maxFeePerGas >= parseGwei("100"));
	});

	test("a base fee above the cap holds it, with an alarm; it goes on when the fee falls", async () => {
		await bench.stopClock();
		await bench.mineAt(600);
		await bench.told("tx.fee_above_cap");
		assert.equal(await bench.publisher.metric("tx_held"), 1);
		assert.equal(await bench.publisher.isReady(), false);
		const sent = await bench.publisher.metric("tx_sent_total");
		const planned = bench.lines("batch.planned").length;
		const [id] = await bench.requestsInOneBlock(1, () => bench.mineAt(590));
		await bench.told("batch.planned", planned + 1);
		await bench.mineAt(590);
		assert.equal(await bench.publisher.metric("tx_sent_total"), sent);
		await bench.startClock();
		await bench.assigned(id);
		assert.equal(await bench.publisher.metric("tx_held"), 0);
		assert.equal(await bench.publisher.isReady(), true);
	});

	test("what the node forgot is sent again", async () => {
		const id = await bench.pendingRequest();
		await bench.dropAll();
		assert.equal(await bench.nonce("pending"), await bench.nonce());
		await bench.startClock();
		await bench.assigned(id);
	});

	test("what it is too late for is cancelled, and the request is decided on anew", async () => {
		const id = await bench.pendingRequest();
		const nonce = await bench.nonce();
		await bench.dropAll();
		await bench.client.increaseTime({ seconds: 40 });
		await bench.mine();
		await bench.told("tx.cancelled");
		assert.equal(await bench.world.event("TaskCreated", id), undefined);
		await bench.startClock();
		await bench.assigned(id);
		const cancel = (await bench.transactions()).find((tx) => tx.nonce === nonce);
		assert.equal(cancel.to, relayer.address.toLowerCase());
		assert.deepEqual([cancel.value, cancel.gasUsed, cancel.input], [0n, 21000n, "0x"]);
	});

	test("an account that can't pay holds it, with an alarm; funded, it goes on", async () => {
		const value = await bench.client.getBalance(relayer);
		await bench.client.setBalance({ address: relayer.address, value: parseEther("0.09") });
		await until("the alarm", async () => (await bench.publisher.metric("tx_held")) === 1);
		assert.equal((await bench.told("tx.poor")).min_balance, "100000000000000000");
		assert.equal(await bench.publisher.metric("tx_balance_gwei"), 90_000_000);
		const planned = bench.lines("batch.planned").length;
		const id = await bench.request();
		await bench.told("batch.planned", planned + 1);
		assert.equal(await bench.world.event("TaskCreated", id), undefined);
		await bench.client.setBalance({ address: relayer.address, value });
		await bench.assigned(id);
	});

	test("a bumped attempt whose block is gone is sent again as it was", async () => {
		const id = await bench.pendingRequest();
		await bench.bumpedAt(60);
		await until("the bump at the node", async () => {
			const { pending } = await bench.client.getTxpoolContent();
			const own = Object.entries(pending).find(([from]) => from.toLowerCase() === relayer.address.toLowerCase());
			return own && Object.values(own[1]).some((tx) => BigInt(tx.maxFeePerGas) > parseGwei("100"));
		});
		await bench.mine();
		const { transactionHash } = await bench.assigned(id);
		await bench.mine();
		await bench.client.request({ method: "anvil_reorg", params: [2, []] });
		assert.equal(await bench.world.event("TaskCreated", id), undefined);
		await bench.startClock();
		assert.equal((await bench.assigned(id)).transactionHash, transactionHash);
	});

	test("killed at any moment, it sends each once", async () => {
		for (let i = 0; i < rounds; i++) {
			await bench.request();
			await sleep(Math.random() * 150);
			await bench.publisher.kill();
			await bench.world.market.restart("task-publisher");
		}
	});

	test("a batch that reverts as a whole is cut until it goes, and nothing of it is lost", async () => {
		await bench.request();
		const { transactionHash } = await bench.assigned(bench.ids.at(-1));
		const { gasUsed } = await bench.client.getTransactionReceipt({ hash: transactionHash });
		// Enough for one, not for two.
		await bench.restart("task-publisher", [`--gas-base=${(gasUsed * 5n) / 4n}`, "--gas-per-task=1"]);
		await bench.stopClock();
		const ids = await bench.requestsInOneBlock(4, () => bench.mine());
		await bench.startClock();
		await Promise.all(ids.map((id) => bench.assigned(id)));
		assert.ok(bench.lines("batch.split").length >= 1);
		assert.equal(bench.lines("batch.dropped").length, 0);
		bench.explained = (await bench.transactions()).filter(({ status }) => status !== "success").map(({ hash }) => hash);
		for (const hash of bench.explained)
			assert.ok(bench.lines("tx.reverted").some((line) => line.tx === hash));
		await bench.restart("task-publisher");
	});

	test("an outsider's nonce stops it, with an alarm, until an operator has looked", async () => {
		const id = await bench.pendingRequest();
		const nonce = await bench.nonce();
		await bench.dropAll();
		const price = { maxFeePerGas: parseGwei("300"), maxPriorityFeePerGas: parseGwei("3") };
		await bench.world.chain.wallet(relayer).sendTransaction({ to: relayer.address, nonce, ...price });
		for (let i = 0; i < 4; i++) await bench.mine();
		const { account_nonce: at } = await bench.told("tx.outsider");
		assert.equal(Number(at), nonce + 1);
		assert.equal(await bench.publisher.metric("tx_stopped"), 1);
		const sent = await bench.publisher.metric("tx_sent_total");
		await bench.startClock();
		await bench.request();
		await until("the decision", async () => (await bench.publisher.metric("tx_planned")) > 0);
		assert.equal(await bench.publisher.metric("tx_sent_total"), sent);
		assert.equal(await bench.publisher.isReady(), false);
		await bench.restart("task-publisher");
		assert.equal(await bench.publisher.metric("tx_stopped"), 1);
		assert.equal(await bench.nonce("pending"), nonce + 1);
		await bench.restart("task-publisher", [`--adopt-nonce=${at}`]);
		await bench.assigned(id);
	});
});

describe("the slasher", () => {
	let bench;
	const SETTINGS = ["--slash-depth=3", "--warn-before=10"];
	before(async () => {
		bench = await Bench.start({
			services: [...ENGINE, "webhook-gateway"],
			serviceArgs: { "slasher-watcher": SETTINGS },
		});
	});
	after(() => bench?.world.stop());

	const slasher = () => bench.world.service("slasher-watcher");
	const slashes = (id) => bench.world.chain.events("ProofMarketplace", "TaskSlashed", { args: { requestId: id } });

	// A task that nobody proves, and its deadline.
	async function task() {
		const id = await bench.request({ preference: "fastest", maxTime: 20 });
		const { args } = await bench.assigned(id);
		return { id, deadline: args.deadline };
	}

	// The first block after the deadline.
	async function missed(deadline) {
		const { number, timestamp } = await bench.client.getBlock();
		if (timestamp <= deadline) await bench.client.increaseTime({ seconds: Number(deadline - timestamp) });
		await until("the deadline", async () => (await bench.client.getBlock()).timestamp > deadline);
		let first = number + 1n;
		while ((await bench.client.getBlock({ blockNumber: first })).timestamp <= deadline) first++;
		return first;
	}

	async function blocks(count) {
		const end = (await bench.world.head()) + BigInt(count);
		await until(`block ${end}`, async () => (await bench.world.head()) >= end);
	}

	// Entries of the slash log, as the gateway tells them.
	async function entries(type) {
		const answer = await fetch(`${bench.world.market.gateway}/v1/events?log=slash&limit=1000`);
		const { events } = await answer.json();
		return events.map(({ entry }) => entry).filter((entry) => entry.type === type);
	}

	test("warns before the deadline, once, and slashes when it has passed at the depth that was asked for, once", async () => {
		const { id, deadline } = await task();
		await bench.client.increaseTime({ seconds: 12 });
		await until("the warning", () => slasher().event("task.deadline_near")?.request === String(id));
		assert.equal(await slasher().metric("slash_planned_total"), 0);
		const first = await missed(deadline);
		const { blockNumber } = await bench.world.until("TaskSlashed", id);
		assert.ok(blockNumber > first + 3n, `slashed in ${blockNumber}, overdue since ${first}`);
		await blocks(5);
		assert.equal((await slashes(id)).length, 1);
		assert.equal(await slasher().metric("slash_planned_total"), 1);
		const warnings = await until("the warning at the gateway", async () => {
			const found = await entries("deadline_near");
			return found.length && found;
		});
		assert.deepEqual(
			warnings.map(({ request_id, deadline: when }) => [request_id, BigInt(Date.parse(when) / 1000)]),
			[[String(id), deadline]],
		);
	});

	test("in the shadow it only says what it would have done, once, also after a restart", async () => {
		await bench.restart("slasher-watcher", [...SETTINGS, "--shadow"]);
		const { id, deadline } = await task();
		await missed(deadline);
		await until("the report", () => slasher().event("slash.shadowed")?.request === String(id));
		await bench.restart("slasher-watcher", [...SETTINGS, "--shadow"]);
		await until("it to look", async () => (await slasher().metric("task_overdue")) === 1);
		await blocks(6);
		assert.equal(await slasher().metric("slash_shadowed_total"), 0);
		assert.equal((await slashes(id)).length, 0);
		assert.equal((await entries("slash_shadowed")).length, 1);
		await bench.restart("slasher-watcher", SETTINGS);
		await bench.world.until("TaskSlashed", id);
	});

	test("for profit, it slashes what pays for its gas, and nothing else", async () => {
		await bench.restart("slasher-watcher", [...SETTINGS, "--slash-policy=profit", "--stake-worth=1"]);
		const { id, deadline } = await task();
		await missed(deadline);
		await until("its verdict", () => slasher().event("slash.unprofitable")?.request === String(id));
		await blocks(4);
		assert.equal((await slashes(id)).length, 0);
		// The bounty is half a token here.
		const worth = parseEther("1");
		await bench.restart("slasher-watcher", [...SETTINGS, "--slash-policy=profit", `--stake-worth=${worth}`]);
		await bench.world.until("TaskSlashed", id);
		assert.equal((await slashes(id)).length, 1);
	});

	test("killed at any moment, it slashes each once", async () => {
		await bench.restart("slasher-watcher", SETTINGS);
		const tasks = [await task(), await task(), await task()];
		await missed(tasks.at(-1).deadline);
		for (let i = 0; i < rounds; i++) {
			await sleep(Math.random() * 800);
			await slasher().kill();
			await bench.world.market.restart("slasher-watcher");
		}
		await Promise.all(tasks.map(({ id }) => bench.world.until("TaskSlashed", id)));
		await blocks(5);
		for (const { id } of tasks) assert.equal((await slashes(id)).length, 1);
		const { address } = account(ROLES.slasher);
		const nonce = await bench.client.getTransactionCount({ address });
		const all = await bench.world.chain.events("ProofMarketplace", "TaskSlashed");
		const used = new Set(all.map(({ transactionHash }) => transactionHash));
		assert.equal(used.size, nonce, "a transaction of the slasher did nothing");
	});
});
