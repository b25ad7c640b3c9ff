// Bytes, words and proofs survive their translations, and bad ones are refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	BASE_FIELD,
	BadBytes,
	PROOF_BYTES,
	bytesToProof,
	fromJson,
	fromWords,
	proofToBytes,
	toHex,
	toWords,
} from "../codec.mjs";

test("bytes are read from arrays and 0x strings", () => {
	assert.deepEqual([...fromJson([0, 1, 255], "x")], [0, 1, 255]);
	assert.deepEqual([...fromJson("0x0001fF", "x")], [0, 1, 255]);
	assert.equal(fromJson([], "x").length, 0);
	assert.equal(fromJson("0x", "x").length, 0);
});

test("anything else is refused by name", () => {
	const bad = [
		undefined,
		null,
		7,
		{},
		"",
		"0",
		"00",
		"0x0",
		"0xzz",
		"0x00 ",
		"0x0é",
		[256],
		[-1],
		[1.5],
		["1"],
		[null],
		[[]],
		[0, NaN],
	];
	for (const value of bad) {
		assert.throws(
			() => fromJson(value, "public"),
			(error) => error instanceof BadBytes && error.message.startsWith("public must be"),
			JSON.stringify(value),
		);
	}
});

test("sixteen megabytes of hexadecimal are no trouble", () => {
	const text = "0x" + "ab".repeat(8 << 20);
	assert.equal(fromJson(text, "x").length, 8 << 20);
	assert.throws(() => fromJson(text + "g0", "x"), BadBytes);
});

test("words are 32 bytes, big end first", () => {
	const bytes = fromWords([1n, 1n << 255n]);
	assert.equal(toHex(bytes), "0x" + "00".repeat(31) + "01" + "80" + "00".repeat(31));
	assert.deepEqual(toWords(bytes), [1n, 1n << 255n]);
});

test("a proof's words are in the order of verifyProof", () => {
	const proof = {
		pi_a: ["1", "2", "1"],
		pi_b: [
			["3", "4"],
			["5", "6"],
			["1", "0"],
		],
		pi_c: ["7", "8", "1"],
	};
	const bytes = proofToBytes(proof);
	assert.deepEqual(toWords(bytes), [1n, 2n, 4n, 3n, 6n, 5n, 7n, 8n]);
	const { pi_a, pi_b, pi_c } = bytesToProof(bytes);
	assert.deepEqual({ pi_a, pi_b, pi_c }, proof);
});

test("bytes that can't be a proof give none", () => {
	assert.equal(bytesToProof(Buffer.alloc(0)), null);
	assert.equal(bytesToProof(Buffer.alloc(PROOF_BYTES - 1)), null);
	assert.equal(bytesToProof(Buffer.alloc(PROOF_BYTES + 32)), null);
	assert.equal(bytesToProof(fromWords([...Array(7).fill(0n), BASE_FIELD])), null);
});
