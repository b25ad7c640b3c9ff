// A listener against a real chain and real proofs; the test is requester and engine, and makes everything else fail.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseEther } from "viem";
import { account } from "../../deploy/local/chain.mjs";
import { Bench, lines, sleep, unprovableInputs, until } from "./listener/world.mjs";

const PLAIN = ["taken", "inputs", "proving", "proved", "checked", "submitted", "done"].map((word) => `job.${word}`);
let bench, worker;

before(async () => {
	bench = await Bench.start();
	worker = await bench.startListener("worker", { gather: 3000 });
});
after(async () => {
	await bench?.stop();
});

// Nothing that its account sent from the block on was in vain, and nothing is missing.
async function assertNothingInVain(name, from) {
	const sent = await bench.transactions(name, from);
	assert.deepEqual([...new Set(sent.map(({ status }) => status))], ["success"]);
	assert.deepEqual(await bench.chain.events("ProofMarketplace", "ProofSkipped"), []);
	return sent.length;
}

async function assertProvenOnce(ids) {
	for (const id of ids) {
		const events = await bench.chain.events("ProofMarketplace", "ProofSubmitted", { args: { requestId: id } });
		assert.equal(events.length, 1, `request ${id}`);
	}
}

test("a task is proven, checked, submitted and paid for", async () => {
	const had = await bench.claimable("worker");
	const [id] = await bench.tasks("worker", [{}]);
	const { args } = await bench.until("ProofSubmitted", id);
	assert.equal((await bench.claimable("worker")) - had, args.paid);
	assert.deepEqual(await bench.story(worker, id, "job.done"), PLAIN);
	assert.equal(await worker.metric("job_done_total"), 1);
	assert.equal(await worker.metric("proof_made_seconds_count"), 1);
});

test("tasks of both markets; proofs that are ready together share a transaction", async () => {
	const from = await bench.world.head();
	await bench.fault({ mode: "hold" });
	const circuits = ["range-preimage", "range-preimage", "rollup-batch", "range-preimage", "rollup-batch"];
	const ids = await bench.tasks(
		"worker",
		circuits.map((circuit) => ({ circuit })),
	);
	await until("all of them to be ready", async () => (await bench.fault()).held === ids.length);
	await bench.fault({ mode: "none" });
	await bench.proven(ids);
	assert.ok((await assertNothingInVain("worker", from)) < ids.length);
});

test("a prover that fails in every way is asked again, and only good proofs are submitted", async () => {
	const from = await bench.world.head();
	const modes = ["error500", "reset", "half", "html", "wrong_proof", "garbage", "empty", "shape", "other_422"];
	modes.push("redirect", "short_proof", "endless");
	const ids = await bench.requests(modes.map(() => ({})));
	for (const [i, mode] of modes.entries()) {
		const { broken } = await bench.fault({ mode, times: 1 });
		await bench.assign("worker", [ids[i]]);
		await until(`${mode} to happen`, async () => (await bench.fault()).broken > broken);
	}
	await bench.proven(ids);
	await assertNothingInVain("worker", from);
	const refused = lines(worker).filter((line) => line.event === "job.refused");
	assert.deepEqual(
		refused.map(({ text }) => /ProofInvalid|says no|revert/.test(text)),
		[true, true],
	);
	assert.ok((await worker.metric("prover_failed_total")) >= 9);
});

test("a proof as a 0x string is one, and a prover that asks for time gets it", async () => {
	const [id] = await bench.requests([{}]);
	await bench.fault({ mode: "error503", times: 1 });
	await bench.assign("worker", [id]);
	await bench.told(worker, "job.retry", { request: id, wait_ms: 1000 });
	await bench.fault({ mode: "other_bytes", times: 1 });
	await bench.until("ProofSubmitted", id);
});

test("a prover that is down is waited for", async () => {
	const faulty = bench.market.service("faulty");
	const address = new URL(bench.prover);
	await faulty.kill();
	const [id] = await bench.tasks("worker", [{}]);
	await bench.told(worker, "job.retry", { request: id, step: "prove" });
	await bench.startFaulty(address.port);
	await bench.until("ProofSubmitted", id);
});

test("a finished proof is submitted after a kill, not made again", async () => {
	const [id] = await bench.tasks("worker", [{}]);
	await bench.told(worker, "job.proved", { request: id });
	await worker.kill();
	const { calls } = await bench.fault();
	await worker.start().ready(() => worker.isReady());
	await bench.until("ProofSubmitted", id);
	assert.equal((await bench.fault()).calls, calls);
});

test("killed at random, again and again, it loses nothing and sends nothing twice", async () => {
	const from = await bench.world.head();
	const ids = await bench.tasks("worker", Array(8).fill({}));
	const proven = () => bench.chain.events("ProofMarketplace", "ProofSubmitted", { from });
	for (let kills = 0; kills < 10 && (await proven()).length < ids.length; kills++) {
		await sleep(100 + Math.random() * 2000);
		await worker.kill();
		worker.start();
	}
	await bench.proven(ids, 90_000);
	await assertProvenOnce(ids);
	await assertNothingInVain("worker", from);
	for (const id of ids) {
		const made = lines(worker).filter((line) => line.event === "job.proved" && line.request === String(id));
		assert.ok(made.length <= 2, `request ${id} was proven ${made.length} times`);
	}
});

test("a number that the generator's owner used meanwhile costs nothing", async () => {
	const { account: owner } = bench.person("worker");
	await bench.chain.send(owner, "StakeToken", "approve", [owner.address, 1n]);
	const [id] = await bench.tasks("worker", [{}]);
	await bench.until("ProofSubmitted", id);
	assert.equal(await worker.metric("tx_nonce_lost_total"), 0);
});

test("a number that was used behind its back is given up for another", async () => {
	await bench.stopClock();
	const [id] = await bench.mining(bench.tasks("worker", [{}]));
	const { account: owner } = bench.person("worker");
	const nonce = await bench.client.getTransactionCount({ address: owner.address });
	const price = { maxFeePerGas: parseEther("0.000001"), maxPriorityFeePerGas: parseEther("0.000001") };
	await bench.pending("worker");
	await bench.client.request({ method: "anvil_dropAllTransactions" });
	await bench.chain.wallet(owner).sendTransaction({ to: owner.address, nonce, ...price });
	await bench.startClock();
	await bench.told(worker, "tx.nonce_lost");
	await bench.until("ProofSubmitted", id);
});

test("a proof whose block is gone is sent again as it was", async () => {
	await bench.stopClock();
	const [id] = await bench.mining(bench.tasks("worker", [{}]));
	await bench.mine(3);
	await bench.pending("worker");
	await bench.mine();
	const { transactionHash } = await bench.until("ProofSubmitted", id);
	await bench.mine(2);
	await bench.told(worker, "job.done", { request: id });
	await bench.reorganise(3);
	await bench.mine();
	await bench.told(worker, "job.resumed", { request: id });
	await bench.startClock();
	assert.equal((await bench.until("ProofSubmitted", id)).transactionHash, transactionHash);
	await assertProvenOnce([id]);
});

test("a task whose block is gone is suspended; its proof serves when it comes again", async () => {
	await bench.stopClock();
	const [id] = await bench.mining(bench.requests([{}]));
	await bench.mine(2);
	await bench.mining(bench.assign("worker", [id]));
	const { blockNumber } = await bench.event("TaskCreated", id);
	await bench.pending("worker");
	await bench.reorganise(Number((await bench.world.head()) - blockNumber) + 1);
	await bench.mine();
	await bench.told(worker, "job.suspended", { request: id });
	assert.equal(await bench.world.stateOf(id), "open");
	const { calls } = await bench.fault();
	await bench.mining(bench.assign("worker", [id]));
	await bench.startClock();
	await bench.until("ProofSubmitted", id);
	await assertProvenOnce([id]);
	assert.equal((await bench.fault()).calls, calls);
});

test("what can't be proven, or not in time, is said and left alone", async () => {
	const hasty = await bench.startListener("hasty");
	const from = await bench.world.head();
	const [unprovable] = await bench.tasks("hasty", [{ inputs: unprovableInputs() }]);
	await bench.told(hasty, "job.unprovable", { request: unprovable, reason: "unprovable" });
	const { calls } = await bench.fault({ mode: "slow", delay_ms: 20_000, times: 1 });
	const [late] = await bench.tasks("hasty", [{}]);
	await bench.told(hasty, "job.lost", { request: late, reason: "missed" });
	assert.equal((await bench.fault()).calls, calls + 1);
	assert.equal(await hasty.metric("job_missed_total"), 1);
	assert.equal(await hasty.metric("job_unprovable_total"), 1);
	await bench.chain.send(bench.market.deployer, "ProofMarketplace", "slashMany", [[unprovable, late]]);
	await bench.told(hasty, "task.slashed", { request: late });
	assert.deepEqual(await bench.transactions("hasty", from), []);
	await bench.fault({ mode: "none" });
});

test("another account may pay; one that can't is said, and funded it goes on", async () => {
	const payer = account(30);
	await bench.client.setBalance({ address: payer.address, value: 0n });
	const generator = bench.person("other").address;
	const other = await bench.startListener("other", { generator, instance: "poor" }, payer.key);
	const [id] = await bench.tasks("other", [{}]);
	await bench.told(other, "tx.poor");
	await bench.client.setBalance({ address: payer.address, value: parseEther("1") });
	const { args } = await bench.until("ProofSubmitted", id);
	assert.equal(args.generator, generator);
	await other.stop();
});

test("a market without a prover is left alone until there is one", async () => {
	const [first] = bench.market.markets;
	const other = await bench.startListener("other", { prover: `${first.id}=${bench.prover}/${first.name}` });
	const [id, fine] = await bench.tasks("other", [{ circuit: "rollup-batch" }, {}]);
	await bench.told(other, "job.skipped", { request: id, reason: "no_prover" });
	await bench.until("ProofSubmitted", fine);
	await other.stop();
	const again = await bench.startListener("other");
	await bench.until("ProofSubmitted", id);
	await again.stop();
});

test("a generator that isn't registered is waited for", async () => {
	const stranger = account(31);
	bench.market.people.push({ name: "stranger", account: stranger, address: stranger.address });
	const listener = bench.listener("stranger").start();
	await bench.told(listener, "generator.unregistered");
	assert.equal(await listener.isReady(), false);
	await bench.chain.send(stranger, "GeneratorRegistry", "register", [stranger.address, 3n, "0x"]);
	await listener.ready(() => listener.isReady());
	await bench.told(listener, "generator.registered", { compute: 3 });
	await listener.stop();
	assert.equal(listener.exit.code, 0);
});

test("what it can't run with ends it, with the reason", async () => {
	let files = 0;
	const contracts = (changes) => {
		const file = join(bench.world.folder, `wrong-${++files}.json`);
		writeFileSync(file, JSON.stringify({ ...bench.chain.addresses, ...changes }));
		return { contracts: file };
	};
	const cases = [
		["node.chain_id", contracts({ chainId: 1 })],
		["node.contracts", contracts({ ProofMarketplace: account(9).address })],
		["config.generator", { generator: "0x12" }],
		["config.prover", { prover: "127.0.0.1:3000" }],
		["config.range", { "batch-max": 0 }],
		// The journal of "other" is of that generator.
		["journal.other", { generator: account(32).address }],
	];
	for (const [event, options] of cases) {
		const listener = bench.listener("other", options).start();
		await listener.ended;
		assert.equal(listener.exit.code, 2, event);
		await bench.told(listener, event);
	}
});

test("it ends when it is asked to", async () => {
	await worker.stop();
	assert.equal(worker.exit.code, 0);
});
