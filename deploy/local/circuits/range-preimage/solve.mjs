// Finds the number behind a commitment by trying every number in the range.
import { poseidon1 } from "poseidon-lite/poseidon1";

export const about = "Knowledge of the number that opens a commitment and lies in a public range";
export const largestWork = "256 numbers tried at 8 Poseidon hashes each, and one proof";
export const signals = ["commitment", "low", "high"];

// As in circuit.circom.
export const ROUNDS = 8;
export const WIDTH = 8n;
const LOW_BITS = 64n;

export function commit(value) {
	let link = value;
	for (let i = 0; i < ROUNDS; i++) {
		link = poseidon1([link]);
	}
	return link;
}

// Gives the circuit's input, or the reason why no input can satisfy the circuit.
export function solve([commitment, low, high]) {
	if (low >> LOW_BITS) {
		return { unprovable: `low is longer than ${LOW_BITS} bits` };
	}
	if (high < low) {
		return { unprovable: "the range is empty: high is below low" };
	}
	if ((high - low) >> WIDTH) {
		return { unprovable: `the range holds more than ${1n << WIDTH} numbers` };
	}
	for (let preimage = low; preimage <= high; preimage++) {
		if (commit(preimage) === commitment) {
			return { input: { commitment, low, high, preimage } };
		}
	}
	return { unprovable: "no number in the range opens the commitment" };
}
