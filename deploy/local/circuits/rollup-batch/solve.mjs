// Recomputes a batch of transfers; the public inputs say everything, so nothing is searched.
import { poseidon2 } from "poseidon-lite/poseidon2";

export const about = "Four transfers between eight accounts lead from one Merkle root to the next";
export const largestWork = "two Merkle roots of 3 Poseidon hashes, and one proof";
export const signals = ["rootBefore", "rootAfter", "balances", "transfers"];

// As in circuit.circom.
export const ACCOUNTS = 8;
export const TRANSFERS = 4;
export const BITS = 24n;
const TRANSFER_BITS = 6n + BITS;

function field(word, at, bits) {
	return (word >> at) & ((1n << bits) - 1n);
}

export function unpackBalances(word) {
	return Array.from({ length: ACCOUNTS }, (_, i) => field(word, BigInt(i) * BITS, BITS));
}

export function packBalances(balances) {
	return balances.reduce((word, balance, i) => word | (balance << (BigInt(i) * BITS)), 0n);
}

export function unpackTransfers(word) {
	return Array.from({ length: TRANSFERS }, (_, i) => {
		const transfer = field(word, BigInt(i) * TRANSFER_BITS, TRANSFER_BITS);
		return {
			from: Number(field(transfer, 0n, 3n)),
			to: Number(field(transfer, 3n, 3n)),
			amount: transfer >> 6n,
		};
	});
}

export function packTransfers(transfers) {
	return transfers.reduce((word, { from, to, amount }, i) => {
		const transfer = BigInt(from) | (BigInt(to) << 3n) | (amount << 6n);
		return word | (transfer << (BigInt(i) * TRANSFER_BITS));
	}, 0n);
}

export function rootOf(balances) {
	const leaf = (i) => balances[2 * i] + (balances[2 * i + 1] << BITS);
	const left = poseidon2([leaf(0), leaf(1)]);
	const right = poseidon2([leaf(2), leaf(3)]);
	return poseidon2([left, right]);
}

export function apply(balances, { from, to, amount }) {
	const after = [...balances];
	after[from] -= amount;
	after[to] += amount;
	return after;
}

function checkPacking(balances, transfers) {
	if (balances >> (BigInt(ACCOUNTS) * BITS)) {
		return "balances is longer than eight accounts";
	}
	if (transfers >> (BigInt(TRANSFERS) * TRANSFER_BITS)) {
		return "transfers is longer than four transfers";
	}
	if (unpackBalances(balances).reduce((sum, balance) => sum + balance) >> BITS) {
		return "all balances together exceed what one account can hold";
	}
	return null;
}

// Gives the circuit's input, or the reason why no input can satisfy the circuit.
export function solve([rootBefore, rootAfter, balances, transfers]) {
	const malformed = checkPacking(balances, transfers);
	if (malformed) {
		return { unprovable: malformed };
	}
	let state = unpackBalances(balances);
	if (rootOf(state) !== rootBefore) {
		return { unprovable: "the balances don't hash to rootBefore" };
	}
	for (const transfer of unpackTransfers(transfers)) {
		if (state[transfer.from] < transfer.amount) {
			return { unprovable: `account ${transfer.from} is overdrawn` };
		}
		state = apply(state, transfer);
	}
	if (rootOf(state) !== rootAfter) {
		return { unprovable: "the transfers don't lead to rootAfter" };
	}
	return { input: { rootBefore, rootAfter, balances, transfers } };
}
