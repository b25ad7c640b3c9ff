// Makes inputs for range-preimage, good and bad, and says what they mean.
// random(n) gives n bytes: node:crypto's randomBytes, or a seeded source for repeatable runs.
import { fromWords, toWords } from "../../prover/codec.mjs";
import { WIDTH, commit } from "./solve.mjs";

const RANGE = 1n << WIDTH;

function randomNumber(random, bytes) {
	return BigInt("0x" + Buffer.from(random(bytes)).toString("hex"));
}

function draw(random) {
	const low = randomNumber(random, 7);
	const width = 1n + (randomNumber(random, 4) % (RANGE - 1n));
	const value = low + (randomNumber(random, 4) % (width + 1n));
	return { low, high: low + width, value };
}

export function fresh(random) {
	const { low, high, value } = draw(random);
	return fromWords([commit(value), low, high]);
}

// Well-formed inputs that nobody can prove, each with the reason.
export function unprovable(random) {
	const { low, high, value } = draw(random);
	const commitment = commit(value);
	return [
		{ why: "opens outside the range", inputs: fromWords([commit(high + 1n), low, high]) },
		{ why: "opens to nothing known", inputs: fromWords([randomNumber(random, 31), low, high]) },
		{ why: "high below low", inputs: fromWords([commitment, high, low]) },
		{ why: "range too wide", inputs: fromWords([commitment, low, low + RANGE]) },
		{
			why: "low too long",
			inputs: fromWords([commitment, low + (1n << 64n), high + (1n << 64n)]),
		},
	];
}

export function describe(inputs) {
	const [commitment, low, high] = toWords(inputs);
	return `a number from ${low} to ${high} opens the commitment 0x${commitment.toString(16)}`;
}
