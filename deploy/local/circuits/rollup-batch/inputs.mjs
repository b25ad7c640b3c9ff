// Makes inputs for rollup-batch, good and bad, and says what they mean.
// random(n) gives n bytes: node:crypto's randomBytes, or a seeded source for repeatable runs.
import { fromWords, toWords } from "../../prover/codec.mjs";
import {
	ACCOUNTS,
	BITS,
	TRANSFERS,
	apply,
	packBalances,
	packTransfers,
	rootOf,
	unpackBalances,
	unpackTransfers,
} from "./solve.mjs";

const LARGEST_BALANCE = (1n << BITS) / BigInt(ACCOUNTS);

function randomBelow(random, limit) {
	return BigInt("0x" + Buffer.from(random(8)).toString("hex")) % limit;
}

function drawBalances(random) {
	return Array.from({ length: ACCOUNTS }, () => randomBelow(random, LARGEST_BALANCE));
}

function drawTransfer(random, balances) {
	const from = Number(randomBelow(random, BigInt(ACCOUNTS)));
	const to = Number(randomBelow(random, BigInt(ACCOUNTS)));
	return { from, to, amount: randomBelow(random, balances[from] + 1n) };
}

function draw(random) {
	const before = drawBalances(random);
	const transfers = [];
	let after = before;
	while (transfers.length < TRANSFERS) {
		transfers.push(drawTransfer(random, after));
		after = apply(after, transfers.at(-1));
	}
	return { before, transfers, after };
}

function encode(rootBefore, rootAfter, before, transfers) {
	return fromWords([rootBefore, rootAfter, packBalances(before), packTransfers(transfers)]);
}

export function fresh(random) {
	const { before, transfers, after } = draw(random);
	return encode(rootOf(before), rootOf(after), before, transfers);
}

function overdraw(before) {
	const amount = before[0] + 1n;
	const transfers = [
		{ from: 0, to: 1, amount },
		...Array(TRANSFERS - 1).fill({ from: 0, to: 0, amount: 0n }),
	];
	return encode(rootOf(before), rootOf(before), before, transfers);
}

function overfill(transfers) {
	const full = Array(ACCOUNTS).fill((1n << BITS) - 1n);
	return encode(
		rootOf(full),
		rootOf(full),
		full,
		transfers.map((t) => ({ ...t, amount: 0n })),
	);
}

// Well-formed inputs that nobody can prove, each with the reason.
export function unprovable(random) {
	const { before, transfers, after } = draw(random);
	const [rootBefore, rootAfter] = [rootOf(before), rootOf(after)];
	const words = [rootBefore, rootAfter, packBalances(before), packTransfers(transfers)];
	const withWord = (at, word) => fromWords(words.with(at, word));
	return [
		{ why: "an account is overdrawn", inputs: overdraw(before) },
		{ why: "wrong root before", inputs: withWord(0, rootBefore ^ 1n) },
		{ why: "wrong root after", inputs: withWord(1, rootAfter ^ 1n) },
		{ why: "more money than fits", inputs: overfill(transfers) },
		{ why: "balances too long", inputs: withWord(2, words[2] | (1n << 200n)) },
		{ why: "transfers too long", inputs: withWord(3, words[3] | (1n << 130n)) },
	];
}

export function describe(inputs) {
	const [, , balances, transfers] = toWords(inputs);
	const moves = unpackTransfers(transfers).map(
		({ from, to, amount }) => `${amount} from account ${from} to ${to}`,
	);
	return `${moves.join(", ")}; balances before: ${unpackBalances(balances).join(", ")}`;
}
