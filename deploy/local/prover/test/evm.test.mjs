// Proofs made over HTTP are accepted by the exported Solidity verifier on a real EVM.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as snarkjs from "snarkjs";
import solc from "solc";
import { createPublicClient, createWalletClient, http, numberToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import {
	FIELD,
	bytesToProof,
	fromJson,
	fromWords,
	proofToBytes,
	toHex,
	toWords,
} from "../codec.mjs";
import { checkProof, openMarket, useOneThread } from "../groth16.mjs";
import {
	MARKETS,
	call,
	inputsOf,
	marketDir,
	metaOf,
	payload,
	sampleOf,
	seeded,
	startProver,
} from "./helpers.mjs";

const ANVIL = fileURLToPath(new URL("../../node_modules/.bin/anvil", import.meta.url));
const CONTRACTS = fileURLToPath(new URL("../../../../protocol/contracts", import.meta.url));
const ANVIL_MNEMONIC = "test test test test test test test test test test test junk";
const YES = numberToHex(1, { size: 32 });
const NO = numberToHex(0, { size: 32 });

const noContracts = existsSync(join(CONTRACTS, "node_modules", "@openzeppelin"))
	? false
	: "the contracts' packages aren't installed";

await useOneThread();

async function startAnvil() {
	const child = spawn(ANVIL, ["--port", "0", "--threads", "1"], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const port = await new Promise((resolve, reject) => {
		let text = "";
		child.stdout.on("data", (data) => {
			text += data;
			const match = /Listening on 127\.0\.0\.1:(\d+)/.exec(text);
			if (match) {
				resolve(match[1]);
			}
		});
		child.on("exit", () => reject(new Error(`anvil ended: ${text}`)));
	});
	return { child, url: `http://127.0.0.1:${port}` };
}

let anvil, chain, wallet;

before(async () => {
	anvil = await startAnvil();
	const transport = http(anvil.url);
	chain = createPublicClient({ chain: foundry, transport, pollingInterval: 20 });
	wallet = createWalletClient({
		account: mnemonicToAccount(ANVIL_MNEMONIC),
		chain: foundry,
		transport,
	});
});

after(async () => {
	anvil.child.kill();
	await once(anvil.child, "exit");
});

async function deploy({ abi, bytecode, args }) {
	const hash = await wallet.deployContract({ abi, bytecode, args });
	const { contractAddress } = await chain.waitForTransactionReceipt({ hash });
	return { abi, address: contractAddress };
}

function exportedVerifier(name) {
	return JSON.parse(readFileSync(join(marketDir(name), "verifier.json"), "utf8"));
}

// The contract that a market names as its verifier; it wraps the exported one.
function compileWrapper() {
	const source = "src/verifiers/Groth16ProofVerifier.sol";
	const find = (file) => {
		const path = [file, join("node_modules", file)]
			.map((at) => join(CONTRACTS, at))
			.find(existsSync);
		return path ? { contents: readFileSync(path, "utf8") } : { error: "not found" };
	};
	const answer = JSON.parse(
		solc.compile(
			JSON.stringify({
				language: "Solidity",
				sources: { [source]: { content: find(source).contents } },
				settings: {
					evmVersion: "cancun",
					outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
				},
			}),
			{ import: find },
		),
	);
	const { abi, evm } = answer.contracts[source].Groth16ProofVerifier;
	return { abi, bytecode: "0x" + evm.bytecode.object };
}

// A point on the twisted curve that isn't in the subgroup of Groth16's pairing.
async function pointOutsideSubgroup() {
	const { G2, F2, r } = await snarkjs.curves.getCurveFromName("bn128");
	for (let i = 1n; ; i++) {
		const x = F2.fromObject([i, 1n]);
		const square = F2.add(F2.mul(F2.square(x), x), G2.b);
		if (F2.isSquare(square)) {
			const y = F2.sqrt(square);
			const point = G2.fromObject([F2.toObject(x), F2.toObject(y), [1n, 0n]]);
			if (!G2.isZero(G2.timesScalar(point, r))) {
				return [F2.toObject(x), F2.toObject(y), [1n, 0n]].map((pair) => pair.map(String));
			}
		}
	}
}

for (const name of MARKETS) {
	describe(name, async () => {
		const { fresh } = await inputsOf(name);
		const market = await openMarket(marketDir(name));
		const { inputs, proof } = sampleOf(name);
		const random = seeded(`evm ${name}`);
		let verifier;

		// The calldata of verifyProof is its selector, the proof's bytes and the inputs' bytes.
		const ask = async (someInputs, someProof) => {
			const data =
				metaOf(name).verifyProof + toHex(someProof).slice(2) + toHex(someInputs).slice(2);
			return (await chain.call({ to: verifier.address, data })).data;
		};

		before(async () => {
			verifier = await deploy(exportedVerifier(name));
		});

		test("fresh proofs are accepted, for their inputs only", async () => {
			const prover = await startProver([name], ["--cold"]);
			for (let i = 0; i < 3; i++) {
				const wanted = fresh(random);
				const { answer } = await call(prover.url, "generateProof", payload(wanted));
				const made = fromJson(answer.proof, "proof");
				assert.equal(await ask(wanted, made), YES);
				assert.equal(await ask(inputs, made), NO);
			}
			await prover.stop("SIGTERM");
		});

		test("the sample is accepted through the ABI, its words in the documented order", async () => {
			const [a0, a1, b00, b01, b10, b11, c0, c1] = toWords(proof);
			assert.deepEqual(metaOf(name).proofLayout, [
				"a0",
				"a1",
				"b00",
				"b01",
				"b10",
				"b11",
				"c0",
				"c1",
			]);
			const args = [
				[a0, a1],
				[
					[b00, b01],
					[b10, b11],
				],
				[c0, c1],
				toWords(inputs),
			];
			const asked = { ...verifier, functionName: "verifyProof", args };
			assert.equal(await chain.readContract(asked), true);
			const gas = await chain.estimateContractGas(asked);
			assert.ok(gas < 300_000n, `${gas} gas`);
		});

		test(
			"the market's wrapper takes the sample and the bytes as they are",
			{ skip: noContracts },
			async () => {
				const args = [
					verifier.address,
					BigInt(metaOf(name).signals.length),
					toHex(inputs),
					toHex(proof),
				];
				const wrapper = await deploy({ ...compileWrapper(), args });
				const read = (functionName, ...values) =>
					chain.readContract({ ...wrapper, functionName, args: values.map(toHex) });
				const flipped = Buffer.from(proof);
				flipped[0] ^= 1;
				assert.equal(await read("checkSample"), true);
				assert.equal(await read("verify", inputs, proof), true);
				assert.equal(await read("verify", inputs, flipped), false);
				assert.equal(await read("checkInputs", fresh(random)), true);
				assert.equal(await read("checkInputs", inputs.subarray(32)), false);
				await assert.rejects(
					deploy({ ...compileWrapper(), args: [...args.slice(0, 3), toHex(flipped)] }),
				);
			},
		);

		test("the calldata that snarkjs prints is ours", async () => {
			const words = toWords(inputs).map(String);
			const printed = await snarkjs.groth16.exportSolidityCallData(
				bytesToProof(proof),
				words,
			);
			const numbers = JSON.parse(`[${printed}]`).flat(Infinity).map(BigInt);
			assert.equal(toHex(fromWords(numbers)), toHex(Buffer.concat([proof, inputs])));
		});

		test("chain and prover agree on proofs that don't verify", async () => {
			const parts = bytesToProof(proof);
			const outside = proofToBytes({ ...parts, pi_b: await pointOutsideSubgroup() });
			const other = fresh(random);
			const withBit = (at, bytes) => bytes.with(at, bytes[at] ^ 1);
			const large = Buffer.concat([
				fromWords([toWords(inputs)[0] + FIELD]),
				inputs.subarray(32),
			]);
			const cases = [
				[inputs, outside],
				[inputs, Buffer.alloc(256)],
				[inputs, Buffer.alloc(256, 255)],
				[other, proof],
				[large, proof],
				[inputs, Buffer.concat([proof.subarray(32), proof.subarray(0, 32)])],
			];
			for (let at = 0; at < 256; at += 17) {
				cases.push([inputs, Buffer.from(withBit(at, new Uint8Array(proof)))]);
			}
			for (let at = 3; at < inputs.length; at += 31) {
				cases.push([Buffer.from(withBit(at, new Uint8Array(inputs))), proof]);
			}
			for (const [someInputs, someProof] of cases) {
				assert.equal(await ask(someInputs, someProof), NO, toHex(someProof));
				assert.equal(
					await checkProof(market, someInputs, someProof),
					false,
					toHex(someProof),
				);
			}
		});
	});
}
