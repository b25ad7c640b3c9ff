// A local market whose every wire can be got at: between each service and Redis, the node, and each other on the bus.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { LocalMarket, SERVICES } from "../../deploy/local/market.mjs";
import { BusProxy } from "./bus-proxy.mjs";
import { Link } from "./link.mjs";

// Who proves in time, and who never does: for these there is a slash after a few seconds.
const SILENT_S = 6;
export const GENERATORS = [
	{ name: "able", compute: 1000n, stake: "1000", quotes: [["range-preimage", "1", 600, 1n]] },
	...["mute", "deaf", "idle"].map((name, i) => ({
		name,
		compute: 100_000n,
		stake: "1000000",
		silent: true,
		quotes: [["rollup-batch", (1 + i / 10).toFixed(1), SILENT_S, 1n]],
	})),
];

export const ENGINE = SERVICES.filter((name) => name !== "webhook-gateway");
// Who reads whose log, as in protocol/messages/links.def and the services' tables in docs/architecture.md.
const READS = {
	orderbook: ["chain-indexer"],
	matcher: ["orderbook"],
	"task-publisher": ["chain-indexer", "matcher"],
	"slasher-watcher": ["chain-indexer"],
	"webhook-gateway": ENGINE,
};

// With wired: everything goes through links, of which each can be cut. Without: as any local market.
// With instances ("a,b"): everybody listens to these copies of the others.
// With nodeKeeps: the node writes its state down every second, and begins with it.
export class ChaosMarket extends LocalMarket {
	constructor(options) {
		super(options);
		this.links = { redis: new Map(), rpc: new Map(), ws: new Map() };
		this.bus = []; // {reader, writer, proxy}
	}

	async startChain() {
		if (this.nodeKeeps) this.anvilArgs = ["--state", join(this.folder, "anvil.json"), "--state-interval", 1];
		await super.startChain();
	}

	async startServices() {
		if (this.wired) await this.wire();
		await super.startServices();
	}

	async wire() {
		const node = Number(new URL(this.rpc).port);
		const ws = Number(new URL(this.ws).port);
		for (const name of SERVICES) {
			this.links.redis.set(name, await Link.start({ at: { port: 0, host: "127.0.0.1" }, to: { port: this.redisPort } }));
			this.links.rpc.set(name, await Link.start({ at: { port: 0, host: "127.0.0.1" }, to: { port: node } }));
		}
		this.links.ws.set("chain-indexer", await Link.start({ at: { port: 0, host: "127.0.0.1" }, to: { port: ws } }));
		for (const [reader, writers] of Object.entries(READS))
			for (const writer of writers) {
				// Each service has a bus of its own (busCut); these are all that connects them.
				const at = join(this.run, `${reader}-${writer}.a`);
				const to = join(this.run, `${writer}-${writer}.a`);
				rmSync(at, { force: true });
				const proxy = await BusProxy.start({ at, to, dice: this.dice.of("bus", reader, writer) });
				this.bus.push({ reader, writer, proxy });
			}
	}

	makeService(name, { args = [], ...options } = {}) {
		const through = (kind) => `127.0.0.1:${this.links[kind].get(name).port}`;
		const wires = this.wired ? [`--redis=redis://${through("redis")}`] : [];
		if (this.wired && ["chain-indexer", "task-publisher", "slasher-watcher"].includes(name))
			wires.push(`--rpc=http://${through("rpc")}`);
		if (this.wired && name === "chain-indexer") wires.push(`--ws=ws://${through("ws")}`);
		if (this.instances) wires.push(`--instances=${this.instances}`);
		// Of two flags of one name the last counts.
		return super.makeService(name, { args: [...wires, ...args], ...options });
	}

	get wires() {
		const links = Object.values(this.links).flatMap((byName) => [...byName.values()]);
		return [...links, ...this.bus.map(({ proxy }) => proxy)];
	}

	heal() {
		for (const wire of this.wires) wire.heal();
	}

	async stop() {
		await super.stop();
		for (const wire of this.wires) wire.stop();
	}
}
