// The gateway answers as the prover API says, with real proofs, whatever it is sent.
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, test, before } from "node:test";
import { FIELD, fromJson, fromWords, toHex } from "../codec.mjs";
import { checkProof, openMarket, useOneThread } from "../groth16.mjs";
import {
	MARKETS,
	call,
	inputsOf,
	marketDir,
	metaOf,
	openapi,
	payload,
	sampleOf,
	seeded,
	startProver,
} from "./helpers.mjs";

await useOneThread();

for (const name of MARKETS) {
	describe(name, async () => {
		const random = seeded(name);
		const { fresh, unprovable } = await inputsOf(name);
		const market = await openMarket(marketDir(name));
		let base;

		before(async () => {
			base = (await startProver([name])).url;
		});

		test("a proof verifies, and proves nothing but its inputs", async () => {
			const inputs = fresh(random);
			const { status, answer } = await call(base, "generateProof", payload(inputs));
			assert.equal(status, 200);
			assert.ok(Array.isArray(answer.proof), "arrays are sent");
			const proof = fromJson(answer.proof, "proof");
			assert.equal(proof.length, metaOf(name).proofBytes);
			assert.equal(await checkProof(market, inputs, proof), true);
			assert.equal(await checkProof(market, fresh(random), proof), false);
		});

		test("0x strings are as good as arrays", async () => {
			const inputs = fresh(random);
			const { status, answer } = await call(base, "generateProof", { public: toHex(inputs) });
			assert.equal(status, 200);
			const both = await call(base, "verifyInputsAndProof", {
				public_input: [...inputs],
				private_input: null,
				proof: toHex(fromJson(answer.proof, "proof")),
			});
			assert.deepEqual(both.answer, { is_input_and_proof_valid: true });
		});

		test("every kind of unprovable inputs gets 422 and a reason", async () => {
			for (const { why, inputs } of unprovable(random)) {
				const { status, answer } = await call(base, "generateProof", payload(inputs));
				assert.equal(status, 422, why);
				assert.equal(answer.error, "invalid_inputs");
				assert.ok(answer.reason.length > 0);
			}
		});

		test("inputs that are no inputs get 422 as well", async () => {
			const { inputs } = sampleOf(name);
			const large = Buffer.concat([fromWords([FIELD]), inputs.subarray(32)]);
			for (const bytes of [
				[],
				inputs.subarray(1),
				Buffer.concat([inputs, inputs]),
				Buffer.alloc(33),
				large,
			]) {
				const { status, answer } = await call(base, "generateProof", payload(bytes));
				assert.equal(status, 422);
				assert.equal(answer.error, "invalid_inputs");
			}
		});

		test("checkInput says what generateProof would", async () => {
			const good = await call(base, "checkInput", payload(fresh(random)));
			assert.deepEqual([good.status, good.answer], [200, { valid: true }]);
			for (const { inputs } of unprovable(random)) {
				const bad = await call(base, "checkInput", payload(inputs));
				assert.deepEqual([bad.status, bad.answer], [200, { valid: false }]);
			}
		});

		test("verifyInputsAndProof knows a wrong proof", async () => {
			const { inputs, proof } = sampleOf(name);
			const flipped = Buffer.from(proof);
			flipped[100] ^= 1;
			const swapped = Buffer.concat([
				proof.subarray(192),
				proof.subarray(64, 192),
				proof.subarray(0, 64),
			]);
			const cases = [
				[inputs, proof, true],
				[inputs, flipped, false],
				[inputs, swapped, false],
				[fresh(random), proof, false],
				[inputs, proof.subarray(1), false],
				[inputs, Buffer.alloc(0), false],
				[inputs, Buffer.alloc(256), false],
				[inputs, Buffer.alloc(256, 255), false],
				[inputs.subarray(32), proof, false],
				[Buffer.alloc(0), proof, false],
			];
			for (const [public_input, given, is_input_and_proof_valid] of cases) {
				const { status, answer } = await call(base, "verifyInputsAndProof", {
					public_input: [...public_input],
					private_input: [],
					proof: [...given],
				});
				assert.deepEqual([status, answer], [200, { is_input_and_proof_valid }]);
			}
		});

		test("benchmark proves the sample and tells the time", async () => {
			const { status, answer } = await call(base, "benchmark");
			assert.equal(status, 200);
			assert.ok(answer.time_in_ms > 10, String(answer.time_in_ms));
		});

		test("test says that it is there, also under the market's name", async () => {
			for (const at of [base, `${base}/${name}`]) {
				const { status, answer } = await call(at, "test");
				assert.equal(status, 200);
				assert.match(answer.data, new RegExp(`${name}: ready`));
			}
		});
	});
}

describe("one prover of several markets", () => {
	let base;
	before(async () => {
		base = (await startProver(MARKETS, ["--cold", "--max-body=100000"])).url;
	});

	const refused = async (expected, ...args) => {
		const { status, answer, headers } = await call(...args);
		assert.deepEqual([status, answer.error], expected);
		assert.ok(answer.reason.length > 0);
		return headers;
	};

	test("each is proven under its name", async () => {
		for (const name of MARKETS) {
			const { inputs } = sampleOf(name);
			const { status, answer } = await call(
				`${base}/${name}`,
				"generateProof",
				payload(inputs),
			);
			assert.equal(status, 200);
			const verify = { public_input: [...inputs], proof: answer.proof };
			const verified = await call(`${base}/${name}`, "verifyInputsAndProof", verify);
			assert.deepEqual(verified.answer, { is_input_and_proof_valid: true });
		}
	});

	test("a call to no market or an unknown one is 404 and says which there are", async () => {
		await refused([404, "unknown_path"], base, "generateProof", payload([]));
		await refused([404, "unknown_path"], `${base}/no-such`, "generateProof", payload([]));
		const { answer } = await call(base, "test");
		assert.match(answer.reason, /range-preimage, rollup-batch/);
	});

	test("what a public market doesn't have is 501", async () => {
		const at = `${base}/${MARKETS[0]}`;
		const attest = { request_id: "0x1", ...payload([1]) };
		await refused([501, "not_supported"], at, "getAttestationForInvalidInputs", attest);
		await refused([501, "not_supported"], at, "signInputsAndProof", {
			public_input: [],
			proof: [],
		});
	});

	test("secrets are refused: nobody decrypts them here", async () => {
		const at = `${base}/${MARKETS[0]}`;
		const encrypted = { EncryptedSecrets: { encrypted_data: [1], acl: [2] } };
		for (const secrets of [{ PlainSecrets: [1] }, encrypted, {}, [], 0, ""]) {
			await refused([400, "bad_request"], at, "generateProof", { public: [], secrets });
			await refused([400, "bad_request"], at, "checkInput", { public: [], secrets });
		}
		const verify = { public_input: [], proof: [] };
		for (const private_input of [[1], "0x01", {}, 7]) {
			await refused([400, "bad_request"], at, "verifyInputsAndProof", {
				...verify,
				private_input,
			});
		}
		const empty = await call(at, "verifyInputsAndProof", { ...verify, private_input: "0x" });
		assert.equal(empty.status, 200);
	});

	test("unknown paths and wrong methods", async () => {
		const at = `${base}/${MARKETS[0]}`;
		for (const name of [
			"nothing",
			"toString",
			"constructor",
			"__proto__",
			"test/",
			"",
			"../api/test/x",
		]) {
			await refused([404, "unknown_path"], at, name);
		}
		const headers = await refused([405, "method_not_allowed"], at, "generateProof");
		assert.equal(headers.get("allow"), "POST");
		await refused([405, "method_not_allowed"], at, "test", {});
		await refused([405, "method_not_allowed"], at, "checkInput", {}, {}, "PUT");
	});

	test("garbage bodies are 400, never 422 and never 500", async () => {
		const at = `${base}/${MARKETS[0]}`;
		const deep = "[".repeat(50_000) + "]".repeat(50_000);
		const garbage = [
			"",
			" ",
			"{",
			"null",
			"7",
			'"0x00"',
			"[]",
			"[[]]",
			"{}",
			"nul",
			"\u0000",
			'{"public":}',
			'{"public":null}',
			'{"public":"00"}',
			'{"public":"0x0"}',
			'{"public":[256]}',
			'{"public":[1.5]}',
			'{"public":["0"]}',
			'{"public":{"0":1}}',
			'{"public":{}}',
			'{"public":{"length":1}}',
			'{"Public":[]}',
			'{"public":[],"secrets":true}',
			deep,
			`{"public":${deep.slice(10, -10)}}`,
			'{"__proto__":{"public":[]}}',
		];
		for (const body of garbage) {
			for (const name of ["generateProof", "checkInput", "verifyInputsAndProof"]) {
				await refused([400, "bad_request"], at, name, body);
			}
		}
	});

	test("bodies are bounded, told or not", async () => {
		const at = `${base}/${MARKETS[0]}`;
		const big = JSON.stringify(payload(Buffer.alloc(80_000)));
		await refused([413, "body_too_large"], at, "generateProof", big);
		assert.equal(await postInPieces(`${at}/api/generateProof`, 5 << 20), 413);
		const { status } = await call(at, "test");
		assert.equal(status, 200);
	});

	test("a client that asks first is told before it sends", async () => {
		const response = await askToContinue(`${base}/${MARKETS[0]}/api/generateProof`, 1 << 30);
		assert.equal(response, 413);
	});

	test("a client that leaves, or never speaks HTTP, harms nobody", async () => {
		const { hostname, port } = new URL(base);
		for (const text of [
			"",
			"GARBAGE\r\n\r\n",
			"POST /api/generateProof HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
			"\x16\x03\x01\x02\x00",
			"GET / HTTP/1.1\r\n" + "A: b\r\n".repeat(5000),
		]) {
			await new Promise((resolve) => {
				const socket = connect(Number(port), hostname, () => socket.end(text, "latin1"));
				socket.on("error", resolve).on("close", resolve).resume();
				setTimeout(() => socket.destroy(), 100);
			});
		}
		assert.equal((await call(`${base}/${MARKETS[0]}`, "test")).status, 200);
	});

	test("the deadline header is understood", async () => {
		const at = `${base}/${MARKETS[0]}`;
		const { inputs } = sampleOf(MARKETS[0]);
		const now = Math.floor(Date.now() / 1000);
		const withDeadline = (deadline) => [
			at,
			"checkInput",
			payload(inputs),
			{ "X-Kalypso-Deadline": String(deadline) },
		];
		await refused([504, "deadline_passed"], ...withDeadline(now - 1));
		await refused([504, "deadline_passed"], ...withDeadline(0));
		await refused([400, "bad_request"], ...withDeadline("soon"));
		await refused([400, "bad_request"], ...withDeadline("-1"));
		assert.equal((await call(...withDeadline(now + 60))).status, 200);
	});
});

test("documented headers are those that are read", () => {
	const names = Object.values(openapi.components.parameters).map(({ name }) => name);
	assert.deepEqual(names, ["X-Kalypso-Request-Id", "traceparent", "X-Kalypso-Deadline"]);
});

// Sends a body of unannounced length; gives the status.
function postInPieces(url, size) {
	return new Promise((resolve, reject) => {
		const request = httpRequest(url, { method: "POST" }, (response) => {
			response.resume();
			resolve(response.statusCode);
		});
		request.on("error", reject);
		for (let sent = 0; sent < size; sent += 65536) {
			request.write(Buffer.alloc(65536, "["));
		}
		request.end();
	});
}

function askToContinue(url, size) {
	return new Promise((resolve, reject) => {
		const headers = { Expect: "100-continue", "Content-Length": size };
		const request = httpRequest(url, { method: "POST", headers }, (response) => {
			resolve(response.statusCode);
			request.destroy();
		});
		request.on("continue", () => reject(new Error("told to go on")));
		request.on("error", reject);
		request.flushHeaders();
	});
}
