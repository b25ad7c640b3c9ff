// Proves and verifies for one market: public input bytes in, proof bytes out.
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { buildBn128 } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { FIELD, WORD_BYTES, bytesToProof, fromJson, proofToBytes, toWords } from "./codec.mjs";

const CIRCUITS = new URL("../circuits/", import.meta.url);

// snarkjs takes one thread per core unless it finds a curve here. One thread is a third slower
// on two cores, but needs less processor time and memory in all, and leaves a core to the rest.
export async function useOneThread() {
	globalThis.curve_bn128 ??= await buildBn128(true);
}

// A market's folder may bring its own solve.mjs; else the one beside the circuit's source is taken.
async function findSolver(dir, name) {
	const own = join(dir, "solve.mjs");
	const url = existsSync(own)
		? pathToFileURL(resolve(own))
		: new URL(`${name}/solve.mjs`, CIRCUITS);
	return (await import(url.href)).solve;
}

// Files are read once; snarkjs then works in memory.
export async function openMarket(dir) {
	const json = (file) => JSON.parse(readFileSync(join(dir, file), "utf8"));
	const memory = (file) => ({ type: "mem", data: new Uint8Array(readFileSync(join(dir, file))) });
	const meta = json("meta.json");
	return {
		name: meta.name ?? basename(dir),
		signals: meta.signals,
		wasm: memory("circuit.wasm"),
		zkey: memory("circuit.zkey"),
		vkey: json("verification_key.json"),
		solve: await findSolver(dir, meta.name),
	};
}

export function readSample(dir) {
	const { inputs, proof } = JSON.parse(readFileSync(join(dir, "sample.json"), "utf8"));
	return { inputs: fromJson(inputs, "inputs"), proof: fromJson(proof, "proof") };
}

// The circuit's input for these bytes, or { unprovable: reason }.
function solveBytes({ signals, solve }, inputs) {
	if (inputs.length !== signals.length * WORD_BYTES) {
		const expected = `${signals.length} words of ${WORD_BYTES} bytes`;
		return { unprovable: `inputs must be ${expected}: ${signals.join(", ")}` };
	}
	const words = toWords(inputs);
	const large = words.findIndex((word) => word >= FIELD);
	return large < 0
		? solve(words)
		: { unprovable: `${signals[large]} is not below the field's size` };
}

// Where solver and circuit disagree, this throws: that is our fault, not the inputs'.
async function makeWitness(market, input) {
	const witness = { type: "mem" };
	await snarkjs.wtns.calculate(input, market.wasm, witness);
	return witness;
}

export async function makeProof(market, inputs) {
	const { input, unprovable } = solveBytes(market, inputs);
	if (unprovable) {
		return { unprovable };
	}
	const witness = await makeWitness(market, input);
	const { proof } = await snarkjs.groth16.prove(market.zkey, witness);
	return { proof: proofToBytes(proof) };
}

export async function checkInputs(market, inputs) {
	const { input, unprovable } = solveBytes(market, inputs);
	if (unprovable) {
		return { valid: false, unprovable };
	}
	await makeWitness(market, input);
	return { valid: true };
}

// The pairing precompile refuses points outside the subgroup; snarkjs doesn't look.
async function inSubgroup(point) {
	const { G2, r } = await snarkjs.curves.getCurveFromName("bn128");
	return G2.isZero(G2.timesScalar(G2.fromObject(point.map((pair) => pair.map(BigInt))), r));
}

// Says what the market's verifier on chain would say.
export async function checkProof(market, inputs, proofBytes) {
	const proof = bytesToProof(proofBytes);
	const wellFormed = proof && inputs.length === market.signals.length * WORD_BYTES;
	if (!wellFormed) {
		return false;
	}
	const words = toWords(inputs).map(String);
	return (await snarkjs.groth16.verify(market.vkey, words, proof)) && inSubgroup(proof.pi_b);
}
