// The chain changes its mind, its node dies and forgets, its pool loses transactions, its fees jump, others are faster.
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "viem";
import { ROLES, account, startAnvil } from "../../../deploy/local/chain.mjs";
import { rememberReverts } from "../oracles.mjs";
import { sleep, until } from "../scene.mjs";

const DEEPEST = 64;
const FINAL = 256; // the services' option depth
const ask = (scene, method, params = []) => scene.client.request({ method, params });

// The newest blocks are replaced by others; empty ones would come out the same, but for who made them.
const reorganise = async (scene, depth) => {
	await ask(scene, "anvil_setCoinbase", [toHex(randomBytes(20))]);
	await ask(scene, "anvil_reorg", [depth, []]);
	return performance.now();
};

const isGenesis = (block) => Number(block.header.number) === 0;

// A node that writes its state down every second, and comes back with it.
const withState = async (scene) => {
	const { anvil } = scene.market;
	const file = join(scene.market.folder, "anvil.json");
	const begun = Date.now();
	await until("the node to write its state", () => statSync(file).mtimeMs >= begun);
	const stop = async () => {
		// A whole one: what is being written when it dies is no state of a chain.
		const state = await until("a state of the node", () => JSON.parse(readFileSync(file, "utf8")));
		await rememberReverts(scene);
		await anvil.kill();
		// A start of anvil's makes a genesis block of its own, its state keeps both, and which one it serves is chance.
		const first = Math.min(...state.blocks.filter(isGenesis).map((b) => Number(b.header.timestamp)));
		state.blocks = state.blocks.filter((b) => !isGenesis(b) || Number(b.header.timestamp) === first);
		writeFileSync(file, JSON.stringify(state));
	};
	const start = async () => {
		anvil.start();
		await anvil.ready(async () => (await scene.client.getChainId()) > 0, { everyMs: 20 });
		await anvil.startClock();
		await scene.client.setIntervalMining({ interval: scene.market.blockTime });
		return performance.now();
	};
	return { stop, start };
};

// Transactions of an account that aren't in a block yet.
async function pending(scene, address) {
	const { pending } = await ask(scene, "txpool_content");
	const own = Object.entries(pending).find(([who]) => who.toLowerCase() === address.toLowerCase());
	return Object.values(own?.[1] ?? {});
}

const caughtPending = (scene, role) =>
	until("a transaction of ours in the pool", async () => {
		const found = await pending(scene, account(role).address);
		return found.length ? found : undefined;
	}, { everyMs: 3, timeoutMs: 20_000 });

export default [
	{
		name: "reorg",
		what: "a re-organisation of depth 1 to 64, our transactions in it: the depth is the round, or random for few rounds",
		rounds: 3,
		byDefault: true,
		async run(scene, dice, { round, state }) {
			await sleep(dice.between(0, 1000));
			return scene.recovered(await reorganise(scene, state.every ? ((round - 1) % DEEPEST) + 1 : dice.between(1, DEEPEST)));
		},
		begin: () => ({ every: process.argv.some((a) => /^--rounds=(6[4-9]|[7-9]\d|\d{3,})$/.test(a)) }),
	},
	{
		name: "reorg-empty",
		what: "the same without a transaction of ours in the range",
		rounds: 3,
		async run(scene, dice) {
			const depth = dice.between(1, DEEPEST);
			scene.load.stop();
			await scene.load.idle();
			await scene.blocks(2);
			await scene.client.mine({ blocks: depth + 1 });
			await scene.recovered(0);
			const ms = await scene.recovered(await reorganise(scene, depth));
			scene.load.start(4);
			return ms;
		},
	},
	{
		name: "reorg-many",
		what: "re-organisations one right after the other",
		rounds: 2,
		async run(scene, dice) {
			let since;
			for (let n = dice.between(3, 8); n > 0; n--) {
				since = await reorganise(scene, dice.between(1, 20));
				await sleep(dice.pick([0, 0, 5, 50, 300]));
			}
			return scene.recovered(since);
		},
	},
	{
		name: "reorg-catching-up",
		what: "while the indexer, just started, has blocks to catch up with",
		rounds: 2,
		async run(scene, dice) {
			const again = scene.unmanaged("chain-indexer");
			await scene.service("chain-indexer").kill();
			await scene.client.mine({ blocks: dice.between(5, 40) });
			await again();
			await sleep(dice.between(0, 150));
			return scene.recovered(await reorganise(scene, dice.between(1, 50)));
		},
	},
	{
		name: "silent",
		what: "the height goes back without a word (evm_revert)",
		rounds: 2,
		async run(scene, dice) {
			const id = await scene.client.snapshot();
			await scene.blocks(dice.between(1, 6));
			await scene.client.revert({ id });
			return scene.recovered(performance.now());
		},
	},
	{
		name: "deeper-than-final",
		what: "a re-organisation deeper than what was final: the indexer ends with an alarm, the logs stay",
		once: true,
		alone: true,
		noOracles: true,
		async run(scene) {
			scene.load.stop();
			await scene.load.idle();
			await scene.client.mine({ blocks: FINAL + 100 });
			await scene.recovered(0);
			scene.unmanaged("chain-indexer");
			const indexer = scene.service("chain-indexer");
			await reorganise(scene, FINAL + 20);
			await until("the indexer to end", () => !indexer.running);
			if (!indexer.event("chain.finality")) throw new Error(`the indexer ended without an alarm: ${indexer.tail(3)}`);
		},
	},
	{
		name: "node-killed",
		what: "kill -9 of the node; it comes back with a state a second old",
		rounds: 2,
		scene: { nodeKeeps: true },
		begin: withState,
		async run(scene, dice, { state }) {
			scene.expect("UNREACHABLE");
			await sleep(dice.between(0, 1500));
			await state.stop();
			await sleep(dice.between(0, 2000));
			return scene.recovered(await state.start());
		},
	},
	{
		name: "other-chain",
		what: "another chain, begun anew, answers at the node's address for a while",
		rounds: 1,
		alone: true,
		scene: { nodeKeeps: true },
		begin: withState,
		async run(scene, dice, { state }) {
			scene.expect("UNREACHABLE", "CONFIG", "FINALITY");
			await state.stop();
			const other = await startAnvil(join(scene.world.folder), { port: Number(new URL(scene.chain.url).port) });
			await other.anvil.startClock();
			await scene.kill("task-publisher"); // also for one that starts meanwhile
			await sleep(dice.between(2000, 4000));
			await other.anvil.kill();
			const since = await state.start();
			if (!(await scene.client.getCode({ address: scene.chain.addresses.ProofMarketplace }))) throw new Error("anvil came back without its state");
			return scene.recovered(since);
		},
	},
	{
		name: "dropped",
		what: "the node's pool loses a transaction of ours",
		rounds: 3,
		async run(scene) {
			const [{ hash }] = await caughtPending(scene, ROLES.relayer);
			await ask(scene, "anvil_dropTransaction", [hash]);
			await scene.blocks(2);
			return scene.recovered(performance.now());
		},
	},
	{
		name: "flushed",
		what: "the node's pool loses everything, again and again",
		rounds: 3,
		async run(scene, dice) {
			for (let n = dice.between(2, 5); n > 0; n--) {
				await caughtPending(scene, ROLES.relayer);
				await ask(scene, "anvil_dropAllTransactions");
			}
			return scene.recovered(performance.now());
		},
	},
	{
		name: "outsider-first",
		what: "somebody else publishes our signed batch before us",
		rounds: 2,
		async run(scene) {
			scene.outsiders = true;
			scene.explain("BatchAlreadyUsed");
			const [tx] = await caughtPending(scene, ROLES.relayer);
			await ask(scene, "anvil_dropTransaction", [tx.hash]);
			const wallet = scene.chain.wallet(account(ROLES.generators + 20));
			await wallet.sendTransaction({ to: tx.to, data: tx.input, gas: BigInt(tx.gas), maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 10n });
			await scene.blocks(3);
			return scene.recovered(performance.now());
		},
	},
	{
		name: "fee-spike",
		what: "the base fee jumps twenty- to a hundredfold for a few blocks",
		rounds: 2,
		async run(scene, dice) {
			const { baseFeePerGas } = await scene.client.getBlock();
			await ask(scene, "anvil_setNextBlockBaseFeePerGas", [`0x${(baseFeePerGas * BigInt(dice.between(20, 100))).toString(16)}`]);
			await scene.blocks(dice.between(2, 5));
			return scene.recovered(performance.now());
		},
		end: calm,
	},
	{
		name: "fee-beyond-cap",
		what: "the base fee is above what we ever pay, so that transactions are stuck; then it falls",
		rounds: 1,
		async run(scene, dice) {
			await ask(scene, "anvil_setNextBlockBaseFeePerGas", [`0x${(900n * 10n ** 9n).toString(16)}`]);
			await scene.blocks(dice.between(3, 6));
			await calm(scene);
			return scene.recovered(performance.now());
		},
	},
	{
		name: "outsider-nonce",
		what: "somebody else sends from the relayer's account: it stops, and says so",
		once: true,
		alone: true,
		noOracles: true,
		async run(scene) {
			const [tx] = await caughtPending(scene, ROLES.relayer);
			await ask(scene, "anvil_dropTransaction", [tx.hash]);
			const wallet = scene.chain.wallet(account(ROLES.relayer));
			await wallet.sendTransaction({ to: account(9).address, value: 1n, nonce: Number(tx.nonce), maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 10n });
			await until("the alarm", () => scene.service("task-publisher").event("tx.nonce_lost"), { timeoutMs: 60_000 });
		},
	},
];

// The fee is low again.
async function calm(scene) {
	await ask(scene, "anvil_setNextBlockBaseFeePerGas", [`0x${(10n ** 9n).toString(16)}`]);
	await scene.blocks(1);
}
