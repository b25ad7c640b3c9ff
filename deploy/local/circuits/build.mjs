// Makes everything one market needs out of one circuit: keys, verifier, sample.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as snarkjs from "snarkjs";
import { toFunctionSelector } from "viem";
import { PROOF_BYTES, PROOF_LAYOUT, WORD_BYTES, toHex } from "../prover/codec.mjs";
import { checkProof, makeProof, openMarket } from "../prover/groth16.mjs";

const LOCAL = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

function entropy() {
	return randomBytes(32).toString("hex");
}

function writeJson(file, value) {
	return writeFile(file, JSON.stringify(value, null, "\t") + "\n");
}

// circom2 reads only below its working folder and the folders above it.
export async function compile(name, dir) {
	const args = [
		require.resolve("circom2/cli.js"),
		`circuits/${name}/circuit.circom`,
		"--r1cs",
		"--wasm",
		"--O2",
		"-l",
		"node_modules",
		"-o",
		dir,
	];
	await promisify(execFile)(process.execPath, args, { cwd: LOCAL });
	await rename(join(dir, "circuit_js", "circuit.wasm"), join(dir, "circuit.wasm"));
	await rm(join(dir, "circuit_js"), { recursive: true });
	return snarkjs.r1cs.info(join(dir, "circuit.r1cs"));
}

// Groth16 needs a row per constraint and per public signal, and one more.
export function powerFor({ nConstraints, nPubInputs, nOutputs }) {
	return Math.ceil(Math.log2(nConstraints + nPubInputs + nOutputs + 1));
}

export async function makePowersOfTau(power, dir) {
	const curve = await snarkjs.curves.getCurveFromName("bn128");
	const [first, second] = [join(dir, "first.ptau"), join(dir, "second.ptau")];
	await snarkjs.powersOfTau.newAccumulator(curve, power, first);
	await snarkjs.powersOfTau.contribute(first, second, "development", entropy());
	await snarkjs.powersOfTau.preparePhase2(second, join(dir, "powers.ptau"));
	await Promise.all([rm(first), rm(second)]);
}

async function finishKeys(dir) {
	const key = await snarkjs.zKey.exportVerificationKey(join(dir, "circuit.zkey"));
	await writeJson(join(dir, "verification_key.json"), key);
	await rm(join(dir, "circuit.r1cs"));
}

export async function makeKeys(dir, powers) {
	const [r1cs, first, zkey] = ["circuit.r1cs", "first.zkey", "circuit.zkey"].map((f) =>
		join(dir, f),
	);
	await snarkjs.zKey.newZKey(r1cs, powers, first);
	await snarkjs.zKey.contribute(first, zkey, "development", entropy());
	await rm(first);
	await finishKeys(dir);
}

// Keys that several people made together, elsewhere. The sample shows whether they fit the circuit.
export async function takeKeys(dir, zkey) {
	await copyFile(zkey, join(dir, "circuit.zkey"));
	await finishKeys(dir);
}

export function contractName(name) {
	const words = name.split("-").map((word) => word[0].toUpperCase() + word.slice(1));
	return words.join("") + "Verifier";
}

async function exportSolidity(name, dir) {
	const templates = join(require.resolve("snarkjs"), "..", "..", "templates");
	const groth16 = await readFile(join(templates, "verifier_groth16.sol.ejs"), "utf8");
	const source = await snarkjs.zKey.exportSolidityVerifier(join(dir, "circuit.zkey"), {
		groth16,
	});
	return source.replace("contract Groth16Verifier ", `contract ${contractName(name)} `);
}

function compileSolidity(content, contract) {
	const solc = require("solc");
	const answer = JSON.parse(
		solc.compile(
			JSON.stringify({
				language: "Solidity",
				sources: { "verifier.sol": { content } },
				settings: {
					evmVersion: "cancun",
					optimizer: { enabled: true, runs: 200 },
					outputSelection: { "*": { [contract]: ["abi", "evm.bytecode.object"] } },
				},
			}),
		),
	);
	const { abi, evm } = answer.contracts?.["verifier.sol"]?.[contract] ?? {};
	if (!evm) {
		throw new Error(answer.errors.map((error) => error.formattedMessage).join("\n"));
	}
	return { contract, abi, bytecode: "0x" + evm.bytecode.object };
}

export async function makeVerifier(name, dir) {
	const source = await exportSolidity(name, dir);
	await writeFile(join(dir, "verifier.sol"), source);
	await writeJson(join(dir, "verifier.json"), compileSolidity(source, contractName(name)));
}

export async function writeMeta(name, dir, info, more) {
	const { about, largestWork, signals } = await import(`./${name}/solve.mjs`);
	await writeJson(join(dir, "meta.json"), {
		name,
		about,
		signals,
		inputBytes: signals.length * WORD_BYTES,
		proofBytes: PROOF_BYTES,
		proofLayout: PROOF_LAYOUT,
		contract: contractName(name),
		verifyProof: toFunctionSelector(
			`verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[${signals.length}])`,
		),
		constraints: info.nConstraints,
		power: powerFor(info),
		// What createMarket puts on chain.
		metadata: {
			name,
			about,
			circuit: `Groth16 over BN254, ${info.nConstraints} constraints`,
			publicInputs: signals,
			largestWork,
		},
		...more,
	});
}

export async function makeSample(name, dir) {
	const { fresh } = await import(`./${name}/inputs.mjs`);
	const market = await openMarket(dir);
	const inputs = fresh(randomBytes);
	const { proof } = await makeProof(market, inputs);
	if (!(await checkProof(market, inputs, proof))) {
		throw new Error(`${name}: the sample's proof doesn't verify`);
	}
	await writeJson(join(dir, "sample.json"), { inputs: toHex(inputs), proof: toHex(proof) });
}
