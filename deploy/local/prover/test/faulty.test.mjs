// The misbehaving prover misbehaves as told, and passes everything else on.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { call, payload, sampleOf, start, startProver } from "./helpers.mjs";

const NAME = "rollup-batch";
const { inputs } = sampleOf(NAME);
let base;

before(async () => {
	const prover = await startProver([NAME], ["--cold"]);
	base = (await start("faulty-prover.mjs", [`--upstream=${prover.url}`])).url;
});

async function fault(setting) {
	const response = await fetch(`${base}/fault`, {
		method: "POST",
		body: JSON.stringify(setting),
	});
	return response.json();
}

function raw(call = "generateProof") {
	return fetch(`${base}/api/${call}`, {
		method: "POST",
		body: JSON.stringify(payload(inputs)),
		redirect: "manual",
		signal: AbortSignal.timeout(5000),
	});
}

async function isValid(proof) {
	const { answer } = await call(base, "verifyInputsAndProof", {
		public_input: [...inputs],
		proof,
	});
	return answer.is_input_and_proof_valid;
}

test("without a fault it is the prover", async () => {
	const { status, answer } = await call(base, "generateProof", payload(inputs));
	assert.equal(status, 200);
	assert.equal(await isValid(answer.proof), true);
	assert.equal((await call(base, "test")).status, 200);
});

test("a fault lasts as many calls as told, of the call that is named", async () => {
	await fault({ mode: "error500", times: 2, call: "generateProof" });
	assert.equal((await raw("checkInput")).status, 200);
	assert.deepEqual(
		[(await raw()).status, (await raw()).status, (await raw()).status],
		[500, 500, 200],
	);
	const { broken } = await (await fetch(`${base}/fault`)).json();
	assert.equal(broken, 2);
});

test("answers that are no answers", async () => {
	const seen = {};
	for (const mode of [
		"error503",
		"html",
		"empty",
		"garbage",
		"shape",
		"other_422",
		"redirect",
		"false_invalid",
	]) {
		await fault({ mode, times: 1 });
		const response = await raw();
		seen[mode] = [response.status, (await response.text()).slice(0, 12)];
	}
	assert.deepEqual(seen, {
		error503: [503, '{"error":"bu'],
		html: [502, "<html><h1>50"],
		empty: [200, ""],
		garbage: [200, "\u0000{proof: yes"],
		shape: [200, '{"proof":[1,'],
		other_422: [422, '{"detail":"a'],
		redirect: [302, ""],
		false_invalid: [422, '{"error":"in'],
	});
});

test("proofs that are wrong", async () => {
	for (const [mode, length, valid] of [
		["wrong_proof", 256, false],
		["short_proof", 255, false],
		["other_bytes", 514, true],
	]) {
		await fault({ mode, times: 1 });
		const { proof } = await (await raw()).json();
		assert.equal(proof.length, length, mode);
		assert.equal(await isValid(proof), valid, mode);
	}
});

test("connections that end badly", async () => {
	await fault({ mode: "reset", times: 1 });
	await assert.rejects(raw());
	await fault({ mode: "half", times: 1 });
	await assert.rejects(raw().then((response) => response.text()));
	await fault({ mode: "hang", times: 1 });
	await assert.rejects(fetch(`${base}/api/test`, { signal: AbortSignal.timeout(300) }), {
		name: "TimeoutError",
	});
	await fault({ mode: "endless", times: 1 });
	const reader = (await raw()).body.getReader();
	let size = 0;
	while (size < 4 << 20) {
		size += (await reader.read()).value.length;
	}
	await reader.cancel();
});

test("a slow prover is slow", async () => {
	await fault({ mode: "slow", times: 1, delay_ms: 400 });
	const start = performance.now();
	assert.equal((await raw("checkInput")).status, 200);
	assert.ok(performance.now() - start >= 395);
});

test("a mode that doesn't exist is refused", async () => {
	const { reason } = await fault({ mode: "nonsense" });
	assert.match(reason, /no mode 'nonsense'/);
});
