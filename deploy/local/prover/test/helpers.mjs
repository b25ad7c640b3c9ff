// What the prover's tests share: a set-up market, a running prover, calls checked against OpenAPI.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";
import { readSample } from "../groth16.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export const MARKETS = ["range-preimage", "rollup-batch"];
export const OPENAPI_FILE = path("../../../../protocol/http/prover.openapi.yaml");
const SETUP = path("../../circuits/setup.mjs");
const BUILD = path("../../../../build/circuits");

// Instantaneous when there is nothing to do.
execFileSync(process.execPath, [SETUP], { stdio: ["ignore", "ignore", "inherit"] });

export const marketDir = (name) => join(BUILD, name);
export const metaOf = (name) =>
	JSON.parse(readFileSync(join(marketDir(name), "meta.json"), "utf8"));
export const sampleOf = (name) => readSample(marketDir(name));
export const inputsOf = (name) => import(`../../circuits/${name}/inputs.mjs`);

// The same bytes in every run.
export function seeded(seed) {
	let count = 0;
	return (size) => {
		const blocks = [];
		while (blocks.length * 32 < size) {
			blocks.push(createHash("sha256").update(`${seed}:${count++}`).digest());
		}
		return Buffer.concat(blocks).subarray(0, size);
	};
}

// ---- the description ----------------------------------------------------------------------------

export const openapi = parse(readFileSync(OPENAPI_FILE, "utf8"));
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(openapi, "openapi");

export function schemaAt(pointer) {
	return ajv.getSchema(`openapi#${pointer}`) ?? ajv.compile({ $ref: `openapi#${pointer}` });
}

function pointerToAnswer(call, method, status) {
	const at = `/paths/~1api~1${call}/${method.toLowerCase()}`;
	const operation = openapi.paths[`/api/${call}`]?.[method.toLowerCase()];
	if (!operation) {
		return "/components/responses/Failed";
	}
	const key = operation.responses[status] ? status : "default";
	return operation.responses[key].$ref?.slice(1) ?? `${at}/responses/${key}`;
}

function assertDescribed(call, method, status, body) {
	const pointer = `${pointerToAnswer(call, method, status)}/content/application~1json/schema`;
	const validate = schemaAt(pointer);
	const start = JSON.stringify(body).slice(0, 300);
	assert.ok(
		validate(body),
		`${method} ${call} ${status}: ${JSON.stringify(validate.errors)} in ${start}`,
	);
}

// ---- programs -----------------------------------------------------------------------------------

function firstLine(child) {
	return new Promise((resolve, reject) => {
		let text = "";
		child.stdout.on("data", (data) => {
			text += data;
			if (text.includes("\n")) {
				resolve(text.split("\n")[0]);
			}
		});
		child.ended.then(() => reject(new Error(`ended before it was ready: ${child.errors}`)));
	});
}

const running = new Set();
after(() => Promise.all([...running].map((child) => child.stop("SIGKILL"))));

// A program that prints its URL when it is ready; ended with the tests, if not before.
export async function start(script, args) {
	const child = spawn(process.execPath, [path(`../${script}`), ...args], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	running.add(child);
	child.errors = "";
	child.stderr.on("data", (data) => {
		child.errors += data;
	});
	child.ended = once(child, "exit").then(([code, signal]) => {
		running.delete(child);
		return { code, signal };
	});
	child.stop = (signal) => {
		child.kill(signal);
		return child.ended;
	};
	child.url = await firstLine(child);
	return child;
}

export function startProver(markets = MARKETS, args = []) {
	const dirs = markets.map((name) => `--market-dir=${marketDir(name)}`);
	return start("prover-gateway.mjs", [...dirs, "--port=0", ...args]);
}

// Calls and holds the answer against the description. body: an object, or text sent as it is.
export async function call(
	base,
	name,
	body,
	headers = {},
	method = body === undefined ? "GET" : "POST",
) {
	const response = await fetch(`${base}/api/${name}`, {
		method,
		headers: { "Content-Type": "application/json", ...headers },
		body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
	});
	const answer = await response.json();
	assertDescribed(name, method, response.status, answer);
	return { status: response.status, answer, headers: response.headers };
}

export const payload = (inputs) => ({ public: [...inputs], secrets: null });

// Until it is true, with a bound: nothing here waits for a fixed time.
export async function eventually(what, isTrue, boundMs = 20_000) {
	const giveUp = Date.now() + boundMs;
	while (!(await isTrue())) {
		assert.ok(Date.now() < giveUp, `not in ${boundMs} ms: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
