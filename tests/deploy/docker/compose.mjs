// The market of docker-compose.yml in an engine of the test's own, and an outside client of it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { maxUint256, zeroAddress } from "viem";
import { account } from "../../../deploy/local/chain.mjs";
import { fresh } from "../../../deploy/local/circuits/rollup-batch/inputs.mjs";
import { LocalMarket, SERVICES } from "../../../deploy/local/market.mjs";
import { freePort, until } from "../../../deploy/local/processes.mjs";

const CUSTOMER = 20; // of anvil's accounts; the demo has another
const STATES = ["none", "open", "assigned", "fulfilled", "invalid", "slashed", "cancelled", "rejected"];

export { SERVICES };
export const LISTENERS = ["listener-thrifty", "listener-swift"];
export const ONCE = ["redis-users", "redis-functions", "deployer"];
export const LASTING = ["chain", "redis", ...SERVICES, ...LISTENERS, "prover-thrifty", "prover-swift"];

export class ComposeMarket {
	static async create(engine) {
		const market = new ComposeMarket();
		market.engine = engine;
		market.project = `kalypso-test-${process.pid}`;
		market.folder = mkdtempSync(join(tmpdir(), "kalypso-compose-"));
		for (const name of ["page", "chain", "prometheus", "alertmanager"]) market[`${name}Port`] = await freePort();
		market.env = {
			KALYPSO_PAGE_PORT: String(market.pagePort),
			KALYPSO_CHAIN_PORT: String(market.chainPort),
			KALYPSO_PROMETHEUS_PORT: String(market.prometheusPort),
			KALYPSO_ALERTMANAGER_PORT: String(market.alertmanagerPort),
		};
		market.page = `http://127.0.0.1:${market.pagePort}`;
		return market;
	}

	compose(...args) {
		return this.engine.run("docker-compose", ["--project-name", this.project, ...args], { env: this.env });
	}

	up(...services) {
		return this.compose("up", "--detach", "--no-build", ...services);
	}

	container(service) {
		return `${this.project}_${service}_1`;
	}

	inspect(...services) {
		return this.engine.inspect(...services.map((s) => this.container(s)));
	}

	// Who isn't is told of with its state, its last health check and the end of its log.
	async healthy(...services) {
		let ill;
		const all = async () => {
			const well = ({ State }) => State.Running && State.Health.Status === "healthy";
			ill = (await this.inspect(...services)).filter((container) => !well(container));
			return ill.length === 0;
		};
		await until(`${services.join(", ")} healthy`, all, { timeoutMs: 180_000, everyMs: 500 }).catch(async (error) => {
			const say = async ({ Name, State, RestartCount }) => {
				const log = await this.engine.run("sh", ["-c", `docker logs --tail=20 ${Name.slice(1)} 2>&1`]);
				return `${Name}, restarted ${RestartCount} times: ${JSON.stringify(State)}\n${log}`;
			};
			throw new Error([error.message, ...(await Promise.all((ill ?? []).map(say)))].join("\n"));
		});
	}

	// What the deployer wrote, with the addresses that this machine knows the market by.
	async marketFile() {
		const file = join(this.folder, "market.json");
		await this.engine.docker("cp", `${this.container("deployer")}:/market/market.json`, file);
		const market = JSON.parse(readFileSync(file, "utf8"));
		Object.assign(market, { rpc: `http://127.0.0.1:${this.chainPort}`, ws: `ws://127.0.0.1:${this.chainPort}`, gateway: this.page });
		writeFileSync(file, JSON.stringify(market));
		return file;
	}

	async attach() {
		this.market = await LocalMarket.attach(await this.marketFile());
		this.customer = account(CUSTOMER);
	}

	// ---- a customer from outside

	async fund() {
		const { chain } = this.market;
		const plenty = await this.market.paymentUnits("1000000");
		await chain.send(this.customer, "PaymentToken", "mint", [this.customer.address, plenty]);
		await chain.send(this.customer, "PaymentToken", "approve", [chain.addresses.ProofMarketplace, maxUint256]);
	}

	// Ask for a proof in the market that nobody is silent in, at a price for which there is only the generator that takes
	// a minute: killing and starting again takes some of it. The request's id.
	async request() {
		const { chain } = this.market;
		const receipt = await chain.mined(await this.send({ maxPrice: "2" }), "createRequest");
		const [event] = await chain.events("ProofMarketplace", "RequestCreated", { args: { requester: this.customer.address }, from: receipt.blockNumber });
		return event.args.requestId;
	}

	// So many requests that nobody will take: they stay open.
	async hopeless(count) {
		const { chain } = this.market;
		let nonce = await chain.client.getTransactionCount({ address: this.customer.address });
		let hash;
		for (let left = count; left > 0; left--) hash = await this.send({ maxPrice: "0.01", nonce: nonce++ });
		await chain.mined(hash, "createRequest");
	}

	// The hash of a createRequest that has been sent.
	async send({ maxPrice, nonce }) {
		const { chain } = this.market;
		const { timestamp } = await chain.client.getBlock();
		const params = {
			marketId: this.market.marketOf("rollup-batch").id,
			maxPrice: await this.market.paymentUnits(maxPrice),
			maxResponseTime: 120,
			expiry: timestamp + 3600n,
			preference: 0,
			refundTo: zeroAddress,
			spread: 0n,
		};
		const { address, abi } = chain.contract("ProofMarketplace");
		return chain.wallet(this.customer).writeContract({
			address,
			abi,
			functionName: "createRequest",
			args: [params, `0x${fresh(randomBytes).toString("hex")}`, "0x", "0x"],
			gas: 1_000_000n,
			nonce,
		});
	}

	async state(id) {
		return STATES[(await this.market.chain.read("ProofMarketplace", "requestOf", [id])).state];
	}

	// How it ends.
	ended(id) {
		const end = async () => {
			const state = await this.state(id);
			return ["fulfilled", "slashed"].includes(state) && state;
		};
		return until(`the end of request ${id}`, end, { timeoutMs: 180_000, everyMs: 200 });
	}

	fulfilled(id) {
		return until(`request ${id} fulfilled`, async () => (await this.state(id)) === "fulfilled", { timeoutMs: 180_000, everyMs: 200 });
	}

	async get(path) {
		const answer = await fetch(this.page + path);
		return { status: answer.status, text: await answer.text() };
	}

	remove() {
		rmSync(this.folder, { recursive: true, force: true });
	}
}
