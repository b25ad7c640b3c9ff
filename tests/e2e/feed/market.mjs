// A busy market, and what the API says of it in the words of the feed's channels.
import { zeroAddress } from "viem";
import { sleep } from "../../../deploy/local/processes.mjs";
import { freshInputs } from "../world.mjs";

export const ALL = [
	{ name: "blocks" },
	{ name: "markets" },
	{ name: "book", market: "1" },
	{ name: "requests" },
	{ name: "tasks" },
	{ name: "generators" },
	{ name: "slashes" },
	{ name: "stats" },
];

// What becomes of requests: one finds a prover, some a generator that never proves, some nobody until they expire.
const FATES = [{ maxPrice: "1.5", maxTime: 100 }, { maxPrice: "5", maxTime: 10 }, { maxPrice: "0.1", expiresIn: 4 }, { maxPrice: "0.1" }];

// A transaction with several requests, for each block while it runs.
export class Busy {
	constructor(world, perBlock = 8) {
		Object.assign(this, { world, perBlock, placed: 0, running: true });
		this.inputs = freshInputs("range-preimage");
		this.done = this.run();
	}

	async run() {
		for (let last, turn = 0; this.running; ) {
			const head = await this.world.base.head();
			if (head === last) {
				await sleep(50);
				continue;
			}
			last = head;
			await this.place(turn++ % 4 === 0 ? FATES : FATES.slice(1)).catch((error) => (this.wrong = error));
		}
	}

	async place(fates) {
		const { chain, market, client } = this.world;
		const { timestamp } = await client.getBlock();
		const params = [];
		for (let i = 0; i < this.perBlock; i++) {
			const { maxPrice, maxTime = 100, expiresIn = 86_400 } = fates[i % fates.length];
			params.push({
				marketId: market.marketOf("range-preimage").id,
				maxPrice: await market.paymentUnits(maxPrice),
				maxResponseTime: maxTime,
				expiry: timestamp + BigInt(expiresIn),
				preference: 0,
				refundTo: zeroAddress,
				spread: 0n,
			});
		}
		const { address, abi } = chain.contract("ProofMarketplace");
		const none = params.map(() => "0x");
		const args = [params, params.map(() => this.inputs), none, none];
		await chain.wallet(market.requester).writeContract({ address, abi, functionName: "createRequests", args, gas: 10_000_000n });
		this.placed += params.length;
	}

	async stop() {
		this.running = false;
		await this.done;
	}
}

const pick = (row, like) => Object.fromEntries(Object.keys(like).map((key) => [key, row[key]]));
const keyed = (rows, key) => Object.fromEntries(rows.map((row) => [row[key], row]));

// What the feed's rows leave out, left out; `like` is a row of the feed.
const SHAPES = {
	task: ({ overdue, ...task }) => task,
	quotes: ["generator", "price", "response_time", "compute", "tasks", "draining", "has_key"],
	orders: ["request_id", "requester", "max_price", "max_response_time", "expiry", "preference", "spread", "created"],
	requests: [
		"request_id", "market_id", "state", "requester", "max_price", "max_response_time", "expiry", "preference", "spread", "created",
		"inputs_hash", "inputs_size", "task",
	],
	tasks: ["request_id", "market_id", "state", "generator", "price", "deadline", "assigned"],
	markets: ["market_id", "owner", "verifier", "penalty", "protocol", "auction_window", "confidential", "closed", "active_from"],
	generators: ["generator", "registered", "reward_address", "compute", "used_compute", "stake", "locked", "unstaking", "record"],
	stats: ["market_id", "quotes", "requests"],
};

const shape = (rows, name, key) => keyed(rows.map((row) => pick(row, Object.fromEntries(SHAPES[name].map((k) => [k])))), key);
const plainTask = (r) => ({ ...r, task: r.task && SHAPES.task(r.task) });
const plainRecord = ({ record: { mean_response_time, overdue, ...record }, ...g }) => ({ ...g, record });

// By channel: how the API answers, as {seq, rows}.
const ANSWERS = {
	async book(api, { market }) {
		const { as_of, quotes, requests } = await api.get(`/v1/markets/${market}/book?limit=10000`);
		return [as_of, { quotes: shape(quotes, "quotes", "generator"), requests: shape(requests, "orders", "request_id") }];
	},
	async requests(api) {
		const { as_of } = await api.get("/v1/requests?limit=1");
		const open = await api.all("/v1/requests?state=open", "requests");
		const assigned = await api.all("/v1/requests?state=assigned", "requests");
		return [as_of, { requests: shape([...open, ...assigned].map(plainTask), "requests", "request_id") }];
	},
	async tasks(api) {
		const { as_of } = await api.get("/v1/requests?limit=1");
		const running = await api.all("/v1/requests?state=assigned", "requests");
		const tasks = running.map(({ task, ...r }) => ({ ...r, ...task, state: "running" }));
		return [as_of, { tasks: shape(tasks, "tasks", "request_id") }];
	},
	async markets(api) {
		const { as_of, markets } = await api.get("/v1/markets");
		return [as_of, { markets: shape(markets, "markets", "market_id") }];
	},
	async stats(api) {
		const { as_of, markets } = await api.get("/v1/markets");
		return [as_of, { stats: shape(markets, "stats", "market_id") }];
	},
	async generators(api) {
		const { as_of, generators } = await api.get("/v1/generators");
		return [as_of, { generators: shape(generators.map(plainRecord), "generators", "generator") }];
	},
};

// The rows that the API has for a channel, and the number that they are as of.
export async function rowsOf(api, channel) {
	const [as_of, rows] = await ANSWERS[channel.name](api, channel);
	return { seq: as_of.seq, rows };
}

export const isInApi = ({ name, requester }) => name in ANSWERS && !requester;

// The rows that a client keeps, in the same form.
export function rowsKept(sub) {
	const rows = Object.entries(sub.rows).map(([table, map]) => [table, Object.fromEntries(map)]);
	const all = Object.fromEntries(rows);
	for (const g of Object.values(all.generators ?? {})) delete g.record.proving_s;
	return all;
}
