// Follows the chain while the demo runs: when each block came, and what happened to each request.
import { sleep } from "../processes.mjs";

const EVERY_MS = 40;
const EVENTS = [
	"RequestCreated",
	"RequestCancelled",
	"TaskCreated",
	"ProofSubmitted",
	"TaskSlashed",
	"AssignmentSkipped",
	"InputsInvalidated",
];

export class Watch {
	// Only the requests of the market's own requester count: others may ask at the same time.
	constructor(market, onEvent) {
		this.chain = market.chain;
		this.requester = market.requester.address;
		this.onEvent = onEvent;
		this.seenMs = new Map(); // block number -> when we saw it
		this.requests = new Map(); // id -> {request, task, end: events}
		this.next = 0n;
	}

	start() {
		this.running = true;
		this.loop = this.follow();
		return this;
	}

	async stop() {
		this.running = false;
		await this.loop;
	}

	async follow() {
		this.next = (await this.chain.client.getBlockNumber()) + 1n;
		while (this.running) {
			const head = await this.chain.client.getBlockNumber({ cacheTime: 0 });
			const now = Date.now();
			for (let n = this.next; n <= head; n++) this.seenMs.set(n, now);
			if (head >= this.next) {
				await this.take(this.next, head);
				this.next = head + 1n;
			}
			await sleep(EVERY_MS);
		}
	}

	async take(fromBlock, toBlock) {
		const { address, abi } = this.chain.contract("ProofMarketplace");
		const logs = await this.chain.client.getContractEvents({ address, abi, fromBlock, toBlock, strict: true });
		for (const log of logs) if (EVENTS.includes(log.eventName)) this.note(log);
	}

	note(log) {
		const id = log.args.requestId;
		const ours = log.eventName === "RequestCreated" && log.args.requester === this.requester;
		if (!ours && !this.requests.has(id)) return;
		const known = this.requests.get(id) ?? {};
		const part = { RequestCreated: "request", TaskCreated: "task", AssignmentSkipped: "skipped" }[log.eventName] ?? "end";
		known[part] = log;
		this.requests.set(id, known);
		this.onEvent(log, known);
	}

	ended() {
		return [...this.requests.values()].filter(({ end }) => end).length;
	}

	// Milliseconds between two blocks, by when we saw them.
	msBetween(from, to) {
		const [a, b] = [this.seenMs.get(from), this.seenMs.get(to)];
		return a === undefined || b === undefined ? undefined : b - a;
	}
}
