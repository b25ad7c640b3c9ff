#!/usr/bin/env node
// A prover that misbehaves on demand, for tests only: passes calls on to a real one or breaks them.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fromJson } from "./codec.mjs";
import { OptionError, choice, number, readOptions, text } from "./options.mjs";

const PROGRAM = {
	name: "faulty-prover",
	usage: "node faulty-prover.mjs --upstream=URL [OPTION...]",
	summary:
		"Stands before a prover and misbehaves as told. For tests only. Prints its URL.\n\n" +
		'POST /fault {"mode": MODE, "times": N, "delay_ms": N, "call": NAME} changes how, for the\n' +
		"next N calls (without times for good), of that call only if one is named.\n" +
		"GET /fault tells the setting, how many calls came and were broken, and how many are held.",
};

const garble = (text) => text.slice(0, text.length / 2);

function withProof(change) {
	return async ({ response, upstream }) => {
		const { status, body } = await upstream();
		const answer = JSON.parse(body);
		if (answer.proof) {
			answer.proof = change(fromJson(answer.proof, "proof"));
		}
		send(response, status, JSON.stringify(answer));
	};
}

function flipBit(proof) {
	proof[proof.length - 1] ^= 1;
	return [...proof];
}

function invalidInputs(reason) {
	return JSON.stringify({ error: "invalid_inputs", reason });
}

const MODES = {
	none: async ({ response, upstream }) => {
		const { status, body } = await upstream();
		send(response, status, body);
	},
	slow: async ({ response, upstream, delay }) => {
		await sleep(delay);
		await MODES.none({ response, upstream });
	},
	hang: async () => {},
	// Until the mode is another; then all at once.
	hold: async ({ response, upstream, fault }) => {
		const { status, body } = await upstream();
		fault.held++;
		while (fault.mode === "hold") {
			await sleep(10);
		}
		fault.held--;
		send(response, status, body);
	},
	error500: async ({ response }) =>
		send(response, 500, JSON.stringify({ error: "prover_failed", reason: "told to" })),
	error503: async ({ response }) =>
		send(response, 503, JSON.stringify({ error: "busy", reason: "told to" }), {
			"Retry-After": "1",
		}),
	html: async ({ response }) =>
		send(response, 502, "<html><h1>502 Bad Gateway</h1></html>", {
			"Content-Type": "text/html",
		}),
	empty: async ({ response }) => send(response, 200, ""),
	garbage: async ({ response }) => send(response, 200, "\u0000{proof: yes"),
	half: async ({ response, upstream }) => {
		const { body } = await upstream();
		response.writeHead(200, {
			"Content-Type": "application/json",
			"Content-Length": body.length,
		});
		response.write(garble(body));
		setTimeout(() => response.destroy(), 50);
	},
	reset: async ({ request }) => request.socket.resetAndDestroy(),
	endless: async ({ response }) => {
		response.writeHead(200, { "Content-Type": "application/json" });
		response.write('{"proof":[0');
		const more = Buffer.alloc(65536, ",0");
		while (!response.destroyed) {
			response.write(more) ||
				(await new Promise((resolve) => {
					response.once("drain", resolve).once("close", resolve);
				}));
		}
	},
	shape: async ({ response }) =>
		send(response, 200, JSON.stringify({ proof: [1, 2, "three", 4000] })),
	wrong_proof: withProof(flipBit),
	short_proof: withProof((proof) => [...proof.subarray(1)]),
	other_bytes: withProof((proof) => "0x" + proof.toString("hex")),
	false_invalid: async ({ response }) => send(response, 422, invalidInputs("told to say so")),
	other_422: async ({ response }) =>
		send(response, 422, JSON.stringify({ detail: "a framework's own 422" })),
	redirect: async ({ response }) => send(response, 302, "", { Location: "http://127.0.0.1:9/" }),
};

const ROWS = [
	text("upstream", null, "URL", "the real prover; /api/... is added"),
	text("host", "127.0.0.1", "ADDRESS", "where to listen"),
	number("port", 0, "PORT", "where to listen; 0 takes a free port"),
	choice("mode", Object.keys(MODES), "how to misbehave"),
	number("delay_ms", 5000, "MS", "how slow slow is"),
];

function send(response, status, body, headers = {}) {
	response.writeHead(status, { "Content-Type": "application/json", ...headers });
	response.end(body);
}

async function collect(request) {
	const chunks = [];
	for await (const chunk of request) {
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

async function passOn(upstream, request, body, signal) {
	const { host, connection, "content-length": length, ...headers } = request.headers;
	const answer = await fetch(upstream + request.url, {
		method: request.method,
		headers,
		body: request.method === "GET" ? undefined : body,
		signal,
	});
	return { status: answer.status, body: await answer.text() };
}

function changeFault(fault, text) {
	const {
		mode = "none",
		times = Infinity,
		delay_ms = fault.delay,
		call = null,
	} = JSON.parse(text);
	if (!Object.hasOwn(MODES, mode)) {
		throw new Error(`no mode '${mode}'; there are ${Object.keys(MODES).join(", ")}`);
	}
	Object.assign(fault, { mode, times, delay: delay_ms, call });
}

// The mode for this call; counts it.
function nextMode(fault, url) {
	fault.calls++;
	const meant = fault.mode !== "none" && (!fault.call || url.endsWith(`/api/${fault.call}`));
	if (!meant || fault.times <= 0) {
		return "none";
	}
	fault.times--;
	fault.broken++;
	return fault.mode;
}

async function serve(options, fault, request, response) {
	const body = await collect(request);
	if (request.url === "/fault") {
		if (request.method === "POST") {
			changeFault(fault, body);
		}
		send(response, 200, JSON.stringify(fault));
		return;
	}
	// What nobody waits for any more is not worth proving.
	const gone = new AbortController();
	response.once("close", () => gone.abort());
	const upstream = () => passOn(options.upstream, request, body, gone.signal);
	await MODES[nextMode(fault, request.url)]({ request, response, upstream, delay: fault.delay, fault });
}

function main() {
	const options = readOptions(PROGRAM, ROWS);
	const fault = {
		mode: options.mode,
		times: Infinity,
		delay: options.delay_ms,
		call: null,
		calls: 0,
		broken: 0,
		held: 0,
	};
	const server = createServer((request, response) => {
		serve(options, fault, request, response).catch((error) => {
			if (!response.headersSent) {
				send(
					response,
					502,
					JSON.stringify({ error: "prover_failed", reason: error.message }),
				);
			}
		});
	});
	server.listen(options.port, options.host, () => {
		process.stdout.write(`http://${options.host}:${server.address().port}\n`);
	});
	process.on("SIGTERM", () => process.exit(0));
}

try {
	main();
} catch (error) {
	process.stderr.write(`faulty-prover: ${error.message}; see --help\n`);
	process.exit(error instanceof OptionError ? 2 : 1);
}
