// A market with two copies of every service, which are restarted one after the other as Kubernetes does it, and a load
// that tells what was late.
import { Dice } from "../../chaos/dice.mjs";
import { Load } from "../../chaos/load.mjs";
import { SERVICES } from "../../../deploy/local/market.mjs";
import { freePort, sleep, until } from "../../../deploy/local/processes.mjs";
import { World } from "../../e2e/world.mjs";

export { SERVICES };
export const ORDERED = SERVICES.filter((name) => name !== "webhook-gateway");
const GATEWAY = "webhook-gateway";
const ASK_EVERY_MS = 50;

// Those whose tasks outlast the run, each with 100 of them at most; and one that is overdue soon and slashed.
const GENERATORS = [
	...Array.from({ length: 8 }, (_, i) => ({ name: `patient-${i}`, compute: 1000n, stake: "100000", quotes: [["rollup-batch", "1", 3600, 1n]] })),
	{ name: "late", compute: 1000n, stake: "100000", quotes: [["range-preimage", "1", 5, 1n]] },
];

export class Pairs {
	// Options are LocalMarket's; lease in ms; minReadyMs: how long a copy has to be of use before the next one goes.
	static async start({ lease = 2000, minReadyMs = 0, ...options } = {}) {
		const pairs = new Pairs();
		pairs.minReadyMs = minReadyMs;
		const args = ["--instances=a,b", `--lease=${lease}`];
		pairs.world = await World.start({ args, generators: GENERATORS, ...options });
		pairs.copies = new Map();
		for (const name of SERVICES) pairs.copies.set(name, [pairs.world.service(name), await pairs.second(name)]);
		await Promise.all([...pairs.copies.values()].map(([, b]) => until(`${b.name} to be available`, () => isAvailable(b))));
		return pairs;
	}

	async second(name) {
		const { market } = this.world;
		const args = name === GATEWAY ? [`--listen-port=${await freePort()}`] : [];
		const copy = market.makeService(name, { instance: "b", args });
		copy.name = `${name}-b`;
		copy.log = copy.log.replace(/\.log$/, "-b.log");
		return market.add(copy).start();
	}

	stop() {
		return this.world.stop();
	}

	// ---- restarts

	// SIGTERM, its end, a new start once @meanwhile() has been, until it is of use again: what a StatefulSet does with a pod.
	// How long it took to end.
	async restart(copy, meanwhile) {
		const began = performance.now();
		copy.signal("SIGTERM");
		await copy.ended;
		const endedMs = performance.now() - began;
		if (copy.exit.code !== 0) throw copy.died();
		await meanwhile?.();
		copy.start();
		await copy.ready(() => isAvailable(copy), { timeoutMs: 120_000 });
		return endedMs;
	}

	// Both copies of a service, the highest first.
	async roll(name) {
		for (const copy of [...this.copies.get(name)].reverse()) {
			await this.restart(copy);
			await sleep(this.minReadyMs);
		}
	}

	// Who holds the lease of a service.
	async leader(name) {
		const copies = this.copies.get(name);
		const ready = await Promise.all(copies.map((copy) => copy.isReady().catch(() => false)));
		return ready[0] !== ready[1] ? copies[ready.indexOf(true)] : undefined;
	}

	// ---- load

	gateways() {
		return this.copies.get(GATEWAY).map((copy) => {
			const at = copy.event("gateway.listening");
			return at && `http://${at.host}:${at.port}`;
		});
	}
}

// Doing its work, or able to: what the readiness probe of deploy/k8s asks.
export async function isAvailable(copy) {
	return copy.admin !== undefined && (await fetch(`${copy.admin}/availablez`)).status === 200;
}

// Requests for proofs in every block, and questions to the gateways all the time.
export class Traffic {
	constructor(pairs, { perBlock = 4 } = {}) {
		const { world } = pairs;
		const scene = { world, market: world.market, chain: world.chain, client: world.client };
		Object.assign(this, { pairs, world, perBlock, running: true, seen: new Map(), answers: [], lost: 0 });
		this.load = new Load(scene, new Dice(1));
		this.busy = [this.place(), this.ask()];
		this.watching = true;
		this.watched = this.watch();
	}

	// When each block was there.
	async watch() {
		for (let last = await this.world.head(); this.watching; await sleep(10)) {
			const head = await this.world.head();
			for (; last < head; last++) this.seen.set(last + 1n, performance.now());
		}
	}

	async place() {
		for (let last = 0n; this.running; await sleep(50)) {
			const head = await this.world.head();
			if (head === last) continue;
			last = head;
			await this.load.place([...Array(this.perBlock).fill("silent"), "proven"]); // by a generator that never does
		}
	}

	// One after the other; a gateway that doesn't answer is asked no more, the other one is, as a load balancer does.
	async ask() {
		for (let turn = 0; this.running; await sleep(ASK_EVERY_MS)) {
			const began = performance.now();
			let answered = false;
			while (!answered && performance.now() - began < 60_000) {
				const url = this.pairs.gateways()[turn++ % 2];
				answered = await this.answersFrom(url);
				if (!answered) await sleep(10);
			}
			if (answered) this.answers.push({ at: began, ms: performance.now() - began });
			else this.lost += 1;
		}
	}

	async answersFrom(url) {
		try {
			const answer = await fetch(`${url}/v1/stats`, { signal: AbortSignal.timeout(10_000) });
			await answer.arrayBuffer();
			return answer.status === 200;
		} catch {
			return false;
		}
	}

	// No more of it.
	async halt() {
		this.running = this.watching = false;
		await Promise.allSettled([...this.busy, this.watched]);
	}

	// No more of it; wait until every request has its task.
	async end() {
		const { chain } = this.world;
		this.running = false;
		await Promise.all(this.busy);
		await until("every request to have a task", async () => {
			const [created, tasks] = await Promise.all(["RequestCreated", "TaskCreated"].map((e) => chain.events("ProofMarketplace", e)));
			const has = new Set(tasks.map((e) => e.args.requestId));
			return created.length >= this.load.placed && created.every((e) => has.has(e.args.requestId));
		}, { timeoutMs: 120_000, everyMs: 250 });
		this.watching = false;
		await this.watched;
	}

	// Of every request that was placed while we watched: {id, at, ms} from its block to that of its task, and how many tasks.
	async requests() {
		const { chain } = this.world;
		const [created, tasks] = await Promise.all(["RequestCreated", "TaskCreated"].map((e) => chain.events("ProofMarketplace", e)));
		const byId = groupBy(tasks, (e) => e.args.requestId);
		return created
			.filter((e) => this.seen.has(e.blockNumber))
			.map((e) => {
				const its = byId.get(e.args.requestId) ?? [];
				const at = this.seen.get(e.blockNumber);
				return { id: e.args.requestId, at, tasks: its.length, ms: its.length ? this.seen.get(its[0].blockNumber) - at : Infinity };
			});
	}
}

function groupBy(list, key) {
	const groups = new Map();
	for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
	return groups;
}
