// The chain of a local market: anvil, our contracts on it, and viem clients for everybody.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
	createTestClient,
	createWalletClient,
	encodeAbiParameters,
	getContract,
	http,
	publicActions,
	toHex,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { Process, freePort } from "./processes.mjs";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MNEMONIC = "test test test test test test test test test test test junk";
const CONTRACTS = join(ROOT, "build/contracts/out");
const ANVIL = join(ROOT, "deploy/local/node_modules/.bin/anvil");

// Who is who among anvil's development accounts.
export const ROLES = { deployer: 0, relayer: 1, slasher: 2, requester: 3, engine: 4, generators: 5 };
const ACCOUNTS = 40;

export function account(index) {
	const hd = mnemonicToAccount(MNEMONIC, { addressIndex: index });
	return Object.assign(hd, { key: toHex(hd.getHdKey().privateKey) });
}

export function artifact(name, file = name) {
	return JSON.parse(readFileSync(join(CONTRACTS, `${file}.sol`, `${name}.json`), "utf8"));
}

const NAMES = {
	ProofMarketplace: "ProofMarketplace",
	GeneratorRegistry: "GeneratorRegistry",
	EntityKeyRegistry: "EntityKeyRegistry",
	PaymentToken: "PaymentToken",
	StakeToken: "StakeToken",
};

// Names of the contracts' settings, for SettingSet and setSetting.
export const setting = (name) => toHex(name, { size: 32 });

export class Chain {
	constructor(url, ws) {
		this.url = url;
		this.ws = ws;
		const transport = http(url, { batch: false, retryCount: 0, timeout: 60_000 });
		this.client = createTestClient({ chain: foundry, mode: "anvil", transport, pollingInterval: 50 }).extend(
			publicActions,
		);
		this.transport = transport;
	}

	wallet(who) {
		return createWalletClient({ account: who, chain: foundry, transport: this.transport });
	}

	// The five contracts, by the addresses of the file that deploy.sh wrote.
	attach(addresses) {
		this.addresses = addresses;
		this.contracts = {};
		for (const [name, key] of Object.entries(NAMES))
			this.contracts[name] = getContract({ address: addresses[key], abi: artifact(name).abi, client: this.client });
		return this;
	}

	// A block every so many seconds from now on, instead of one for each transaction.
	async startClock(seconds) {
		await this.client.setAutomine(false);
		await this.client.setIntervalMining({ interval: seconds });
	}

	contract(name) {
		return this.contracts[name];
	}

	// Send a call of a contract as @who and wait until it is mined; the receipt.
	async send(who, name, functionName, args = [], options = {}) {
		const { address, abi } = this.contract(name);
		const hash = await this.wallet(who).writeContract({ address, abi, functionName, args, ...options });
		return this.mined(hash, `${name}.${functionName}`);
	}

	async mined(hash, what) {
		const receipt = await this.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
		if (receipt.status !== "success") throw new Error(`${what} reverted in block ${receipt.blockNumber}`);
		return receipt;
	}

	async deploy(who, abi, bytecode, args = []) {
		const hash = await this.wallet(who).deployContract({ abi, bytecode, args });
		return (await this.mined(hash, "deployment")).contractAddress;
	}

	read(name, functionName, args = []) {
		const { address, abi } = this.contract(name);
		return this.client.readContract({ address, abi, functionName, args });
	}

	events(name, eventName, { args, from = 0n } = {}) {
		const { address, abi } = this.contract(name);
		return this.client.getContractEvents({ address, abi, eventName, args, fromBlock: from, strict: true });
	}
}

// How every anvil of ours is started.
export function anvilCommand(host, port) {
	return [
		ANVIL,
		...["--port", port, "--host", host, "--accounts", ACCOUNTS, "--mnemonic", MNEMONIC],
		...["--balance", 10_000, "--gas-limit", 60_000_000, "--hardfork", "cancun", "--quiet"],
		...["--order", "fifo", "--slots-in-an-epoch", 32],
	].map(String);
}

// anvil that mines on demand; call startClock() when everything is set up.
export async function startAnvil(folder, { blockTime = 1, port, args = [] } = {}) {
	port ??= await freePort();
	const log = join(folder, "logs", "anvil.log");
	const command = [...anvilCommand("127.0.0.1", port), ...args.map(String)];
	const anvil = new Process("anvil", command, { log }).start();
	const chain = new Chain(`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`);
	await anvil.ready(async () => (await chain.client.getChainId()) === foundry.id, { everyMs: 50 });
	anvil.startClock = () => chain.startClock(blockTime);
	return { anvil, chain };
}

// The core contracts by their own deployment script; the addresses' file.
export async function deployContracts(chain, file) {
	const script = join(ROOT, "protocol/contracts/deploy.sh");
	mkdirSync(join(file, ".."), { recursive: true });
	await promisify(execFile)(script, ["--rpc", chain.url, "--out", file], { maxBuffer: 1 << 24 });
	if (!existsSync(file)) throw new Error(`${script} wrote no ${file}`);
	return chain.attach(JSON.parse(readFileSync(file, "utf8")));
}

// A market for a circuit that setup.mjs made: exported verifier, wrapper, createMarket. Its id.
export async function openMarket(chain, owner, circuit, { penalty }) {
	const folder = join(ROOT, "build/circuits", circuit);
	const [exported, sample, meta] = ["verifier", "sample", "meta"].map((f) =>
		JSON.parse(readFileSync(join(folder, `${f}.json`), "utf8")),
	);
	const inner = await chain.deploy(owner, exported.abi, exported.bytecode);
	const wrapper = artifact("Groth16ProofVerifier");
	const verifier = await chain.deploy(owner, wrapper.abi, wrapper.bytecode.object, [
		inner,
		BigInt(meta.signals.length),
		sample.inputs,
		sample.proof,
	]);
	const receipt = await chain.send(owner, "ProofMarketplace", "createMarket", [
		{
			verifier,
			penalty,
			maxInputBytes: meta.inputBytes,
			protocol: 0,
			auctionWindow: 0,
			proverImages: [],
			inputVerifierImages: [],
			metadata: toHex(JSON.stringify(meta.metadata)),
		},
	]);
	const [created] = await chain.events("ProofMarketplace", "MarketCreated", { from: receipt.blockNumber });
	return { id: created.args.marketId, name: circuit, verifier, meta };
}

export { encodeAbiParameters };
