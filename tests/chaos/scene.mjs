// A market under load, with a service manager, a client of the feed, and a watch: what chaos happens to.
//
//	const scene = await Scene.start({ dice, wired: true });
//	scene.load.start(4);                        requests per block
//	await scene.kill("matcher");                started again by the manager
//	const ms = await scene.recovered(since);
//	await scene.settle();                       everything that can end has; then oracles.mjs
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SERVICES } from "../../deploy/local/market.mjs";
import { sleep, until } from "../../deploy/local/processes.mjs";
import { World } from "../e2e/world.mjs";
import { BookClient } from "./book.mjs";
import { Load } from "./load.mjs";
import { ChaosMarket, ENGINE, GENERATORS } from "./market.mjs";
import { RpcProxy } from "./rpc-proxy.mjs";

export { ENGINE, SERVICES, sleep, until };

const RESTART_MS = 100; // a manager's pause between two starts
const SETTLE_MS = 90_000;

export class Scene {
	// wired, instances, nodeKeeps: see ChaosMarket. proofs: with a prover and the listener of "able". liar: a proxy between
	// services and node that does wrong what it is told. Others are LocalMarket's.
	static async start({ dice, wired = false, proofs = false, liar = false, ...options }) {
		const scene = new Scene();
		const proxy = async function (chain) {
			const log = join(this.folder, "logs", "liar.log");
			scene.liar = await RpcProxy.start({ target: chain.url, seed: dice.below(2 ** 31), log, name: "liar" });
			this.add(scene.liar.process);
			return scene.liar;
		};
		Object.assign(scene, { dice, copies: new Map(), ends: [], expected: new Set(), explained: new Set(), reverts: new Map() });
		scene.world = await World.start({
			Market: ChaosMarket,
			dice: dice.of("market"),
			wired,
			busCut: wired,
			listeners: proofs,
			generators: GENERATORS,
			...(liar && { proxy }),
			...options,
		});
		scene.supervise();
		scene.load = new Load(scene, dice.of("load"));
		scene.book = new BookClient(scene);
		await scene.book.connect();
		return scene;
	}

	get market() {
		return this.world.market;
	}

	get chain() {
		return this.world.chain;
	}

	get client() {
		return this.world.client;
	}

	get gateway() {
		return `http://127.0.0.1:${this.market.gatewayPort}`;
	}

	get redisPort() {
		return this.market.redisPort;
	}

	service(name) {
		return this.world.service(name);
	}

	// ---- the service manager

	// Start again whoever ends; remember why he did, unless it was us.
	supervise() {
		this.managed = new Set(this.market.services);
		for (const name of this.managed) this.watch(name);
	}

	watch(name) {
		const service = this.service(name);
		const life = service.ended;
		life.then(async () => {
			const { code, signal } = service.exit;
			const err = code ? (service.event("service.exited") ?? service.event("service.stopping"))?.err : undefined;
			this.ends.push({ name, code, signal, err, tail: service.tail(3) });
			await sleep(RESTART_MS);
			if (this.stopped || !this.managed.has(name) || service.ended !== life) return;
			service.start();
			service.startedMs = performance.now();
			this.watch(name);
		});
	}

	// No manager for it; the returned function gives it back, started.
	unmanaged(...names) {
		for (const name of names) this.managed.delete(name);
		return async () => {
			for (const name of names) {
				this.managed.add(name);
				if (!this.service(name).running) this.service(name).start();
				this.watch(name);
			}
		};
	}

	// kill -9; they are started again. The moment at which the last of them was started.
	async kill(...names) {
		const again = this.unmanaged(...names);
		await Promise.all(names.map((name) => this.service(name).kill()));
		const since = performance.now();
		await again();
		return since;
	}

	// Reasons for which a service may end in what follows, besides our killing it.
	expect(...errs) {
		for (const err of errs) this.expected.add(err);
	}

	// Errors with which a transaction of ours may revert in what follows, besides those of a branch that is gone.
	explain(...names) {
		for (const name of names) this.explained.add(name);
	}

	// Ends that nobody can explain: not by us, not expected. Forgets all.
	unexplained() {
		const ends = this.ends.splice(0);
		return ends.filter(({ code, signal, err }) => code !== 0 && signal !== "SIGKILL" && !this.expected.has(err));
	}

	// ---- the watch

	// Whether of each service a copy is ready.
	async readyAll() {
		const ready = (service) => service.running && service.isReady().catch(() => false);
		for (const name of this.market.services) {
			const copies = [this.service(name), this.copies.get(name)].filter(Boolean);
			if (!(await Promise.all(copies.map(ready))).some(Boolean)) return false;
		}
		return true;
	}

	// The block that the match log has come to, as the gateway shows it.
	async matched() {
		const answer = await fetch(`${this.gateway}/v1/chain`, { signal: AbortSignal.timeout(1000) });
		return (await answer.json()).logs.match.block;
	}

	// A block is mined; wait until every service is ready and the match log has come to that block; ms since @since. Without
	// @since no block is mined.
	async recovered(since, { timeoutMs = 60_000 } = {}) {
		if (since) await this.client.mine({ blocks: 1 });
		const head = await this.client.getBlock();
		try {
			await until("everybody to be ready", () => this.readyAll(), { timeoutMs, everyMs: 10 });
			await until(
				`block ${head.number} to be dealt with`,
				async () => this.covers(await this.matched(), head),
				{ timeoutMs, everyMs: 10 },
			);
		} catch (error) {
			const states = await Promise.all([...this.managed].map((name) => this.stateOf(name)));
			throw new Error(`${error.message}; ${states.join("; ")}`, { cause: error });
		}
		return performance.now() - since;
	}

	// Whether a block is the other one, or comes after it, on the chain as it is now.
	async covers({ number, hash }, block) {
		if (hash === block.hash) return true;
		if (BigInt(number) < block.number) return false;
		return (await this.client.getBlock({ blockNumber: BigInt(number) })).hash === hash;
	}

	async stateOf(name) {
		const service = this.service(name);
		if (!service.running) return `${name} isn't running: ${service.tail(1)}`;
		const said = await fetch(`${service.admin}/readyz`).then((r) => r.text(), (e) => e.message);
		return `${name}: ${said.trim()}`;
	}

	async blocks(count) {
		const from = await this.world.head();
		await until(`${count} blocks`, async () => (await this.world.head()) >= from + BigInt(count));
	}

	// ---- the end of a cell

	// No new requests; wait until each eligible one has its task, silent tasks are slashed and expired requests refunded.
	// What still waits is left to the oracles. Then the chain stands still.
	async settle(patienceMs = SETTLE_MS) {
		this.load.stop();
		await this.load.idle();
		try {
			await this.blocks(1); // what was placed is on the chain
			let left = await this.load.waiting();
			await until("everything to end", async () => !(left = await this.load.stillWaiting(left)).length, { timeoutMs: patienceMs, everyMs: 250 });
		} catch {
			// The oracles say what it was.
		}
		await this.client.setIntervalMining({ interval: 0 });
		await this.recovered(0, { timeoutMs: patienceMs }).catch(() => {});
		await this.book.inStep().catch((error) => (this.book.wrong ??= error));
	}

	// The chain goes on, its clock as everybody else's.
	async resume() {
		this.market.heal();
		await this.liar?.clear();
		this.expected.clear();
		await this.client.request({ method: "evm_setTime", params: [Math.floor(Date.now() / 1000)] }).catch(() => {});
		await this.client.setIntervalMining({ interval: this.market.blockTime });
	}

	async stop() {
		this.stopped = true;
		this.load?.stop();
		this.book?.end();
		await this.world.stop();
	}

	// Everything that was written of this market in plain files: logs, Redis' files, state folders.
	*files(...folders) {
		for (const folder of folders.length ? folders : ["logs", "redis", "state"])
			for (const file of readdirSync(join(this.world.folder, folder), { recursive: true, withFileTypes: true }))
				if (file.isFile()) {
					const path = join(file.parentPath ?? file.path, file.name);
					try {
						yield { path, bytes: readFileSync(path) };
					} catch (error) {
						if (error.code !== "ENOENT") throw error; // it was just taken away
					}
				}
	}
}
