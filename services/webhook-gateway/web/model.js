// What the page knows of the market: the API's answers first, then every entry of the logs.
//
// Pure: no network, no document, no clock. Amounts are BigInt (and a number beside it, to draw and to compare), times
// milliseconds, ids strings.

import { time } from "./format.js";

const FINISHED_MAX = 200; // of a market
const TAPE_MAX = 200; // of a market
const BLOCKS_MAX = 100;
const SAMPLES_MAX = 600; // of a market

const last = (list) => list[list.length - 1];
const STATES = ["open", "assigned", "fulfilled", "invalid", "slashed", "cancelled", "rejected"];

// Readers act on marks: what comes before one waits for it.
const MARKS = {
	book: new Set(["block_closed", "book_rolled_back"]),
	match: new Set(["round_closed", "round_rolled_back"]),
};

// A market and all that stands in it.
class Market {
	constructor(id) {
		Object.assign(this, { id, name: `market ${id}`, about: "", penalty: 0n, closed: false, confidential: false });
		this.quotes = new Map(); // by generator
		this.open = new Map(); // by id, oldest first
		this.tasks = new Map(); // by id
		this.finished = []; // newest first
		this.tape = []; // what happened, newest first
		this.said = new Set(); // keys of the tape
		this.samples = new Map(); // by id: {time, price, wait, blocks} of each task
		this.counts = Object.fromEntries(STATES.map((s) => [s, 0])); // of the states that requests end in
		this.matched = []; // {request, generator}: new since somebody looked
	}

	// How many requests ended, and how many of these had a task.
	get ended() {
		const { fulfilled, invalid, slashed, cancelled, rejected } = this.counts;
		const served = fulfilled + invalid + slashed;
		return { served, all: served + cancelled + rejected };
	}

	say(kind, r, more) {
		const key = `${kind} ${r.id}`;
		if (this.said.has(key)) return; // told twice after loading
		this.said.add(key);
		this.tape.unshift({ key, kind, id: r.id, ...more });
		if (this.tape.length > TAPE_MAX) this.said.delete(this.tape.pop().key);
	}

	// The middle and the slowest of the newest tasks: seconds and blocks that requests waited for them.
	waits() {
		const all = [...this.samples.values()].slice(-100);
		if (!all.length) return null;
		const by = (key, part) => all.map((s) => s[key]).sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * part))];
		return { seconds: by("wait", 0.5), seconds95: by("wait", 0.95), blocks: by("blocks", 0.5), price: by("price", 0.5) };
	}
}

export class Model {
	constructor() {
		this.markets = new Map();
		this.generators = new Map();
		this.requests = new Map(); // open and assigned, of all markets
		this.blocks = []; // {number, time, events, tasks, proofs, rolledBack}, oldest first
		this.loadedSeq = 0; // of the book log: all answers have what it says up to it
		this.tip = null;
		this.held = { book: [], match: [] };
		this.countedSeq = { markets: 0, generators: 0 }; // their counts have what the book log said up to these
		this.stale = false; // a roll-back: load again
	}

	// ---- from the API

	loadChain(answer) {
		this.chain = answer;
		this.epoch = answer.epoch;
		if (answer.tip) this.setTip(answer.tip);
	}

	loadMarket(m) {
		const market = this.market(m.market_id);
		Object.assign(market, {
			name: nameOf(m),
			about: typeof m.metadata?.about === "string" ? m.metadata.about.slice(0, 200) : "",
			penalty: BigInt(m.penalty),
			confidential: m.confidential,
			closed: m.closed,
			suspended: m.suspended,
			counts: { ...m.requests },
		});
	}

	loadGenerator(g) {
		if (g.registered) this.setGenerator(g);
		const kept = this.generators.get(g.generator);
		if (kept) kept.record = { fulfilled: g.record.fulfilled, slashed: g.record.slashed, invalid: g.record.invalid };
		for (const q of g.quotes) this.setQuote(q);
	}

	// Requests come in any order.
	loadRequest(r) {
		const market = this.market(r.market_id);
		if (this.requests.has(r.request_id)) return;
		const request = {
			...newRequest(r),
			createdBlock: Number(r.created.block),
			createdTime: time(r.created.time),
			matchBlock: r.match ? Number(r.match.block.number) : null,
		};
		if (r.task) this.setTask(request, { ...r.task, at: r.task.assigned, time: r.task.assigned.time });
		if (r.ended) {
			Object.assign(request, {
				state: r.state,
				paid: BigInt(r.ended.paid),
				refund: BigInt(r.ended.refund),
				endedBlock: Number(r.ended.block),
				endedTime: time(r.ended.time),
			});
			if (!market.finished.some((f) => f.id === request.id)) market.finished.push(request);
		} else if (!market.finished.some((f) => f.id === request.id)) {
			this.requests.set(request.id, request);
			(request.state === "open" ? market.open : market.tasks).set(request.id, request);
		}
		if (request.assignedBlock) this.sample(market, request);
	}

	// After all requests: put in order what came in the order of ids.
	loaded() {
		for (const market of this.markets.values()) {
			market.finished.sort((a, b) => b.endedTime - a.endedTime || Number(b.id) - Number(a.id));
			market.finished.length = Math.min(market.finished.length, FINISHED_MAX);
			market.open = new Map([...market.open].sort(([a], [b]) => Number(a) - Number(b)));
			market.samples = new Map([...market.samples].sort(([, a], [, b]) => a.time - b.time).slice(-SAMPLES_MAX));
			const told = [];
			for (const r of [...market.finished, ...market.tasks.values()]) {
				if (r.assignedTime) told.push([r.assignedTime, r, "task"]);
				if (r.endedTime) told.push([r.endedTime, r, r.state]);
			}
			market.tape = [];
			market.said.clear();
			for (const [at, r, kind] of told.sort(([a], [b]) => a - b).slice(-TAPE_MAX)) market.say(kind, r, tapeOf(r, kind, at));
		}
	}

	// ---- from the feed

	// True if something changed that is to be seen.
	take(log, seq, entry) {
		const held = this.held[log];
		if (!held) return false;
		entry.seq = seq;
		held.push(entry);
		if (!MARKS[log].has(entry.type)) return false;
		this.held[log] = [];
		if (log === "book") this.addBlock(held);
		if (log === "book" && seq <= this.loadedSeq) return true; // the answers had it
		for (const e of held) this[`on_${e.type}`]?.(e);
		return true;
	}

	// What the book log says of a block as a whole; @held are its entries, the mark last.
	addBlock(held) {
		const { type, block, to, entries } = last(held);
		const of = (name) => held.filter((e) => e.type === name).length;
		if (type === "block_closed") {
			this.blocks.push({ number: Number(block.number), time: time(block.time), events: entries, tasks: of("task_started"), proofs: of("task_ended") });
			if (this.blocks.length > BLOCKS_MAX) this.blocks.shift();
		} else {
			this.blocks = this.blocks.filter((b) => b.number <= Number(to.number));
			if (this.blocks.length) last(this.blocks).rolledBack = true;
		}
	}

	on_block_closed({ block }) {
		if (!this.tip || Number(block.number) > this.tip.number) this.setTip(block);
	}

	on_book_rolled_back({ to }) {
		this.rollback = { from: this.tip.number, to: Number(to.number) };
		this.stale = true;
	}

	on_market_set(m) {
		const market = this.market(m.market_id);
		Object.assign(market, { penalty: BigInt(m.penalty), confidential: m.confidential, closed: m.closed });
	}

	on_generator_set(g) {
		this.setGenerator(g);
	}

	on_generator_removed({ generator }) {
		this.generators.delete(generator);
	}

	on_quote_set(q) {
		this.setQuote(q);
	}

	on_quote_removed({ generator, market_id }) {
		this.market(market_id).quotes.delete(generator);
	}

	on_request_opened(r) {
		if (this.requests.has(r.request_id)) return; // loaded already
		const request = { ...newRequest(r), createdBlock: Number(r.arrived.block), createdTime: time(r.time) };
		this.requests.set(request.id, request);
		this.market(request.market).open.set(request.id, request);
	}

	on_request_closed(e) {
		this.finish(e, e.outcome, {});
	}

	on_task_started(t) {
		const r = this.requests.get(t.request_id);
		const market = this.market(t.market_id);
		this.setTotals(t);
		if (!r || r.state !== "open") return;
		this.setTask(r, t);
		market.open.delete(r.id);
		market.tasks.set(r.id, r);
		this.sample(market, r);
		market.say("task", r, tapeOf(r, "task", r.assignedTime));
	}

	on_task_ended(t) {
		this.setTotals(t);
		const g = this.generators.get(t.generator);
		if (g && t.seq > this.countedSeq.generators) g.record[t.outcome]++;
		this.finish(t, t.outcome, { paid: BigInt(t.paid), refund: BigInt(t.refund) });
	}

	on_match_made(m) {
		const r = this.requests.get(m.request_id);
		if (!r) return;
		r.matchBlock = Number(m.block.number);
		this.market(m.market_id).matched.push({ request: r, generator: m.generator });
	}

	// ---- parts

	market(id) {
		let market = this.markets.get(id);
		if (!market) this.markets.set(id, (market = new Market(id)));
		return market;
	}

	setTip(block) {
		this.tip = { number: Number(block.number), hash: block.hash, time: time(block.time) };
	}

	setGenerator(g) {
		const old = this.generators.get(g.generator);
		this.generators.set(g.generator, {
			address: g.generator,
			compute: BigInt(g.compute),
			used: BigInt(g.used_compute),
			stake: BigInt(g.stake),
			locked: BigInt(g.locked),
			unstaking: BigInt(g.unstaking),
			record: old?.record ?? { fulfilled: 0, slashed: 0, invalid: 0 },
		});
	}

	setQuote(q) {
		const price = BigInt(q.price);
		this.market(q.market_id).quotes.set(q.generator, {
			generator: q.generator,
			market: q.market_id,
			price,
			priceN: Number(price),
			time: q.response_time,
			compute: BigInt(q.compute),
			tasks: q.tasks,
			draining: q.draining,
			hasKey: q.has_key,
		});
	}

	setTask(r, t) {
		Object.assign(r, {
			state: "assigned",
			generator: t.generator,
			price: BigInt(t.price),
			deadline: time(t.deadline),
			assignedBlock: Number(t.at.block),
			assignedTime: time(t.time),
		});
	}

	// The totals that come with a task's beginning and end.
	setTotals(t) {
		const g = this.generators.get(t.generator);
		const q = this.market(t.market_id).quotes.get(t.generator);
		if (q) q.tasks = t.tasks;
		if (!g) return;
		g.used = BigInt(t.used_compute);
		g.locked = BigInt(t.locked);
		if (t.stake !== undefined) g.stake = BigInt(t.stake);
	}

	// What wasn't assigned gets its whole cap back.
	finish(e, outcome, { paid = 0n, refund }) {
		const r = this.requests.get(e.request_id);
		const market = this.market(e.market_id);
		if (e.seq > this.countedSeq.markets) market.counts[outcome]++;
		if (!r) return;
		this.requests.delete(r.id);
		market.open.delete(r.id);
		market.tasks.delete(r.id);
		refund ??= r.maxPrice;
		Object.assign(r, { state: outcome, paid, refund, endedBlock: Number(e.at.block), endedTime: time(e.time) });
		if (market.finished.some((f) => f.id === r.id)) return; // loaded already
		market.finished.unshift(r);
		if (market.finished.length > FINISHED_MAX) market.finished.pop();
		market.say(outcome, r, tapeOf(r, outcome, r.endedTime));
	}

	sample(market, r) {
		market.samples.set(r.id, {
			time: r.assignedTime,
			price: Number(r.price),
			wait: (r.assignedTime - r.createdTime) / 1000,
			blocks: r.assignedBlock - r.createdBlock,
		});
		if (market.samples.size > 2 * SAMPLES_MAX) market.samples = new Map([...market.samples].slice(-SAMPLES_MAX));
	}

	// ---- questions

	// A market's quotes, cheapest first, each with why it can't take anything now (null: it can).
	quotesOf(market) {
		const quotes = [...market.quotes.values()];
		for (const q of quotes) q.whyNot = this.whyNot(q, market);
		return quotes.sort((a, b) => a.priceN - b.priceN || a.time - b.time || (a.generator < b.generator ? -1 : 1));
	}

	// As the gateway's `available`: matches that aren't on the chain yet don't count.
	whyNot(q, market) {
		const g = this.generators.get(q.generator);
		if (!g) return "unknown";
		if (market.closed) return "market closed";
		if (q.draining) return "leaving";
		if (market.confidential && !q.hasKey) return "no key";
		if (g.stake - g.unstaking - g.locked < market.penalty) return "short of stake";
		return g.used + q.compute > g.compute ? "busy" : null;
	}
}

const tapeOf = (r, kind, at) => ({
	time: at,
	block: kind === "task" ? r.assignedBlock : r.endedBlock,
	generator: r.generator,
	price: kind === "task" ? r.price : r.paid,
	maxPrice: r.maxPrice,
	took: kind === "task" ? r.assignedTime - r.createdTime : r.assignedTime ? r.endedTime - r.assignedTime : null,
});

// Strangers choose it: keep it short.
function nameOf(m) {
	const name = m.metadata?.name;
	return typeof name === "string" && name.trim() ? name.trim().slice(0, 40) : `market ${m.market_id}`;
}

function newRequest(r) {
	const maxPrice = BigInt(r.max_price);
	return {
		id: r.request_id,
		market: r.market_id,
		requester: r.requester,
		maxPrice,
		maxPriceN: Number(maxPrice),
		maxTime: r.max_response_time,
		expiry: time(r.expiry),
		preference: r.preference,
		state: "open",
	};
}

// How a copy is, in a word: good, late, standby, bad.
export function healthOf(s) {
	if (!s.ready) return s.why.startsWith("standby") ? "standby" : "bad";
	return s.lag > 2 ? "late" : "good";
}
