// The requester: places requests block by block, of every fate, and knows which of them have to come to what.
import { zeroAddress } from "viem";
import { STATES, freshInputs } from "../e2e/world.mjs";
import { sleep } from "../../deploy/local/processes.mjs";

const SAMPLES = 8; // inputs that are drawn again and again: the chain doesn't mind
const EXPIRES_S = 5;
const SOON_S = 30n;
const GAS_EACH = 400_000n;
const AT_ONCE = 200; // requests that surely fit a block
const GAS_MAX = 50_000_000n;

// What becomes of a request; served ones find a generator, the others none.
const FATES = {
	silent: { circuit: "rollup-batch", maxPrice: "5", share: 0.85 }, // assigned, and slashed
	proven: { circuit: "range-preimage", maxPrice: "5", share: 0 }, // assigned, and proven if there is a listener
	expiring: { circuit: "rollup-batch", maxPrice: "0.1", expiresIn: EXPIRES_S, share: 0.1 }, // refunded
	patient: { circuit: "rollup-batch", maxPrice: "0.1", share: 0.05 }, // stays open
};

export class Load {
	constructor(scene, dice) {
		Object.assign(this, { scene, dice, placed: 0, refused: 0, running: false, busy: Promise.resolve() });
		this.inputs = Object.fromEntries(
			["range-preimage", "rollup-batch"].map((name) => [name, Array.from({ length: SAMPLES }, () => freshInputs(name))]),
		);
	}

	// So many requests for every block, until stop(); of them, provenEvery blocks, one that a listener proves.
	start(perBlock, { provenEvery = 0 } = {}) {
		if (this.running) return;
		this.running = true;
		this.busy = this.run(perBlock, provenEvery);
	}

	stop() {
		this.running = false;
	}

	idle() {
		return this.busy;
	}

	async run(perBlock, provenEvery) {
		const { scene } = this;
		let last = -1n;
		for (let turn = 1; this.running; ) {
			try {
				const head = await scene.world.head();
				if (head === last) {
					await sleep(50);
					continue;
				}
				last = head;
				const fates = Array.from({ length: perBlock }, () => this.draw());
				if (provenEvery && turn++ % provenEvery === 0) fates.push("proven");
				await this.place(fates);
			} catch {
				this.refused += 1; // the node is away; what is on the chain counts
				await sleep(100);
			}
		}
	}

	draw() {
		let left = this.dice.next();
		for (const [name, { share }] of Object.entries(FATES)) if ((left -= share) < 0) return name;
		return "silent";
	}

	// One transaction for all of them; its hash. Nobody waits for it.
	async place(fates, options = {}) {
		const { market, chain } = this.scene;
		const { timestamp } = await chain.client.getBlock();
		const rows = fates.map((fate) => ({ ...FATES[fate], ...options }));
		const params = await Promise.all(
			rows.map(async ({ circuit, maxPrice, expiresIn = 86_400 }) => ({
				marketId: market.marketOf(circuit).id,
				maxPrice: await market.paymentUnits(maxPrice),
				maxResponseTime: 3600,
				expiry: timestamp + BigInt(expiresIn),
				preference: this.dice.below(2),
				refundTo: zeroAddress,
				spread: 0n,
			})),
		);
		const inputs = rows.map(({ circuit }) => this.dice.pick(this.inputs[circuit]));
		const none = rows.map(() => "0x");
		const { address, abi } = chain.contract("ProofMarketplace");
		const gas = 100_000n + GAS_EACH * BigInt(rows.length);
		const hash = await chain.wallet(market.requester).writeContract({
			address,
			abi,
			functionName: "createRequests",
			args: [params, inputs, none, none],
			gas: gas > GAS_MAX ? GAS_MAX : gas,
			maxFeePerGas: 10n ** 12n, // whatever happens to the fee, requests come
			maxPriorityFeePerGas: 10n ** 9n,
		});
		this.placed += rows.length;
		return hash;
	}

	// Open requests that nobody will ever take; on the chain when this returns, which mines for them.
	async placePatient(count) {
		const { chain, client } = this.scene;
		for (let left = count; left > 0; left -= AT_ONCE) {
			const hash = await this.place(Array(Math.min(AT_ONCE, left)).fill("patient"));
			await client.mine({ blocks: 1 });
			await chain.mined(hash, "createRequests");
		}
	}

	// ---- what the chain says of them

	// Every request on the canonical chain with what happened to it, in order: {id, params, created, tasks, ended …}.
	async story() {
		const { chain } = this.scene;
		const of = (name) => chain.events("ProofMarketplace", name);
		const [created, tasks, proofs, slashes, cancels, skips] = await Promise.all(
			["RequestCreated", "TaskCreated", "ProofSubmitted", "TaskSlashed", "RequestCancelled", "AssignmentSkipped"].map(of),
		);
		const story = new Map();
		for (const e of created) {
			const cheapest = this.cheapest(e.args.params.marketId);
			const eligible = cheapest !== undefined && e.args.params.maxPrice >= cheapest;
			story.set(e.args.requestId, { id: e.args.requestId, created: e, eligible, tasks: [], proofs: [], slashes: [], cancels: [], skips: [] });
		}
		const add = (events, member) => events.forEach((e) => story.get(e.args.requestId)[member].push(e));
		add(tasks, "tasks");
		add(proofs, "proofs");
		add(slashes, "slashes");
		add(cancels, "cancels");
		add(skips, "skips");
		return [...story.values()];
	}

	// The least that a generator takes there; undefined if nobody quotes.
	cheapest(marketId) {
		const { markets, people } = this.scene.market;
		const name = markets.find(({ id }) => id === marketId)?.name;
		const prices = people.flatMap(({ quotes }) => quotes.filter(([circuit]) => circuit === name).map(([, price]) => price));
		return prices.length ? BigInt(Math.round(Math.min(...prices.map(Number)) * 1e6)) : undefined;
	}

	// Requests that something still has to happen to, and soon: tasks, slashes, refunds, proofs.
	async waiting() {
		const { timestamp } = await this.scene.client.getBlock();
		const soon = timestamp + SOON_S;
		const proving = this.scene.market.listeners;
		const rows = (await this.story()).filter(({ created, eligible, tasks, proofs, slashes, cancels }) => {
			if (proofs.length || slashes.length || cancels.length) return false;
			if (tasks.length) return proving || tasks[0].args.deadline < soon;
			return eligible || created.args.params.expiry < soon;
		});
		return rows.map(({ id }) => id);
	}

	// Of these, the ones for which it hasn't happened yet.
	async stillWaiting(ids) {
		const { timestamp } = await this.scene.client.getBlock();
		const states = await Promise.all(ids.map((id) => this.scene.chain.read("ProofMarketplace", "requestOf", [id])));
		return ids.filter((_, i) => {
			const state = STATES[states[i].state];
			return state === "open" || (state === "assigned" && (this.scene.market.listeners || states[i].deadline < timestamp + SOON_S));
		});
	}
}
