// What the command line's tests share: a node with our contracts and one market, and the program itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashTypedData, keccak256, parseUnits } from "viem";
import { ROOT, account, artifact, deployContracts, openMarket, startAnvil } from "../../../deploy/local/chain.mjs";
import { until } from "../../../deploy/local/processes.mjs";

export const KALYPSO = join(process.env.KALYPSO_BIN ?? join(ROOT, "build/release/bin"), "kalypso");
const BOUND_MS = 60_000; // no run takes that long
const CIRCUIT = join(ROOT, "build/circuits/range-preimage");
export const sample = JSON.parse(readFileSync(join(CIRCUIT, "sample.json"), "utf8"));

export const usd = (tokens) => parseUnits(tokens, 6);
export const stake = (tokens) => parseUnits(tokens, 18);

// Who is who among anvil's accounts.
export const governor = account(0);
export const requester = account(3);
export const engine = account(4);
export const generator = account(5);
export const rival = account(6);
export const stranger = account(7);

// One run of the program: its exit status and what it said.
class Run {
	constructor(args, code, signal, out, err) {
		Object.assign(this, { args, code, signal, out, err });
	}

	is(code, words) {
		assert.doesNotMatch(this.err + this.out, /runtime error|Sanitizer/);
		assert.equal(this.code, code, `kalypso ${this.args.join(" ")}: ${this.code} ${this.signal}\n${this.out}${this.err}`);
		if (words) assert.match(this.err + this.out, words);
		return this;
	}

	// The one document on stdout.
	get json() {
		try {
			return JSON.parse(this.out);
		} catch (error) {
			throw new Error(`kalypso ${this.args.join(" ")}: not one document: ${error.message}\n${this.out}${this.err}`);
		}
	}

	// What went wrong, told on stderr in one line and in the document.
	get error() {
		const lines = this.err.trim().split("\n").filter((line) => line.startsWith("kalypso: "));
		const { error } = this.json;
		assert.equal(error.exit, this.code);
		assert.ok(lines.at(-1).includes(error.message), `${lines.at(-1)} / ${error.message}`);
		return error;
	}
}

// Run the program. Options: env; input, text for stdin; answers, lines for it, each written when a prompt is seen;
// interruptAfterMs, when to send SIGINT; command, another program.
export function kalypso(args, { env = {}, input = "", answers, command = KALYPSO, interruptAfterMs } = {}) {
	const { PATH, HOME, ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS } = process.env;
	const own = { PATH, HOME, ...env };
	if (ASAN_OPTIONS) Object.assign(own, { ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS: LSAN_OPTIONS ?? "" });
	const child = spawn(command, args, { env: own, stdio: ["pipe", "pipe", "pipe"] });
	let out = "", err = "";
	const waiting = [...(answers ?? [])];
	child.stdout.on("data", (data) => {
		out += data;
		if (waiting.length && /(: |\] )$/.test(out)) child.stdin.write(`${waiting.shift()}\n`);
	});
	child.stderr.on("data", (data) => (err += data));
	if (interruptAfterMs) setTimeout(() => child.kill("SIGINT"), interruptAfterMs);
	const bound = setTimeout(() => child.kill("SIGKILL"), BOUND_MS);
	child.stdin.on("error", () => {});
	if (!answers) child.stdin.end(input);
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("exit", () => {
			clearTimeout(bound);
			child.stdin.end();
		});
		child.on("close", (code, signal) => resolve(new Run(args, code, signal, out, err)));
	});
}

export class World {
	async start() {
		this.folder = mkdtempSync(join(tmpdir(), "kalypso-cli-"));
		mkdirSync(join(this.folder, "logs"));
		const { anvil, chain } = await startAnvil(this.folder);
		Object.assign(this, { anvil, chain, client: chain.client });
		this.contractsFile = join(this.folder, "contracts.json");
		await deployContracts(chain, this.contractsFile);
		this.marketplace = chain.addresses.ProofMarketplace;
		this.registry = chain.addresses.GeneratorRegistry;
		this.market = await openMarket(chain, governor, "range-preimage", { penalty: stake("10") });
		for (const who of [requester, generator, rival]) await this.fund(who);
		this.marketFile = this.write("market.json", this.marketDescription());
		return this;
	}

	marketDescription() {
		const { chainId, startBlock, ...contracts } = this.chain.addresses;
		const known = ({ address, key }) => ({ address, key });
		return JSON.stringify({
			rpc: this.chain.url,
			chainId,
			startBlock,
			contracts,
			markets: [{ id: 1, name: "range-preimage", verifier: this.market.verifier }],
			accounts: {
				requester: known(requester),
				generators: [generator, rival].map(known),
				governor: known(governor),
			},
		});
	}

	async fund(who) {
		await this.chain.send(governor, "PaymentToken", "mint", [who.address, usd("1000")]);
		await this.chain.send(governor, "StakeToken", "mint", [who.address, stake("1000")]);
	}

	write(name, content) {
		const path = join(this.folder, name);
		writeFileSync(path, content, { mode: 0o600 });
		return path;
	}

	path(name) {
		return join(this.folder, name);
	}

	async stop() {
		await this.anvil?.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	// `world.run("market list --json")`; words with spaces come in an array.
	run(args, { env = {}, ...options } = {}) {
		const words = Array.isArray(args) ? args : args.split(" ");
		return kalypso(words, { env: { KALYPSO_MARKET: this.marketFile, ...env }, ...options });
	}

	// The document of a run that has to end with @code.
	async json(args, code = 0, options = {}) {
		const words = Array.isArray(args) ? args : args.split(" ");
		return (await this.run([...words, "--json"], options)).is(code).json;
	}

	// The error of a run that has to fail with @code: { exit, name, message }.
	async error(args, code, options = {}) {
		const words = Array.isArray(args) ? args : args.split(" ");
		return (await this.run([...words, "--json"], options)).is(code).error;
	}

	// In front of a terminal, where @answers are typed one by one.
	async terminal(args, answers = [], { env = {} } = {}) {
		const words = (Array.isArray(args) ? args : args.split(" ")).map((word) => `'${word}'`).join(" ");
		const line = `'${KALYPSO}' ${words}`;
		return kalypso(["-qefc", line, "/dev/null"], {
			command: "script",
			env: { KALYPSO_MARKET: this.marketFile, SHELL: "/bin/sh", TERM: "dumb", ...env },
			answers,
		});
	}

	read(name, functionName, args = []) {
		return this.chain.read(name, functionName, args);
	}

	requestOf(id) {
		return this.read("ProofMarketplace", "requestOf", [BigInt(id)]);
	}

	async passTime(seconds) {
		await this.client.increaseTime({ seconds });
		await this.client.mine({ blocks: 1 });
	}

	// Stand in for the engine: assign @ids to @who at the terms of its quote.
	async assign(who, ids) {
		const [price, responseTime] = await this.read("GeneratorRegistry", "quoteOf", [who.address, 1n]);
		const block = await this.client.getBlock();
		const assignments = ids.map((id) => ({
			requestId: BigInt(id),
			generator: who.address,
			price,
			responseTime,
			acl: "0x",
		}));
		const decision = {
			batch: BigInt((this.batch = (this.batch ?? 0) + 1)),
			blockNumber: block.number,
			blockHash: block.hash,
			validUntil: block.timestamp + 600n,
			matchRoot: keccak256("0x"),
		};
		const signature = await engine.sign({ hash: hashTypedData(this.typed({ assignments, decision })) });
		await this.chain.send(governor, "ProofMarketplace", "assignTasks", [assignments, decision, signature]);
	}

	typed(message) {
		const field = (line) => line.split(", ").map((f) => ({ type: f.split(" ")[0], name: f.split(" ")[1] }));
		return {
			domain: { name: "Kalypso", version: "1", chainId: 31337, verifyingContract: this.marketplace },
			primaryType: "Assignments",
			types: {
				Assignments: field("Assignment[] assignments, Decision decision"),
				Assignment: field(
					"uint256 requestId, address generator, uint128 price, uint32 responseTime, bytes acl",
				),
				Decision: field(
					"uint64 batch, uint64 blockNumber, bytes32 blockHash, uint64 validUntil, bytes32 matchRoot",
				),
			},
			message,
		};
	}

	prove(who, id) {
		return this.chain.send(who, "ProofMarketplace", "submitProof", [BigInt(id), sample.inputs, sample.proof]);
	}

	// A second verifier for the circuit, for another market.
	async deployVerifier() {
		const [exported, meta] = ["verifier", "meta"].map((f) => JSON.parse(readFileSync(join(CIRCUIT, `${f}.json`), "utf8")));
		const inner = await this.chain.deploy(governor, exported.abi, exported.bytecode);
		const { abi, bytecode } = artifact("Groth16ProofVerifier");
		const args = [inner, BigInt(meta.signals.length), sample.inputs, sample.proof];
		return this.chain.deploy(governor, abi, bytecode.object, args);
	}

	// What the chain has of every transaction that a document tells of.
	async checkTransactions({ transactions, events }, whats) {
		assert.deepEqual(transactions.map((t) => t.what), whats);
		let logs = 0;
		for (const t of transactions) {
			const receipt = await this.client.getTransactionReceipt({ hash: t.tx });
			assert.equal(receipt.status, "success");
			assert.equal(t.block, String(receipt.blockNumber));
			assert.equal(t.gas_used, String(receipt.gasUsed));
			assert.equal(t.fee, String(receipt.gasUsed * receipt.effectiveGasPrice));
			assert.equal(t.from.toLowerCase(), receipt.from);
			assert.equal(t.to.toLowerCase(), receipt.to);
			assert.equal(t.sent, true);
			const sent = await this.client.getTransaction({ hash: t.tx });
			assert.equal(sent.type, "eip1559");
			assert.equal(t.nonce, String(sent.nonce));
			assert.equal(t.gas_limit, String(sent.gas));
			assert.equal(t.max_fee_per_gas, String(sent.maxFeePerGas));
			assert.equal(t.max_priority_fee_per_gas, String(sent.maxPriorityFeePerGas));
			const ours = Object.values(this.chain.addresses).filter((a) => typeof a === "string").slice(0);
			const tokens = [this.chain.addresses.PaymentToken, this.chain.addresses.StakeToken].map((a) => a.toLowerCase());
			logs += receipt.logs.filter(
				(log) =>
					!tokens.includes(log.address) && ours.some((address) => address.toLowerCase() === log.address),
			).length;
		}
		const paused = whats.filter((what) => what.endsWith("pause")).length; // OpenZeppelin's events aren't ours
		assert.equal(events.length, logs - paused);
	}
}

export { until };
export const address = (text) => text.toLowerCase();
