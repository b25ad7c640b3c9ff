// Translates between bytes as they travel (JSON, calldata) and numbers as snarkjs wants them.

export const WORD_BYTES = 32;
export const PROOF_BYTES = 8 * WORD_BYTES;

// The order of verifyProof(uint256[2] a, uint256[2][2] b, uint256[2] c, ...): a Solidity verifier
// takes the imaginary part of b's coordinates first, snarkjs gives the real part first.
export const PROOF_LAYOUT = ["a0", "a1", "b00", "b01", "b10", "b11", "c0", "c1"];

// BN254: signals are numbers below FIELD, coordinates of points numbers below BASE_FIELD.
export const FIELD = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;
export const BASE_FIELD = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47n;

export class BadBytes extends Error {}

export function toHex(bytes) {
	return "0x" + Buffer.from(bytes).toString("hex");
}

// BYTES of the prover API: an array of numbers or a 0x string.
export function fromJson(value, name) {
	const bytes = typeof value === "string" ? fromHex(value) : fromArray(value);
	if (bytes) {
		return bytes;
	}
	throw new BadBytes(`${name} must be an array of numbers from 0 to 255 or a 0x string`);
}

// Buffer.from stops at the first character that isn't hexadecimal.
function fromHex(text) {
	const bytes = Buffer.from(text.slice(2), "hex");
	return text.startsWith("0x") && 2 + 2 * bytes.length === text.length ? bytes : null;
}

function fromArray(value) {
	return Array.isArray(value) && value.every(isByte) ? Buffer.from(value) : null;
}

function isByte(value) {
	return Number.isInteger(value) && value >= 0 && value <= 255;
}

export function toWords(bytes) {
	const words = [];
	for (let at = 0; at < bytes.length; at += WORD_BYTES) {
		words.push(BigInt(toHex(bytes.subarray(at, at + WORD_BYTES))));
	}
	return words;
}

export function fromWords(words) {
	const hex = words.map((word) => word.toString(16).padStart(2 * WORD_BYTES, "0"));
	return Buffer.from(hex.join(""), "hex");
}

export function proofToBytes({ pi_a, pi_b, pi_c }) {
	const [[b01, b00], [b11, b10]] = pi_b;
	return fromWords([pi_a[0], pi_a[1], b00, b01, b10, b11, pi_c[0], pi_c[1]].map(BigInt));
}

// Null when these bytes can't be a proof; a verifier on chain says no to them as well.
export function bytesToProof(bytes) {
	if (bytes.length !== PROOF_BYTES) {
		return null;
	}
	const words = toWords(bytes);
	if (words.some((word) => word >= BASE_FIELD)) {
		return null;
	}
	const [a0, a1, b00, b01, b10, b11, c0, c1] = words.map(String);
	return {
		pi_a: [a0, a1, "1"],
		pi_b: [
			[b01, b00],
			[b11, b10],
			["1", "0"],
		],
		pi_c: [c0, c1, "1"],
		protocol: "groth16",
		curve: "bn128",
	};
}
