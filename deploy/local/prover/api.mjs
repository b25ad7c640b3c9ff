// The prover API over HTTP: paths, bodies and answers; proving itself is the pool's.
import { createServer } from "node:http";
import { BadBytes, fromJson, toHex } from "./codec.mjs";
import { log } from "./log.mjs";
import { Refusal } from "./refusal.mjs";

const CLIENT_SENDS_WITHIN_MS = 30_000;
// Longer than listeners pause between two tasks, so that their connections stay.
const KEEP_ALIVE_MS = 65_000;
const REQUEST_ID = /^(?:0x[0-9a-f]{1,64}|[0-9]{1,78})$/i;

function parseBody(text) {
	let body;
	try {
		body = JSON.parse(text);
	} catch {
		throw new Refusal("bad_request", "the body isn't JSON");
	}
	if (body === null || typeof body !== "object" || Array.isArray(body)) {
		throw new Refusal("bad_request", "the body must be an object");
	}
	return body;
}

function readBytes(value, name) {
	try {
		return fromJson(value, name);
	} catch (error) {
		throw error instanceof BadBytes ? new Refusal("bad_request", error.message) : error;
	}
}

function refuseSecrets(name) {
	throw new Refusal("bad_request", `${name} must be null: this prover serves a public market`);
}

function readInputs(body) {
	if ((body.secrets ?? null) !== null) {
		refuseSecrets("secrets");
	}
	return { inputs: readBytes(body.public, "public") };
}

function readInputsAndProof(body) {
	if (readBytes(body.private_input ?? [], "private_input").length) {
		refuseSecrets("private_input");
	}
	return {
		inputs: readBytes(body.public_input, "public_input"),
		proof: readBytes(body.proof, "proof"),
	};
}

function answerProof({ proof, unprovable }, { encode }) {
	if (unprovable) {
		throw new Refusal("invalid_inputs", unprovable);
	}
	return { proof: encode(proof) };
}

function notSupported() {
	throw new Refusal(
		"not_supported",
		"this is the prover of a public market: it attests and signs nothing",
	);
}

// method; call: the pool's word for the job; read: body to job; answer: the job's result to a body.
const CALLS = {
	test: { method: "GET", answer: (_, { market, status }) => ({ data: status(market) }) },
	benchmark: {
		method: "GET",
		call: "benchmark",
		answer: ({ ms }, { market }) => ({
			data: `one proof of ${market}`,
			time_in_ms: Math.round(ms),
		}),
	},
	generateProof: { method: "POST", call: "prove", read: readInputs, answer: answerProof },
	checkInput: {
		method: "POST",
		call: "check",
		read: readInputs,
		answer: ({ valid }) => ({ valid }),
	},
	verifyInputsAndProof: {
		method: "POST",
		call: "verify",
		read: readInputsAndProof,
		answer: ({ valid }) => ({ is_input_and_proof_valid: valid }),
	},
	getAttestationForInvalidInputs: { method: "POST", answer: notSupported },
	signInputsAndProof: { method: "POST", answer: notSupported },
};

function declaredLength(request) {
	return Number(request.headers["content-length"] ?? 0);
}

function collectBody(request, limit) {
	return new Promise((resolve, reject) => {
		const chunks = [];
		let size = 0;
		request.on("data", (chunk) => {
			size += chunk.length;
			if (size <= limit) {
				chunks.push(chunk);
				return;
			}
			// The rest is read and dropped, so that the client gets to read the answer.
			chunks.length = 0;
			reject(new Refusal("body_too_large", `a body may have ${limit} bytes`));
		});
		request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
		request.on("error", reject);
	});
}

// Seconds until X-Kalypso-Deadline, as a function because the call may wait.
function readDeadline(request, slack) {
	const text = request.headers["x-kalypso-deadline"];
	if (text === undefined) {
		return () => Infinity;
	}
	if (!/^[0-9]{1,15}$/.test(text)) {
		throw new Refusal("bad_request", "X-Kalypso-Deadline must be in unix seconds");
	}
	return () => Number(text) + slack - Date.now() / 1000;
}

function readRequestId(request) {
	const id = request.headers["x-kalypso-request-id"];
	return id === undefined || REQUEST_ID.test(id) ? id : "malformed";
}

// The trace id of W3C Trace Context; what isn't one is nobody's business.
function readTrace(request) {
	return /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(request.headers.traceparent ?? "")?.[1];
}

export class Api {
	constructor({ pool, markets, maxBody, deadlineSlack, bytes }) {
		Object.assign(this, { pool, markets, maxBody, deadlineSlack });
		this.encode = bytes === "hex" ? toHex : (data) => [...data];
		this.proofsMade = Object.fromEntries(markets.map((market) => [market, 0]));
		const options = {
			headersTimeout: CLIENT_SENDS_WITHIN_MS,
			requestTimeout: CLIENT_SENDS_WITHIN_MS,
			keepAliveTimeout: KEEP_ALIVE_MS,
		};
		this.server = createServer(options, (request, response) => this.serve(request, response));
		this.server.on("checkContinue", (request, response) => {
			if (declaredLength(request) <= maxBody) {
				response.writeContinue();
			}
			this.serve(request, response);
		});
	}

	// /api/CALL where one market is served, /MARKET/api/CALL always.
	route(request) {
		const path = request.url.split("?")[0];
		const [, named, name] = /^(?:\/([a-z0-9-]+))?\/api\/([A-Za-z]+)$/.exec(path) ?? [];
		const market = named ?? (this.markets.length === 1 ? this.markets[0] : undefined);
		if (!Object.hasOwn(CALLS, name ?? "")) {
			throw new Refusal(
				"unknown_path",
				`no such call; there are ${Object.keys(CALLS).join(", ")}, each after /api/`,
			);
		}
		if (!this.markets.includes(market)) {
			throw new Refusal(
				"unknown_path",
				`no such market here: put one of ${this.markets.join(", ")} before /api`,
			);
		}
		const { method } = CALLS[name];
		if (request.method !== method) {
			throw new Refusal("method_not_allowed", `${name} takes ${method}`, { Allow: method });
		}
		return { market, name };
	}

	status(market) {
		return (
			`prover-gateway of ${market}: ready, ${this.proofsMade[market]} proofs made, ` +
			`${this.pool.megabytes()} MB`
		);
	}

	async runJob({ call, read }, market, request, response) {
		const secondsLeft = readDeadline(request, this.deadlineSlack);
		if (declaredLength(request) > this.maxBody) {
			throw new Refusal("body_too_large", `a body may have ${this.maxBody} bytes`);
		}
		const body = read ? read(parseBody(await collectBody(request, this.maxBody))) : {};
		if (secondsLeft() <= 0) {
			throw new Refusal("deadline_passed", "the deadline has passed");
		}
		const job = { market, call, secondsLeft, ...body };
		response.on("close", () => this.pool.forget(job));
		return this.pool.run(job);
	}

	async answer(request, response, noted) {
		const { market, name } = this.route(request);
		Object.assign(noted, { market, call: name });
		const entry = CALLS[name];
		const result = entry.call ? await this.runJob(entry, market, request, response) : null;
		const { encode } = this;
		const body = entry.answer(result, { market, encode, status: (of) => this.status(of) });
		if (name === "generateProof") {
			this.proofsMade[market]++;
		}
		return body;
	}

	async serve(request, response) {
		const start = performance.now();
		const noted = {
			request: readRequestId(request),
			trace: readTrace(request),
			deadline: request.headers["x-kalypso-deadline"]?.slice(0, 20),
		};
		try {
			send(response, 200, await this.answer(request, response, noted));
			noted.status = 200;
		} catch (error) {
			const refusal =
				error instanceof Refusal ? error : new Refusal("prover_failed", error.message);
			send(response, refusal.status, refusal.body, refusal.headers);
			Object.assign(noted, { status: refusal.status, ...refusal.body });
		}
		request.resume();
		const level = noted.status >= 500 ? "warn" : noted.call === "test" ? "debug" : "info";
		log[level]("prover.answered", { ...noted, ms: Math.round(performance.now() - start) });
	}
}

function send(response, status, body, headers = {}) {
	if (response.destroyed) {
		return;
	}
	const text = JSON.stringify(body);
	response.writeHead(status, {
		"Content-Type": "application/json",
		"Content-Length": Buffer.byteLength(text),
		...headers,
	});
	response.end(text);
}
