// A stand-in for a gateway of a market that is busier than a chain on this machine can be: ten thousand open requests, two
// hundred quotes, and every tenth of a second a block with twenty events. It says what a gateway would say, in the forms of
// protocol/http/gateway.openapi.yaml (the test holds it against them), and serves the page's own files.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { WebSocketServer } from "ws";
import { ROOT } from "../../../deploy/local/chain.mjs";

const WEB = join(ROOT, "services/webhook-gateway/web");
// What every answer of a gateway has; the quota of a client who asks for the first time.
const HEADERS = {
	"content-type": "application/json",
	"x-request-id": "stand-in",
	ratelimit: '"client";r=1999;t=1',
	"ratelimit-policy": '"client";q=2000;w=10',
};
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const BLOCK_MS = 100;
const IN_A_BLOCK = { opened: 7, started: 6, ended: 6, closed: 1 }; // twenty events; as many are open after it as before
const RUNNING = 300;
const EPOCH = "1";

const hex = (n, digits) => `0x${n.toString(16).padStart(digits, "0")}`;
const hash = (n) => hex(n, 64);
const address = (n) => hex(n, 40);
const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z/, "Z");
const seconds = (ms) => Math.floor(ms / 1000) * 1000;

// The same numbers in every run (mulberry32).
function dice(seed) {
	return () => {
		seed = (seed + 0x6d2b79f5) | 0;
		let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

export class Standin {
	static async start({ open = 10_000, quotes = 200 } = {}) {
		const standin = new Standin();
		standin.fill(open, quotes);
		await standin.listen();
		return standin;
	}

	// ---- the market

	fill(open, quotes) {
		this.dice = dice(7);
		this.lastId = 0;
		this.number = 1000;
		this.decisions = 0;
		this.events = 0; // of the book log, marks left out: the other logs say as much again
		this.seq = { chain: 0, book: 0, match: 0, task: 0, slash: 0 };
		this.past = { chain: [], book: [], match: [] };
		this.open = new Map();
		this.tasks = new Map();
		this.counts = { fulfilled: 0, cancelled: 0 };
		this.quotes = Array.from({ length: quotes }, (_, i) => ({
			generator: address(0xa0000 + i),
			price: Math.round(this.between(0.8, 4) * 1e6),
			response_time: Math.round(this.between(10, 120)),
			tasks: 0,
		}));
		this.begin();
		for (let i = 0; i < open + RUNNING; i++) this.place();
		for (const r of [...this.open.values()].slice(0, RUNNING)) this.assign(r, this.quoteFor());
	}

	between(a, b) {
		return Math.round((a + this.dice() * (b - a)) * 100) / 100;
	}

	quoteFor() {
		return this.quotes[Math.floor(this.dice() * this.quotes.length)];
	}

	begin() {
		this.now = seconds(Date.now());
		this.number++;
		this.index = 0;
	}

	get block() {
		return { number: String(this.number), hash: hash(this.number), time: iso(this.now) };
	}

	nextPlace() {
		return { block: String(this.number), index: this.index++ };
	}

	event() {
		return { ...this.nextPlace(), time: iso(this.now), tx: hash(this.number * 1000 + this.index) };
	}

	place() {
		const { block, index, time, tx } = this.event();
		const id = String(++this.lastId);
		const r = {
			request_id: id,
			market_id: "1",
			requester: address(0xb0000 + (this.lastId % 50)),
			max_price: String(Math.round(this.between(0.1, 5) * 1e6)),
			max_response_time: Math.round(this.between(5, 150)),
			expiry: iso(this.now + 3_600_000),
			preference: this.lastId % 2 ? "cheapest" : "fastest",
			spread: "0",
			inputs_hash: hash(this.lastId),
			inputs_size: 96,
			created: { block, index, time, tx },
			task: null,
		};
		this.open.set(id, r);
		return r;
	}

	assign(r, q) {
		this.open.delete(r.request_id);
		q.tasks++;
		r.task = { generator: q.generator, price: String(q.price), deadline: iso(this.now + 1000 * q.response_time), overdue: false, assigned: this.event() };
		this.tasks.set(r.request_id, r);
	}

	// ---- a block

	makeBlock() {
		this.begin();
		const chain = [];
		const book = [];
		const match = [];
		for (const r of this.matched ?? []) if (this.open.has(r.request_id)) this.start(r, chain, book);
		for (let i = 0; i < IN_A_BLOCK.opened; i++) this.openOne(chain, book);
		for (const r of [...this.tasks.values()].slice(0, IN_A_BLOCK.ended)) this.endOne(r, chain, book);
		const waiting = [...this.open.values()];
		for (let i = 0; i < IN_A_BLOCK.closed; i++) this.closeOne(waiting[Math.floor(this.dice() * 5000)], chain, book);
		this.matched = Array.from({ length: IN_A_BLOCK.started }, (_, i) => waiting[waiting.length - 1 - i - Math.floor(this.dice() * 4000)]).filter((r, i, all) => all.indexOf(r) === i);
		for (const r of this.matched) this.matchOne(r, match);
		this.events += book.length;
		chain.push({ type: "block_mark", block: this.block, parent: hash(this.number - 1), base_fee: "7", gas_limit: "30000000", events: chain.length });
		book.push({ type: "block_closed", block: this.block, entries: book.length });
		match.push({ type: "round_closed", block: this.block, matches: match.length, decisions: String(this.decisions), root: hash(this.decisions) });
		this.say("chain", chain);
		this.say("book", book);
		this.say("match", match);
	}

	openOne(chain, book) {
		const r = this.place();
		const { request_id, market_id, requester, max_price, max_response_time, expiry, preference, spread, inputs_hash, inputs_size, created } = r;
		const { tx, time, ...place } = created;
		const shared = { request_id, market_id, requester, max_price, max_response_time, expiry, preference, spread, time, tx };
		chain.push({ type: "request_created", at: place, ...shared, payer: requester, fee: "0", refund_to: requester, inputs: `0x${"00".repeat(inputs_size)}`, private_inputs: "0x", private_inputs_size: 0, acl: "0x", acl_size: 0 });
		book.push({ type: "request_opened", ...shared, arrived: place, inputs_hash, inputs_size });
	}

	start(r, chain, book) {
		const q = r.match;
		this.assign(r, q);
		const { assigned, price, deadline } = r.task;
		const { tx, time, ...at } = assigned;
		const shared = { request_id: r.request_id, market_id: "1", generator: q.generator, price, compute: "1", deadline, at, time, tx };
		chain.push({ type: "task_created", ...shared, pool: 0, acl: "0x" });
		book.push({ type: "task_started", ...shared, ...this.totals(q) });
	}

	endOne(r, chain, book) {
		this.tasks.delete(r.request_id);
		const q = this.quotes.find(({ generator }) => generator === r.task.generator);
		q.tasks--;
		this.counts.fulfilled++;
		const { tx, time, ...at } = this.event();
		const shared = { request_id: r.request_id, generator: q.generator, paid: r.task.price, refund: "0", at, time, tx };
		chain.push({ type: "proof_submitted", ...shared, proof: `0x${"00".repeat(256)}` });
		book.push({ type: "task_ended", ...shared, market_id: "1", outcome: "fulfilled", ...this.totals(q), stake: "100000000" });
	}

	closeOne(r, chain, book) {
		this.open.delete(r.request_id);
		this.counts.cancelled++;
		const { tx, time, ...at } = this.event();
		chain.push({ type: "request_cancelled", request_id: r.request_id, at, time, tx, refund: r.max_price });
		book.push({ type: "request_closed", request_id: r.request_id, market_id: "1", outcome: "cancelled", at, time, tx });
	}

	matchOne(r, match) {
		r.match = this.quoteFor();
		match.push({
			type: "match_made",
			request_id: r.request_id,
			market_id: "1",
			generator: r.match.generator,
			decision: String(++this.decisions),
			block: this.block,
			price: String(r.match.price),
			response_time: r.match.response_time,
			valid_until: iso(this.now + 30_000),
			rule: 1,
			root: hash(this.decisions),
		});
	}

	totals(q) {
		return { used_compute: String(q.tasks), locked: "0", tasks: q.tasks };
	}

	// ---- what it answers

	get asOf() {
		return { block: String(this.number), hash: hash(this.number), time: iso(this.now), seq: this.seq.book };
	}

	market() {
		const requests = { open: this.open.size, assigned: this.tasks.size, invalid: 0, slashed: 0, rejected: 0, ...this.counts };
		return {
			...{ market_id: "1", owner: address(1), verifier: address(2), penalty: "5000000", protocol: "order_book", auction_window: 0, confidential: false },
			...{ closed: false, suspended: false, active_from: iso(0), max_input_bytes: 4096, fee: "0", created: null, metadata: { name: "busy" }, quotes: this.quotes.length, requests },
		};
	}

	generator({ generator, price, response_time, tasks }) {
		const quote = { generator, market_id: "1", price: String(price), response_time, compute: "1", tasks, draining: false, has_key: false, available: true };
		return {
			...{ generator, registered: true, suspended: false, reward_address: generator, compute: "1000", used_compute: String(tasks), stake: "100000000", locked: "0", unstaking: "0" },
			...{ registered_block: "1", record: { running: tasks, overdue: 0, fulfilled: 0, invalid: 0, slashed: 0, earned: "0", mean_response_time: null }, quotes: [quote] },
		};
	}

	stats() {
		const of = (p10, p25, p50, p75, p90, write = Number) => ({ count: 256, ...Object.fromEntries(Object.entries({ p10, p25, p50, p75, p90 }).map(([p, v]) => [p, write(v)])) });
		return {
			market_id: "1",
			sample: { requests: 256, fulfilled: 220, invalid: 0, slashed: 0, cancelled: 36, rejected: 0, from: iso(this.now - 10_000), to: iso(this.now) },
			fill_rate: 0.859,
			price: of(9e5, 14e5, 24e5, 33e5, 38e5, String),
			...{ response_time: of(3, 5, 8, 12, 20), total_time: of(4, 6, 9, 13, 22), assignment_time: of(1, 1, 1, 2, 2), match_time: of(0, 0, 0, 1, 1), match_blocks: of(0, 0, 0, 1, 1) },
		};
	}

	requests({ state, after, limit }) {
		const of = { open: this.open, assigned: this.tasks }[state] ?? new Map();
		const all = [...of.values()].filter((r) => !after || Number(r.request_id) < Number(after)).sort((a, b) => Number(b.request_id) - Number(a.request_id));
		const page = all.slice(0, Number(limit ?? 100));
		const shown = page.map(({ match, ...r }) => ({ ...r, state, expired: false, suspended: false, match: null, ended: null }));
		return { as_of: this.asOf, requests: shown, next: page.length < all.length ? page.at(-1).request_id : null };
	}

	chain() {
		const log = (name) => ({ newest: this.seq[name], seq: this.seq[name], block: ["task", "slash"].includes(name) ? null : this.block });
		return {
			...{ as_of: this.asOf, chain_id: "31337", epoch: EPOCH, genesis: hash(0), start_block: "0", tip: this.block, base_fee: "7", unreadable_events: 0, rule: null },
			contracts: { marketplace: address(3), registry: address(4), keys: address(5) },
			tokens: { payment: { decimals: 6, symbol: "KUSD" }, stake: { decimals: 6, symbol: "KSTAKE" } },
			logs: Object.fromEntries(Object.keys(this.seq).map((name) => [name, log(name)])),
			...{ lag: { book: 0, match: 0 }, rollbacks: { count: 0, last: null } },
		};
	}

	eventsOf({ log, from, limit }) {
		const events = this.past[log].slice(Number(from) - 1).slice(0, Number(limit)).map((text) => JSON.parse(text));
		return { as_of: this.asOf, log, epoch: EPOCH, events, next: Number(from) + events.length };
	}

	answer(url) {
		const query = Object.fromEntries(url.searchParams);
		switch (url.pathname) {
			case "/v1/chain":
				return this.chain();
			case "/v1/markets":
				return { as_of: this.asOf, markets: [this.market()], next: null };
			case "/v1/generators":
				return { as_of: this.asOf, generators: this.quotes.map((q) => this.generator(q)), next: null };
			case "/v1/requests":
				return this.requests(query);
			case "/v1/stats":
				return { as_of: this.asOf, markets: [this.stats()], next: null };
			case "/v1/events":
				return this.eventsOf(query);
			case "/v1/status":
				return { as_of: this.asOf, tip: this.block, services: [], absent: [], quarantine: {} };
		}
	}

	// ---- the server

	async listen() {
		this.server = createServer((request, response) => this.serve(request, response));
		this.sockets = new WebSocketServer({ server: this.server, path: "/v1/feed" });
		this.sockets.on("connection", (socket) => socket.on("message", (data) => this.subscribe(socket, JSON.parse(data))));
		await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
		this.url = `http://127.0.0.1:${this.server.address().port}`;
		const began = Date.now();
		let made = 0;
		this.blocks = setInterval(() => {
			for (; made * BLOCK_MS < Date.now() - began; made++) this.makeBlock(); // late ones, too
		}, BLOCK_MS / 4);
		this.beats = setInterval(() => this.beat(), 1000);
	}

	serve(request, response) {
		const url = new URL(request.url, this.url);
		const document = this.answer(url);
		if (document) {
			const cache = ["/v1/status", "/v1/events"].includes(url.pathname) ? "no-store" : "no-cache";
			response.writeHead(200, { ...HEADERS, "cache-control": cache, etag: `W/"1.${this.seq.book}"` });
			return response.end(JSON.stringify(document));
		}
		try {
			const file = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
			const content = readFileSync(join(WEB, file));
			response.writeHead(200, { "content-type": TYPES[extname(file)] });
			response.end(content);
		} catch {
			response.writeHead(404).end();
		}
	}

	newest() {
		const { chain, book, match } = this.seq;
		return { chain, book, match };
	}

	subscribe(socket, { logs, from = {} }) {
		const next = Object.fromEntries(logs.map((log) => [log, { next: Math.min(from[log] ?? Infinity, this.seq[log]) + 1 }]));
		socket.send(JSON.stringify({ op: "subscribed", epoch: EPOCH, logs: next }));
		for (const log of logs) for (const text of this.past[log].slice(next[log].next - 1)) socket.send(text);
		socket.logs = new Set(logs);
	}

	// Numbers begin with 1, so an entry's place in the past is one less.
	say(log, entries) {
		for (const entry of entries) {
			const text = JSON.stringify({ log, seq: ++this.seq[log], entry });
			this.past[log].push(text);
			for (const socket of this.sockets.clients) if (socket.logs?.has(log)) socket.send(text);
		}
	}

	beat() {
		const text = JSON.stringify({ op: "heartbeat", logs: this.newest() });
		for (const socket of this.sockets.clients) if (socket.logs) socket.send(text);
	}

	stop() {
		clearInterval(this.blocks);
		clearInterval(this.beats);
		for (const socket of this.sockets.clients) socket.terminate();
		this.server.closeAllConnections();
		this.server.close();
	}
}
