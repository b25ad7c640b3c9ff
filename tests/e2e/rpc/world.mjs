// What the tests with proxies before the nodes share: a market whose services know the chain through them only.
import assert from "node:assert/strict";
import { join } from "node:path";
import { redisSays } from "../../../deploy/local/market.mjs";
import { RpcProxy } from "../../chaos/rpc-proxy.mjs";
import { kalypso } from "../cli/world.mjs";
import { World, until } from "../world.mjs";

export { until };
export const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const SEED = Number(process.env.SEED ?? 1);
const GAP_BLOCKS = 8; // from a request to its task, while a node misbehaves and another doesn't; blocks take a second

export class ProxiedWorld {
	// So many proxies before the one node; options as of World.start().
	static async start(count, options = {}) {
		const self = new ProxiedWorld();
		self.proxies = [];
		self.world = await World.start({
			...options,
			services: ENGINE,
			async proxy(chain) {
				for (let i = 0; i < count; i++) {
					const log = join(this.folder, "logs", `proxy-${i}.log`);
					self.proxies.push(await RpcProxy.start({ target: chain.url, seed: SEED + i, log, name: `proxy-${i}` }));
					this.add(self.proxies[i].process);
				}
				return { rpc: self.proxies.map((p) => p.rpc).join(), ws: self.proxies.map((p) => p.ws).join() };
			},
		});
		return self;
	}

	stop() {
		return this.world.stop();
	}

	get indexer() {
		return this.world.service("chain-indexer");
	}

	logged(event) {
		return until(`${event} in ${this.indexer.log}`, () => this.indexer.event(event));
	}

	// Two requests; their tasks come at most so many blocks later.
	async assignTwo(blocks = GAP_BLOCKS) {
		const { world } = this;
		const ids = [await world.request(), await world.request()];
		const tasks = await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
		for (const [i, id] of ids.entries()) {
			const { blockNumber } = await world.event("RequestCreated", id);
			const gap = tasks[i].blockNumber - blockNumber;
			assert.ok(gap <= blocks, `request ${id} was assigned ${gap} blocks later`);
		}
	}

	// Every request has exactly one task; how many there are.
	async oneTaskEach() {
		const { chain } = this.world;
		const tasks = await chain.events("ProofMarketplace", "TaskCreated");
		const requests = await chain.events("ProofMarketplace", "RequestCreated");
		for (const { args: { requestId } } of requests) {
			const count = tasks.filter(({ args }) => args.requestId === requestId).length;
			assert.equal(count, 1, `request ${requestId} has ${count} tasks`);
		}
		return requests.length;
	}

	// What the services wrote is what the chain, asked without a proxy, gives.
	async auditAgrees() {
		const { world, indexer } = this;
		const entries = (log) => Number(redisSays(world.market.redisPort, "xlen", `kalypso:{local}:log:${log}`));
		await world.client.setIntervalMining({ interval: 0 });
		const head = Number(await world.head());
		let last;
		await until("every log is at rest", async () => {
			const now = [await indexer.metric("chain_tip_block"), ...["chain", "book", "match"].map(entries)].join();
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
}
