// What the end-to-end tests share: a local market from the binaries under test, and an outside client's calls.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zeroAddress } from "viem";
import { ROOT } from "../../deploy/local/chain.mjs";
import { LocalMarket, SERVICES } from "../../deploy/local/market.mjs";
import { until } from "../../deploy/local/processes.mjs";

export { SERVICES, until };
export const BINARIES = process.env.KALYPSO_BIN ?? join(ROOT, "build/release/bin");
export const STATES = ["none", "open", "assigned", "fulfilled", "invalid", "slashed", "cancelled", "rejected"];

// Two generators with room for everything, one of them slower and cheaper; proofs are the test's business.
export const ROOMY = [
	{ name: "slow", compute: 1000n, stake: "100000", quotes: [["range-preimage", "1", 60, 1n], ["rollup-batch", "1", 60, 1n]] },
	{ name: "fast", compute: 1000n, stake: "100000", quotes: [["range-preimage", "2", 20, 1n], ["rollup-batch", "2", 20, 1n]] },
];

process.env.LSAN_OPTIONS ??= `suppressions=${join(ROOT, "tests/lsan.supp")}:print_suppressions=0`;

const makers = Object.fromEntries(
	await Promise.all(
		["range-preimage", "rollup-batch"].map(async (name) => [
			name,
			await import(`../../deploy/local/circuits/${name}/inputs.mjs`),
		]),
	),
);

export const freshInputs = (circuit) => `0x${makers[circuit].fresh(randomBytes).toString("hex")}`;

export class World {
	// Options are LocalMarket's, Market a class made of it. Everything lives in a folder of its own, kept if KALYPSO_KEEP is
	// set.
	static async start({ Market = LocalMarket, ...options } = {}) {
		const world = new World();
		world.folder = mkdtempSync(join(tmpdir(), "kalypso-e2e-"));
		world.market = await Market.start({
			folder: world.folder,
			binaries: BINARIES,
			generators: ROOMY,
			listeners: false,
			...options,
		});
		return world;
	}

	// Nothing may have ended with a sanitizer's report, not even at its end.
	async stop() {
		await this.market.stop();
		const logs = join(this.folder, "logs");
		const bad = readdirSync(logs).filter((f) => /Sanitizer|runtime error:/.test(readFileSync(join(logs, f), "utf8")));
		if (bad.length) throw new Error(`sanitizer reports in ${bad.map((f) => join(logs, f)).join(", ")}`);
		if (process.env.KALYPSO_KEEP) console.error(`kept: ${this.folder}`);
		else rmSync(this.folder, { recursive: true, force: true });
	}

	get chain() {
		return this.market.chain;
	}

	get client() {
		return this.market.chain.client;
	}

	async head() {
		return this.client.getBlockNumber({ cacheTime: 0 });
	}

	// ---- the requester

	// Place a request; its id. Caps in tokens and seconds.
	async request({ circuit = "range-preimage", maxPrice = "5", maxTime = 100, expiresIn = 3600, preference = "cheapest", spread = 0n, inputs } = {}) {
		const { timestamp } = await this.client.getBlock();
		const params = {
			marketId: this.market.marketOf(circuit).id,
			maxPrice: await this.market.paymentUnits(maxPrice),
			maxResponseTime: maxTime,
			expiry: timestamp + BigInt(expiresIn),
			preference: preference === "cheapest" ? 0 : 1,
			refundTo: zeroAddress,
			spread,
		};
		const args = [params, inputs ?? freshInputs(circuit), "0x", "0x"];
		const receipt = await this.chain.send(this.market.requester, "ProofMarketplace", "createRequest", args);
		const [created] = await this.chain.events("ProofMarketplace", "RequestCreated", { from: receipt.blockNumber });
		return created.args.requestId;
	}

	// ---- what became of it

	async stateOf(id) {
		return STATES[(await this.chain.read("ProofMarketplace", "requestOf", [id])).state];
	}

	async event(name, id) {
		return (await this.chain.events("ProofMarketplace", name, { args: { requestId: id } })).at(-1);
	}

	// Wait for an event of a request; it.
	until(name, id, timeoutMs = 60_000) {
		return until(`${name} of request ${id}`, () => this.event(name, id), { timeoutMs, everyMs: 50 });
	}

	generatorName(address) {
		return this.market.people.find((p) => p.address === address)?.name;
	}

	// ---- the services

	service(name) {
		return this.market.service(name);
	}

	async metrics(name, services = SERVICES) {
		const values = await Promise.all(services.map((s) => this.service(s).metric(name)));
		return Object.fromEntries(services.map((s, i) => [s, values[i]]));
	}
}
