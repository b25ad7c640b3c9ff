#!/usr/bin/env node
// A node's JSON-RPC, http and websocket, with faults: stands before a real node and is told over HTTP what to do wrong.
//
//	const proxy = await RpcProxy.start({ target: "http://127.0.0.1:8545", seed: 7, log: "proxy.log" });
//	proxy.rpc, proxy.ws           what services are given instead of the node
//	await proxy.set("limited", { retryAfter: 2, share: 0.5 });
//	await proxy.clear(); (await proxy.stats()).faults.limited
//	await proxy.stop();
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keccak256 } from "viem";
import WebSocket, { WebSocketServer } from "ws";
import { Process } from "../../deploy/local/processes.mjs";

const HELP = `usage: rpc-proxy.mjs --target=URL [--port=N] [--control-port=N] [--seed=N] [--port-file=FILE]

Stands between services and an Ethereum node: JSON-RPC over http and websocket on --port (0, the default: any free one).
Prints one line of JSON, {"rpc", "ws", "control", "seed"}, and writes it to --port-file.

At the control port:
  POST /faults   {"name", …}  begin to do this; the same name again replaces it
  DELETE /faults              do nothing wrong any more
  GET /stats                  {"seed", "requests": {method: n}, "faults": {name: n}, "active": […]}

Every fault takes "share" (how often, 0 to 1, by the seeded random numbers), "count" (so many times, then never again)
and "methods" (only requests that ask for one of these).
`;

const rpcFaults = {
	limited: "429 with Retry-After: {retryAfter: 1} seconds",
	error: "an HTTP error: {status: 500}",
	reset: "the connection is closed without an answer",
	hang: "no answer at all, and no heads",
	slow: "an answer, {ms: 500} later",
	half: "half of the answer's JSON, as if it were all",
	cut: "half of the answer's bytes, then the end of the connection",
	html: "a page of HTML, with status 200",
	huge: "the answer with {bytes: 300 MB} of padding",
	nested: "arrays in arrays, {depth: 100000} deep",
	"wrong-id": "the answer to another question",
	partial: "some answers of a batch",
	reorder: "the answers of a batch in another order",
	refuse: "an error in JSON-RPC: {code: -32005, message: 'query returned more than 10000 results'}",
	"refuse-range": "that, for an eth_getLogs of more than {blocks: 1}",
	"null-block": "null for every block",
	stale: "no block after the newest one there is now, nor heads",
	"silent-heads": "no heads over the websocket",
	"missing-logs": "eth_getLogs without logs, or without this share of them: {part: 1}",
	forge: "blocks with hashes of its own, from {from: now} on, with logs that fit",
	"wrong-chain": "another chain id: {chainId: 5}",
	"lose-tx": "transactions are taken, and go nowhere",
	"double-tx": "transactions are sent twice; the answer is the second one's",
};

// Seeded random numbers: mulberry32.
function random(seed) {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

const numberOf = (quantity) => Number.parseInt(quantity, 16);
const quantity = (n) => `0x${n.toString(16)}`;
const readBody = async (request) => {
	const parts = [];
	for await (const part of request) parts.push(part);
	return Buffer.concat(parts).toString();
};

class Faults {
	constructor(seed) {
		this.seed = seed;
		this.random = random(seed);
		this.active = new Map();
		this.done = {};
	}

	set({ name, ...options }) {
		if (!(name in rpcFaults)) throw new Error(`no such fault: ${name}; there are ${Object.keys(rpcFaults).join(", ")}`);
		this.active.set(name, { share: 1, count: Number.POSITIVE_INFINITY, ...options });
	}

	// The options of a fault if it happens now, for a request with these methods; it is counted.
	due(name, methods = []) {
		const fault = this.active.get(name);
		if (!fault || fault.count <= 0) return undefined;
		if (fault.methods && !methods.some((m) => fault.methods.includes(m))) return undefined;
		if (fault.share < 1 && this.random() >= fault.share) return undefined;
		fault.count--;
		this.done[name] = (this.done[name] ?? 0) + 1;
		return fault;
	}

	// Those that are a state, not an event.
	on(name) {
		return this.active.get(name);
	}
}

class Node {
	constructor(target, seed) {
		this.target = target;
		this.faults = new Faults(seed);
		this.requests = {};
		this.sockets = new Set();
		this.hung = new Set();
	}

	async ask(body) {
		const headers = { "content-type": "application/json" };
		const response = await fetch(this.target, { method: "POST", headers, body: JSON.stringify(body) });
		return response.json();
	}

	async head() {
		return numberOf((await this.ask({ jsonrpc: "2.0", id: 1, method: "eth_blockNumber", params: [] })).result);
	}

	async begin(fault) {
		const now = { ...fault };
		if (fault.name === "stale") now.head = (await this.head()) - (fault.behind ?? 0);
		if (fault.name === "forge") now.from ??= (await this.head()) + 1;
		this.faults.set(now);
		if (fault.name === "reset" || fault.name === "hang") for (const socket of this.sockets) socket.terminate();
	}

	clear() {
		this.faults.active.clear();
		for (const response of this.hung) response.destroy();
		this.hung.clear();
	}

	// ---- one request of JSON-RPC

	// What the node is asked instead: a frozen head is asked for by its number.
	question({ ...request }) {
		const stale = this.faults.on("stale");
		if (!stale) return request;
		if (request.method === "eth_getBlockByNumber" && request.params[0] === "latest")
			request.params = [quantity(stale.head), request.params[1]];
		return request;
	}

	async answer(request) {
		const { method, id } = request;
		this.requests[method] = (this.requests[method] ?? 0) + 1;
		const refuse = this.faults.due("refuse", [method]) ?? this.refusedRange(request);
		if (refuse) {
			const { code = -32005, message = "query returned more than 10000 results" } = refuse;
			return { jsonrpc: "2.0", id, error: { code, message } };
		}
		if (method === "eth_sendRawTransaction") return this.transaction(request);
		if (this.faults.on("forge")) this.unforge(request);
		const answer = await this.ask(this.question(request));
		if ("result" in answer) answer.result = this.bend(method, request.params, answer.result);
		return answer;
	}

	refusedRange({ method, params }) {
		const fault = this.faults.on("refuse-range");
		if (!fault || method !== "eth_getLogs" || !params[0].fromBlock) return undefined;
		const { blocks = 1 } = fault;
		const asked = numberOf(params[0].toBlock) - numberOf(params[0].fromBlock) + 1;
		return asked > blocks ? this.faults.due("refuse-range") : undefined;
	}

	async transaction(request) {
		const hash = keccak256(request.params[0]);
		if (this.faults.due("lose-tx", [request.method])) return { jsonrpc: "2.0", id: request.id, result: hash };
		if (this.faults.due("double-tx", [request.method])) await this.ask(request);
		return this.ask(request);
	}

	// What the node said, changed.
	bend(method, params, result) {
		const stale = this.faults.on("stale");
		const isBlock = method.startsWith("eth_getBlockBy");
		if (method === "eth_chainId") {
			const wrong = this.faults.due("wrong-chain", [method]);
			if (wrong) return quantity(wrong.chainId ?? 5);
		}
		if (isBlock && this.faults.due("null-block", [method])) return null;
		if (stale && method === "eth_blockNumber") return quantity(stale.head);
		if (stale && isBlock && result && numberOf(result.number) > stale.head) return null;
		if (stale && method === "eth_getLogs") result = result.filter((l) => numberOf(l.blockNumber) <= stale.head);
		if (method === "eth_getLogs" && result.length) {
			const missing = this.faults.due("missing-logs", [method]);
			if (missing) result = result.filter(() => this.faults.random() >= (missing.part ?? 1));
		}
		if (this.faults.on("forge")) {
			if (isBlock && result) return this.forge(result);
			if (method === "eth_getLogs") return result.map((l) => this.forgeLog(l));
		}
		return result;
	}

	// A hash that is this proxy's own, and can be undone.
	flip(hash) {
		const mask = (this.faults.seed * 2654435761) >>> 0;
		const first = (Number.parseInt(hash.slice(2, 10), 16) ^ mask) >>> 0;
		return `0x${first.toString(16).padStart(8, "0")}${hash.slice(10)}`;
	}

	forge(block) {
		const { from } = this.faults.on("forge");
		const number = numberOf(block.number);
		if (number < from) return block;
		this.faults.done.forge = (this.faults.done.forge ?? 0) + 1;
		return { ...block, hash: this.flip(block.hash), parentHash: number > from ? this.flip(block.parentHash) : block.parentHash };
	}

	forgeLog(log) {
		if (numberOf(log.blockNumber) < this.faults.on("forge").from) return log;
		return { ...log, blockHash: this.flip(log.blockHash) };
	}

	// Its own hashes in a question mean the node's.
	unforge(request) {
		const filter = request.params?.[0];
		if (request.method === "eth_getLogs" && filter.blockHash) filter.blockHash = this.flip(filter.blockHash);
	}

	// ---- http

	async respond(request, response) {
		const asked = JSON.parse(await readBody(request));
		const all = [asked].flat();
		const due = (name) => this.faults.due(name, all.map(({ method }) => method));
		if (due("reset")) return response.destroy();
		if (due("hang")) return this.hung.add(response);
		const limited = due("limited");
		if (limited) return response.writeHead(429, { "retry-after": String(limited.retryAfter ?? 1) }).end("slow down");
		const error = due("error");
		if (error) return response.writeHead(error.status ?? 500).end("out of order");
		if (due("html")) return response.writeHead(200, { "content-type": "text/html" }).end("<html><body>hello</body></html>");
		const nested = due("nested");
		if (nested) return this.nest(response, nested.depth ?? 100_000);
		const slow = due("slow");
		if (slow) await new Promise((resolve) => setTimeout(resolve, slow.ms ?? 500));
		let answers = await Promise.all(all.map((one) => this.answer(one)));
		if (due("wrong-id")) for (const a of answers) a.id = 1_000_000 + a.id;
		if (all.length > 1 && due("reorder")) answers = this.shuffle(answers);
		if (all.length > 1 && due("partial")) answers = answers.filter(() => this.faults.random() < 0.5);
		return this.send(response, JSON.stringify(Array.isArray(asked) ? answers : answers[0]), due);
	}

	nest(response, depth) {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(`{"jsonrpc":"2.0","id":1,"result":${"[".repeat(depth)}${"]".repeat(depth)}}`);
	}

	shuffle(list) {
		const out = [...list];
		for (let i = out.length - 1; i > 0; i--) {
			const k = Math.floor(this.faults.random() * (i + 1));
			[out[i], out[k]] = [out[k], out[i]];
		}
		return out;
	}

	async send(response, text, due) {
		const type = { "content-type": "application/json" };
		if (due("half")) return response.writeHead(200, type).end(text.slice(0, text.length / 2));
		if (due("cut")) {
			response.writeHead(200, { ...type, "content-length": text.length });
			response.write(text.slice(0, text.length / 2), () => response.destroy());
			return undefined;
		}
		const huge = due("huge");
		if (huge) return this.pad(response, text, huge.bytes ?? 300_000_000);
		return response.writeHead(200, type).end(text);
	}

	async pad(response, text, bytes) {
		const blanks = Buffer.alloc(1 << 20, " ");
		response.writeHead(200, { "content-type": "application/json" });
		for (let sent = 0; sent < bytes && !response.destroyed; sent += blanks.length)
			if (!response.write(blanks)) await Promise.race([once(response, "drain"), once(response, "close")]);
		response.end(text);
	}

	// ---- websocket

	connect(socket) {
		const down = ["reset", "hang"].some((name) => this.faults.on(name));
		if (down) return socket.terminate();
		const node = new WebSocket(this.target.replace(/^http/, "ws"));
		const end = () => {
			this.sockets.delete(socket);
			socket.terminate();
			node.terminate();
		};
		this.sockets.add(socket);
		for (const side of [socket, node]) side.on("close", end).on("error", end);
		const waiting = [];
		socket.on("message", (data) => (node.readyState === WebSocket.OPEN ? node.send(String(data)) : waiting.push(String(data))));
		node.on("open", () => waiting.splice(0).forEach((data) => node.send(data)));
		node.on("message", (data) => this.told(socket, JSON.parse(data)));
		return undefined;
	}

	told(socket, message) {
		if (message.method === "eth_subscription") {
			if (["stale", "hang", "silent-heads"].some((name) => this.faults.on(name))) return;
			if (this.faults.on("forge")) message.params.result = this.forge(message.params.result);
		}
		socket.send(JSON.stringify(message));
	}
}

async function control(node, request, response) {
	const { method, url } = request;
	const reply = (status, body) =>
		response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
	try {
		if (url === "/faults" && method === "POST") await node.begin(JSON.parse(await readBody(request)));
		else if (url === "/faults" && method === "DELETE") node.clear();
		else if (url !== "/stats") return reply(404, { error: "POST or DELETE /faults, GET /stats" });
		const { seed, done, active } = node.faults;
		return reply(200, { seed, requests: node.requests, faults: done, active: [...active.keys()] });
	} catch (error) {
		return reply(400, { error: error.message });
	}
}

const listen = async (server, port) => {
	await once(server.listen(port, "127.0.0.1"), "listening");
	return server.address().port;
};

async function main() {
	const options = Object.fromEntries(
		["target", "port", "control-port", "seed", "port-file"].map((name) => [name, { type: "string" }]),
	);
	const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
	const { help, target, port = 0, seed = 1 } = values;
	if (help || !target) {
		const faults = Object.entries(rpcFaults).map(([name, what]) => `  ${name.padEnd(14)}${what}`);
		process.stdout.write(`${HELP}\n${faults.join("\n")}\n`);
		process.exit(help ? 0 : 2);
	}
	const node = new Node(target, Number(seed));
	const rpc = createServer((request, response) =>
		node.respond(request, response).catch(() => response.destroy()),
	);
	const sockets = new WebSocketServer({ server: rpc });
	sockets.on("connection", (socket) => node.connect(socket));
	const at = await listen(rpc, Number(port));
	const told = await listen(
		createServer((request, response) => control(node, request, response)),
		Number(values["control-port"] ?? 0),
	);
	const where = { rpc: `http://127.0.0.1:${at}`, ws: `ws://127.0.0.1:${at}`, control: `http://127.0.0.1:${told}`, seed: Number(seed) };
	if (values["port-file"]) writeFileSync(values["port-file"], JSON.stringify(where));
	console.log(JSON.stringify(where));
}

// The proxy as a process of its own, and what it is told.
export class RpcProxy {
	static faults = Object.keys(rpcFaults);

	// log: a file for what it prints; its own ports are beside it.
	static async start({ target, seed = 1, log, name = "rpc-proxy" }) {
		const proxy = new RpcProxy();
		const file = `${log}.ports`;
		rmSync(file, { force: true });
		const command = [process.execPath, fileURLToPath(import.meta.url), `--target=${target}`, `--seed=${seed}`, `--port-file=${file}`];
		proxy.process = new Process(name, command, { log }).start();
		await proxy.process.ready(() => existsSync(file) && readFileSync(file, "utf8").length > 0);
		return Object.assign(proxy, JSON.parse(readFileSync(file, "utf8")));
	}

	async tell(method, path, body) {
		const response = await fetch(`${this.control}${path}`, { method, body: body && JSON.stringify(body) });
		const answer = await response.json();
		if (!response.ok) throw new Error(answer.error);
		return answer;
	}

	set(name, options = {}) {
		return this.tell("POST", "/faults", { name, ...options });
	}

	clear() {
		return this.tell("DELETE", "/faults");
	}

	stats() {
		return this.tell("GET", "/stats");
	}

	stop() {
		return this.process.stop();
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
