// What the gateway's tests share: a market with a generator that proves and one that never does, two gateways on ports
// of their own, and a chain whose clock can be stopped.
import { join } from "node:path";
import { freePort } from "../../../deploy/local/processes.mjs";
import { World as Base, until } from "../world.mjs";
import { Api, Feed } from "./client.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const GENERATORS = [
	{ name: "able", compute: 1000n, stake: "1000", quotes: [["range-preimage", "1", 60, 1n], ["rollup-batch", "1", 900, 1n]] },
	{ name: "silent", compute: 1000n, stake: "1000", silent: true, quotes: [["range-preimage", "2", 4, 1n], ["rollup-batch", "2", 800, 1n]] },
];

// Requests by what becomes of them.
export const KINDS = {
	proven: { maxPrice: "1.5" },
	slashed: { maxTime: 10 },
	running: { circuit: "rollup-batch", maxTime: 850 },
	waiting: { maxPrice: "0.1" },
	expiring: { maxPrice: "0.1", expiresIn: 2 },
};

export { until };

export class World {
	async start() {
		this.base = await Base.start({ services: ENGINE, generators: GENERATORS, listeners: true });
		this.a = await this.addGateway("a");
		// Of everything only a little: the past has to come from Redis.
		this.b = await this.addGateway("b", ["--feed-window=1024", "--feed-patience=1", "--history=2", "--per-ip-max=40"]);
		this.api = new Api(this.a.url);
	}

	async stop() {
		await this.base?.stop();
	}

	// A gateway that keeps its port when it starts again.
	async addGateway(instance, args = []) {
		const { market } = this.base;
		const port = await freePort();
		const service = market.makeService("webhook-gateway", { instance, args: [`--listen-port=${port}`, ...args] });
		service.name = `gateway-${instance}`;
		service.log = join(market.folder, "logs", `${service.name}.log`);
		service.url = `http://127.0.0.1:${port}`;
		market.add(service);
		await this.startGateway(service);
		return service;
	}

	async startGateway(service) {
		service.start();
		await service.ready(() => service.isReady());
	}

	get client() {
		return this.base.client;
	}

	get chain() {
		return this.base.chain;
	}

	get market() {
		return this.base.market;
	}

	request(kind) {
		return this.base.request(KINDS[kind]);
	}

	person(name) {
		return this.market.people.find((p) => p.name === name);
	}

	// As a service manager does: start again what has ended, until the returned function is called.
	supervise() {
		const look = () => ENGINE.map((name) => this.base.service(name)).filter((s) => !s.running).map((s) => s.start());
		const timer = setInterval(look, 200);
		return () => clearInterval(timer);
	}

	// ---- the clock

	// No block comes any more, and the gateway shows the newest.
	async stopClock(api = this.api) {
		await this.client.setIntervalMining({ interval: 0 });
		return this.caughtUp(api);
	}

	startClock() {
		return this.client.setIntervalMining({ interval: 1 });
	}

	async caughtUp(api = this.api) {
		return api.reaches(await this.base.head());
	}

	// ---- the feed

	async feed(url = this.a.url) {
		return new Feed(url).open();
	}
}

// Everything that a gateway says of the market, without how far it has read.
export async function portrait(api) {
	const lists = { markets: "markets", generators: "generators", requests: "requests", tasks: "tasks", stats: "markets" };
	const all = {};
	for (const [path, key] of Object.entries(lists)) all[path] = await api.all(`/v1/${path}`, key);
	all.books = await Promise.all(all.markets.map(({ market_id }) => api.get(`/v1/markets/${market_id}/book`)));
	all.single = await Promise.all(all.requests.map(({ request_id }) => api.get(`/v1/requests/${request_id}`)));
	all.whys = await Promise.all([
		...all.requests.map(({ request_id }) => api.get(`/v1/requests/${request_id}/why`)),
		...all.generators.map(({ generator }) => api.get(`/v1/generators/${generator}/why?limit=1000`)),
	]);
	return all;
}

