// Solver and circuit agree: what one can prove the other accepts, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import * as snarkjs from "snarkjs";
import { fromWords, toWords } from "../../prover/codec.mjs";
import { useOneThread } from "../../prover/groth16.mjs";
import {
	MARKETS,
	inputsOf,
	marketDir,
	metaOf,
	sampleOf,
	seeded,
} from "../../prover/test/helpers.mjs";
import * as range from "../range-preimage/solve.mjs";
import * as rollup from "../rollup-batch/solve.mjs";

const ROUNDS = 8;

await useOneThread();
// The circuit says on the console why it refuses; here that is expected.
mock.method(console, "error", () => {});

function circuitOf(name) {
	const data = new Uint8Array(readFileSync(join(marketDir(name), "circuit.wasm")));
	return async (input) => {
		try {
			await snarkjs.wtns.calculate(input, { type: "mem", data }, { type: "mem" });
			return true;
		} catch (error) {
			assert.match(error.message, /Assert Failed/);
			return false;
		}
	};
}

for (const name of MARKETS) {
	describe(name, async () => {
		const { fresh, unprovable, describe: tell } = await inputsOf(name);
		const { solve, signals } = await import(`../${name}/solve.mjs`);
		const accepts = circuitOf(name);
		const random = seeded(`circuits ${name}`);

		test("fresh inputs are solved, and the circuit accepts the solution", async () => {
			for (let i = 0; i < ROUNDS; i++) {
				const { input } = solve(toWords(fresh(random)));
				assert.ok(input);
				assert.equal(await accepts(input), true);
			}
		});

		test("unprovable inputs are told apart by the solver", () => {
			for (let i = 0; i < ROUNDS; i++) {
				for (const { why, inputs } of unprovable(random)) {
					assert.equal(typeof solve(toWords(inputs)).unprovable, "string", why);
				}
			}
		});

		test("inputs have the documented size and a description", () => {
			const meta = metaOf(name);
			const { inputs, proof } = sampleOf(name);
			assert.deepEqual(meta.signals, signals);
			assert.deepEqual([inputs.length, proof.length], [meta.inputBytes, meta.proofBytes]);
			assert.equal(fresh(random).length, meta.inputBytes);
			assert.ok(tell(inputs).length > 20);
			assert.ok(JSON.stringify(meta.metadata).length <= 4096);
		});

		test("the same source of bytes gives the same inputs", () => {
			assert.deepEqual(fresh(seeded("a")), fresh(seeded("a")));
			assert.notDeepEqual(fresh(seeded("a")), fresh(seeded("b")));
		});
	});
}

describe("range-preimage at its edges", () => {
	const accepts = circuitOf("range-preimage");
	const word = 1n << 64n;
	const field = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;

	// preimage, low, high, provable
	const cases = [
		[0n, 0n, 0n, true],
		[0n, 0n, 255n, true],
		[255n, 0n, 255n, true],
		[256n, 0n, 255n, false],
		[0n, 0n, 256n, false],
		[9n, 10n, 20n, false],
		[21n, 10n, 20n, false],
		[10n, 10n, 20n, true],
		[20n, 10n, 20n, true],
		[15n, 20n, 10n, false],
		[word - 1n, word - 1n, word - 1n, true],
		[word + 254n, word - 1n, word + 254n, true],
		[word, word, word, false],
		[0n, field - 1n, 5n, false],
		[field - 1n, field - 1n, field - 1n, false],
		[3n, 1n, field - 1n, false],
	];

	test("solver and circuit draw the same line", async () => {
		for (const [preimage, low, high, provable] of cases) {
			const commitment = range.commit(preimage);
			const input = { commitment, low, high, preimage };
			assert.equal(
				await accepts(input),
				provable,
				`circuit: ${preimage} in [${low}, ${high}]`,
			);
			assert.equal(
				"input" in range.solve([commitment, low, high]),
				provable,
				`solver: ${preimage} in [${low}, ${high}]`,
			);
		}
	});

	test("another number's commitment is refused", async () => {
		const commitment = range.commit(8n);
		assert.equal(await accepts({ commitment, low: 0n, high: 10n, preimage: 7n }), false);
	});
});

describe("rollup-batch at its edges", () => {
	const accepts = circuitOf("rollup-batch");
	const idle = { from: 0, to: 0, amount: 0n };
	const most = (1n << rollup.BITS) - 1n;
	const only = (balance) => [balance, ...Array(7).fill(0n)];

	// balances, transfers, provable
	const cases = [
		["nothing happens", only(0n), [], true],
		["all the money moves", only(most), [{ from: 0, to: 7, amount: most }], true],
		[
			"all the money goes round",
			only(most),
			[
				{ from: 0, to: 7, amount: most },
				{ from: 7, to: 3, amount: most },
				{ from: 3, to: 4, amount: most },
				{ from: 4, to: 0, amount: most },
			],
			true,
		],
		["to oneself", only(5n), [{ from: 0, to: 0, amount: 5n }], true],
		["to oneself, more than there is", only(5n), [{ from: 0, to: 0, amount: 6n }], false],
		["one too much", only(5n), [{ from: 0, to: 1, amount: 6n }], false],
		[
			"received before it is spent",
			only(5n),
			[
				{ from: 0, to: 1, amount: 5n },
				{ from: 1, to: 2, amount: 5n },
			],
			true,
		],
		[
			"spent before it is received",
			only(5n),
			[
				{ from: 1, to: 2, amount: 5n },
				{ from: 0, to: 1, amount: 5n },
			],
			false,
		],
		["everybody is full", Array(8).fill(most), [], false],
		["one unit too much in all", [most, 1n, ...Array(6).fill(0n)], [], false],
		[
			"just what fits in all",
			[most - 7n, ...Array(7).fill(1n)],
			[{ from: 1, to: 0, amount: 1n }],
			true,
		],
		["the largest amount, unfunded", only(0n), [{ from: 0, to: 1, amount: most }], false],
	];

	test("solver and circuit draw the same line", async () => {
		for (const [what, balances, moves, provable] of cases) {
			const transfers = [...moves, idle, idle, idle, idle].slice(0, 4);
			const after = transfers.reduce(rollup.apply, balances);
			const words = [
				rollup.rootOf(balances),
				rollup.rootOf(after.map((balance) => BigInt.asUintN(24, balance))),
				rollup.packBalances(balances),
				rollup.packTransfers(transfers),
			];
			const [rootBefore, rootAfter, packed, moved] = words;
			const input = { rootBefore, rootAfter, balances: packed, transfers: moved };
			assert.equal(await accepts(input), provable, `circuit: ${what}`);
			assert.equal("input" in rollup.solve(words), provable, `solver: ${what}`);
		}
	});

	test("solver and circuit agree on inputs with one bit changed", async () => {
		const { fresh } = await inputsOf("rollup-batch");
		const random = seeded("bits");
		for (let i = 0; i < 10 * ROUNDS; i++) {
			const inputs = fresh(random);
			const bit = Number(toWords(Buffer.concat([Buffer.alloc(24), random(8)]))[0] % 1024n);
			inputs[bit >> 3] ^= 1 << (bit & 7);
			const [rootBefore, rootAfter, balances, transfers] = toWords(inputs);
			if (toWords(inputs).some((value) => value >> 253n)) {
				continue;
			}
			const solved = "input" in rollup.solve(toWords(inputs));
			assert.equal(
				await accepts({ rootBefore, rootAfter, balances, transfers }),
				solved,
				`bit ${bit}`,
			);
		}
	});

	test("packing and unpacking are inverse", () => {
		const balances = [1n, most, 0n, 3n, 4n, 5n, 6n, most];
		assert.deepEqual(rollup.unpackBalances(rollup.packBalances(balances)), balances);
		const transfers = [
			{ from: 7, to: 0, amount: most },
			{ from: 1, to: 2, amount: 3n },
			idle,
			{ from: 0, to: 7, amount: 1n },
		];
		assert.deepEqual(rollup.unpackTransfers(rollup.packTransfers(transfers)), transfers);
		assert.equal(fromWords([rollup.packTransfers(transfers)]).length, 32);
	});
});
