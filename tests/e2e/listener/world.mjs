// What the listener's tests share: a chain with generators, provers good and bad, and an engine's signature.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { zeroAddress } from "viem";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { Process, sleep } from "../../../deploy/local/processes.mjs";
import { unprovable } from "../../../deploy/local/circuits/range-preimage/inputs.mjs";
import { World, freshInputs, until } from "../world.mjs";

const CIRCUITS = ["range-preimage", "rollup-batch"];
const quotes = (price, seconds) => CIRCUITS.map((circuit) => [circuit, price, seconds, 1n]);

// The worker has time, on a slow machine too; the hasty one promises what it can hardly keep.
export const GENERATORS = [
	{ name: "worker", compute: 16n, stake: "1000", seconds: 600, price: "1", quotes: quotes("1", 600) },
	{ name: "hasty", compute: 16n, stake: "1000", seconds: 6, price: "2", quotes: quotes("2", 6) },
	{ name: "other", compute: 2n, stake: "1000", seconds: 60, price: "3", quotes: quotes("3", 60) },
];

const TYPES = {
	Assignments: [
		{ name: "assignments", type: "Assignment[]" },
		{ name: "decision", type: "Decision" },
	],
	Assignment: [
		{ name: "requestId", type: "uint256" },
		{ name: "generator", type: "address" },
		{ name: "price", type: "uint128" },
		{ name: "responseTime", type: "uint32" },
		{ name: "acl", type: "bytes" },
	],
	Decision: [
		{ name: "batch", type: "uint64" },
		{ name: "blockNumber", type: "uint64" },
		{ name: "blockHash", type: "bytes32" },
		{ name: "validUntil", type: "uint64" },
		{ name: "matchRoot", type: "bytes32" },
	],
};
const ROOT_OF_NOTHING = `0x${"11".repeat(32)}`;

export const unprovableInputs = () => `0x${unprovable(randomBytes)[0].inputs.toString("hex")}`;

// Log lines of a service as objects, all lives of it.
export function lines(service) {
	const text = readFileSync(service.log, "utf8").split("\n");
	return text.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

export class Bench {
	static async start() {
		const bench = new Bench();
		bench.world = await World.start({ services: [], generators: GENERATORS });
		bench.market = bench.world.market;
		bench.chain = bench.market.chain;
		bench.client = bench.chain.client;
		bench.batch = 0n;
		// Where a market is busy beside it, proofs would take minutes.
		await bench.market.startProver({ idle: false });
		await bench.startFaulty();
		return bench;
	}

	stop() {
		return this.world.stop();
	}

	// ---- provers

	// Stands between the listeners and the prover; misbehaves as told.
	async startFaulty(port = 0) {
		const program = join(ROOT, "deploy/local/prover/faulty-prover.mjs");
		const log = join(this.world.folder, "logs/faulty.log");
		const command = [process.execPath, program, `--upstream=${this.market.prover}`, `--port=${port}`];
		const faulty = this.market.add(new Process("faulty", command, { log })).start();
		await faulty.ready(() => (this.prover = /http:\S+/.exec(faulty.tail())?.[0]));
	}

	// Change how it misbehaves, or only look; { calls, broken, … }.
	async fault(setting) {
		const init = setting && { method: "POST", body: JSON.stringify(setting) };
		return (await fetch(`${this.prover}/fault`, init)).json();
	}

	// ---- listeners

	person(name) {
		return this.market.people.find((p) => p.name === name);
	}

	// A listener of the generator; options replace the usual ones. Not started.
	listener(name, options = {}, key = this.person(name).account.key) {
		const prover = this.market.proversAt(this.prover);
		return this.market.add(this.market.makeListener(name, { key, options: { prover, ...options } }));
	}

	async startListener(name, options, key) {
		const listener = this.listener(name, options, key).start();
		return listener.ready(() => listener.isReady());
	}

	// ---- requester and engine

	// Requests, one for each entry of options, assigned to the generator in one transaction; their ids.
	async tasks(name, requests) {
		const ids = await this.requests(requests);
		await this.assign(name, ids);
		return ids;
	}

	// All in one transaction.
	async requests(requests) {
		const { timestamp } = await this.client.getBlock();
		const maxPrice = await this.market.paymentUnits("5");
		const params = requests.map(({ circuit = CIRCUITS[0] }) => ({
			marketId: this.market.marketOf(circuit).id,
			maxPrice,
			maxResponseTime: 1000,
			expiry: timestamp + 3600n,
			preference: 0,
			refundTo: zeroAddress,
			spread: 0n,
		}));
		const inputs = requests.map((r) => r.inputs ?? freshInputs(r.circuit ?? CIRCUITS[0]));
		const none = requests.map(() => "0x");
		const args = [params, inputs, none, none];
		const { blockNumber } = await this.chain.send(this.market.requester, "ProofMarketplace", "createRequests", args);
		const created = await this.chain.events("ProofMarketplace", "RequestCreated", { from: blockNumber });
		return created.map((event) => event.args.requestId);
	}

	async assign(name, ids) {
		const { account, seconds, price } = this.person(name);
		const terms = { generator: account.address, price: await this.market.paymentUnits(price), responseTime: seconds };
		const assignments = ids.map((requestId) => ({ requestId, ...terms, acl: "0x" }));
		const block = await this.client.getBlock();
		const decision = {
			batch: ++this.batch,
			blockNumber: block.number,
			blockHash: block.hash,
			validUntil: block.timestamp + 60n,
			matchRoot: ROOT_OF_NOTHING,
		};
		const signature = await this.market.engine.signTypedData({
			domain: {
				name: "Kalypso",
				version: "1",
				chainId: 31337,
				verifyingContract: this.chain.addresses.ProofMarketplace,
			},
			types: TYPES,
			primaryType: "Assignments",
			message: { assignments, decision },
		});
		return this.chain.send(this.market.deployer, "ProofMarketplace", "assignTasks", [assignments, decision, signature]);
	}

	// ---- what became of it

	event(name, id) {
		return this.world.event(name, id);
	}

	until(name, id, timeoutMs) {
		return this.world.until(name, id, timeoutMs);
	}

	// What listeners said last is part of the failure: it is hard to see again.
	async proven(ids, timeoutMs) {
		try {
			await Promise.all(ids.map((id) => this.until("ProofSubmitted", id, timeoutMs)));
		} catch (error) {
			const listeners = [...this.market.processes.values()].filter((p) => p.name.startsWith("listener-"));
			throw new Error([error.message, ...listeners.map((p) => `${p.name}:\n${p.tail()}`)].join("\n"), { cause: error });
		}
	}

	// What the listener's log tells of a request's job, in order, once the last of it is there.
	async story(listener, id, last) {
		const told = () => lines(listener).filter((line) => line.request === String(id) && line.event.startsWith("job."));
		await until(`${last} of request ${id} in ${listener.log}`, () => told().some((line) => line.event === last));
		return told().map((line) => line.event);
	}

	// Wait for a line of a listener's log; it.
	async told(listener, event, fields = {}) {
		const wanted = Object.entries(fields).map(([k, v]) => [k, String(v)]);
		const find = () => lines(listener).findLast((l) => l.event === event && wanted.every(([k, v]) => l[k] === v));
		return until(`${event} ${wanted.join(" ")} in ${listener.log}`, find);
	}

	// Wait until the node has a transaction of the generator's account that isn't in a block yet.
	async pending(name) {
		const { address } = this.person(name);
		const sent = (blockTag) => this.client.getTransactionCount({ address, blockTag });
		await until(`a transaction of ${name} at the node`, async () => (await sent("pending")) > (await sent("latest")));
	}

	// Transactions of the generator's account from a block on, with their receipts.
	async transactions(name, from) {
		const { address } = this.person(name);
		const found = [];
		for (let n = from; n <= (await this.world.head()); n++) {
			const block = await this.client.getBlock({ blockNumber: n, includeTransactions: true });
			for (const tx of block.transactions)
				if (tx.from.toLowerCase() === address.toLowerCase())
					found.push({ ...tx, ...(await this.client.getTransactionReceipt({ hash: tx.hash })) });
		}
		return found;
	}

	// ---- time

	async stopClock() {
		await this.client.setIntervalMining({ interval: 0 });
		await this.client.setAutomine(false);
	}

	// Blocks that were mined by hand, or away, have moved the chain's clock: set it.
	async startClock() {
		await this.client.request({ method: "evm_setTime", params: [Math.floor(Date.now() / 1000)] });
		await this.client.setIntervalMining({ interval: 1 });
	}

	mine(blocks = 1) {
		return this.client.mine({ blocks });
	}

	// Mine until the promise is settled; what it gives.
	async mining(promise) {
		let settled = false;
		const result = promise.finally(() => (settled = true));
		result.catch(() => {});
		while (!settled) {
			await this.mine();
			await sleep(100);
		}
		return result;
	}

	// The newest blocks are replaced by empty ones.
	reorganise(depth) {
		return this.client.request({ method: "anvil_reorg", params: [depth, []] });
	}

	// ---- money

	claimable(name) {
		return this.chain.read("ProofMarketplace", "claimable", [this.person(name).address]);
	}
}

export { sleep, until };
