// What the page knows of the market: the API's answers first, then every entry of the logs.
//
// Pure: no network, no document, no clock. Amounts are BigInt, times milliseconds, ids strings.

const FINISHED_MAX = 40;
const BLOCKS_MAX = 72;
const LATENCIES_MAX = 100;

const time = (text) => (text ? Date.parse(text) : null);
const last = (list) => list[list.length - 1];

// Readers act on marks: what comes before one waits for it.
const MARKS = {
	chain: new Set(["block_mark", "rollback"]),
	book: new Set(["block_closed", "book_rolled_back"]),
	match: new Set(["round_closed", "round_rolled_back"]),
};

export class Model {
	constructor() {
		this.markets = new Map();
		this.generators = new Map();
		this.quotes = new Map(); // by generator and market
		this.requests = new Map(); // open and assigned
		this.finished = []; // newest first
		this.counts = { fulfilled: 0, invalid: 0, slashed: 0, cancelled: 0, rejected: 0 };
		this.latencies = []; // blocks from a request to its task, newest last
		this.blocks = []; // {number, events, tasks, proofs, rolledBack}
		this.block = { tasks: 0, proofs: 0 }; // of the one that is being read
		this.matched = []; // {id, generator, market, at}: new since somebody looked
		this.tip = null;
		this.rollbacks = 0;
		this.held = { chain: [], book: [], match: [] };
		this.countedSeq = 0; // the counts have what the book log said up to it
		this.stale = false; // a roll-back: load again
	}

	// ---- from the API

	loadChain(answer) {
		this.chain = answer;
		this.chainSeq = answer.logs.chain.seq; // what comes up to it is the past
		this.epoch = answer.epoch;
		this.rollbacks = answer.rollbacks.count;
		if (answer.tip) this.setTip(answer.tip);
	}

	loadMarket(m) {
		this.markets.set(m.market_id, {
			id: m.market_id,
			name: nameOf(m),
			about: typeof m.metadata?.about === "string" ? m.metadata.about : "",
			penalty: BigInt(m.penalty),
			confidential: m.confidential,
			closed: m.closed,
			suspended: m.suspended,
		});
		for (const state of Object.keys(this.counts)) this.counts[state] += m.requests[state];
	}

	loadGenerator(g) {
		if (g.registered) this.setGenerator(g);
		const kept = this.generators.get(g.generator);
		if (kept) kept.record = { fulfilled: g.record.fulfilled, slashed: g.record.slashed, invalid: g.record.invalid };
		for (const q of g.quotes) this.setQuote(q);
	}

	loadRequest(r) {
		const request = {
			...newRequest(r),
			createdBlock: Number(r.created.block),
			createdTime: time(r.created.time),
			matchBlock: r.match ? Number(r.match.block.number) : null,
		};
		if (r.task)
			Object.assign(request, {
				state: "assigned",
				generator: r.task.generator,
				price: BigInt(r.task.price),
				deadline: time(r.task.deadline),
				assignedBlock: Number(r.task.assigned.block),
				assignedTime: time(r.task.assigned.time),
			});
		if (r.ended) {
			Object.assign(request, {
				state: r.state,
				paid: BigInt(r.ended.paid),
				refund: BigInt(r.ended.refund),
				endedBlock: Number(r.ended.block),
				endedTime: time(r.ended.time),
			});
			this.finished.push(request);
			this.finished.sort((a, b) => b.endedBlock - a.endedBlock || Number(b.id) - Number(a.id));
			this.finished.length = Math.min(this.finished.length, FINISHED_MAX);
		} else if (this.finished.some((f) => f.id === request.id)) {
			return; // this answer is older
		} else {
			this.requests.set(request.id, request);
		}
		if (request.assignedBlock) this.noteLatency(request);
	}

	// ---- from the feed

	// True if something changed that is to be seen.
	take(log, seq, entry) {
		const held = this.held[log];
		if (!held) return false;
		held.push({ ...entry, seq });
		if (!MARKS[log].has(entry.type)) return false;
		this.held[log] = [];
		for (const e of held) this[`on_${e.type}`]?.(e);
		return true;
	}

	on_block_mark({ block, events, seq }) {
		if (seq > this.chainSeq) this.setTip(block);
		const seen = this.blocks.find((b) => b.number === Number(block.number));
		if (!seen) this.blocks.push({ number: Number(block.number), events, ...this.block });
		this.block = { tasks: 0, proofs: 0 };
		if (this.blocks.length > BLOCKS_MAX) this.blocks.shift();
	}

	on_task_created() {
		this.block.tasks++;
	}

	on_proof_submitted() {
		this.block.proofs++;
	}

	on_rollback({ to, from, seq }) {
		this.blocks = this.blocks.filter((b) => b.number <= Number(to.number));
		if (this.blocks.length) last(this.blocks).rolledBack = Number(from.number) - Number(to.number);
		if (seq <= this.chainSeq) return;
		this.rollbacks++;
		this.rollback = { to: Number(to.number), from: Number(from.number) };
		this.setTip(to);
	}

	on_market_set(m) {
		const market = this.markets.get(m.market_id) ?? { id: m.market_id, name: `market ${m.market_id}`, about: "" };
		Object.assign(market, { penalty: BigInt(m.penalty), confidential: m.confidential, closed: m.closed });
		this.markets.set(m.market_id, market);
	}

	on_market_created(m) {
		const market = this.markets.get(m.market_id);
		if (market) this.strangers = true; // its name is in the API
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
		this.quotes.delete(quoteKey(generator, market_id));
	}

	on_request_opened(r) {
		this.requests.set(r.request_id, {
			...newRequest(r),
			createdBlock: Number(r.arrived.block),
			createdTime: time(r.time),
		});
	}

	on_request_closed(e) {
		this.finish(e, e.outcome, {});
	}

	on_task_started(t) {
		const r = this.requests.get(t.request_id);
		this.setTotals(t);
		if (!r) return;
		Object.assign(r, {
			state: "assigned",
			generator: t.generator,
			price: BigInt(t.price),
			deadline: time(t.deadline),
			assignedBlock: Number(t.at.block),
			assignedTime: time(t.time),
		});
		this.noteLatency(r);
	}

	on_task_ended(t) {
		this.setTotals(t);
		const g = this.generators.get(t.generator);
		if (g && t.seq > this.countedSeq) g.record[t.outcome]++;
		this.finish(t, t.outcome, { paid: BigInt(t.paid), refund: BigInt(t.refund) });
	}

	on_book_rolled_back() {
		this.stale = true;
	}

	on_match_made(m) {
		const r = this.requests.get(m.request_id);
		if (r) r.matchBlock = Number(m.block.number);
		this.matched.push({ id: m.request_id, generator: m.generator, market: m.market_id });
	}

	// ---- parts

	setTip(block) {
		this.tip = { number: Number(block.number), time: time(block.time) };
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
		this.quotes.set(quoteKey(q.generator, q.market_id), {
			generator: q.generator,
			market: q.market_id,
			price: BigInt(q.price),
			time: q.response_time,
			compute: BigInt(q.compute),
			tasks: q.tasks,
			draining: q.draining,
			hasKey: q.has_key,
		});
	}

	// The totals that come with a task's beginning and end.
	setTotals(t) {
		const g = this.generators.get(t.generator);
		const q = this.quotes.get(quoteKey(t.generator, t.market_id));
		if (q) q.tasks = t.tasks;
		if (!g) return;
		g.used = BigInt(t.used_compute);
		g.locked = BigInt(t.locked);
		if (t.stake !== undefined) g.stake = BigInt(t.stake);
	}

	// What wasn't assigned gets its whole cap back.
	finish(e, outcome, { paid = 0n, refund }) {
		const r = this.requests.get(e.request_id);
		if (!r) return;
		this.requests.delete(e.request_id);
		refund ??= r.maxPrice;
		Object.assign(r, { state: outcome, paid, refund, endedBlock: Number(e.at.block), endedTime: time(e.time) });
		this.finished = [r, ...this.finished].slice(0, FINISHED_MAX);
		if (e.seq > this.countedSeq) this.counts[outcome]++;
	}

	noteLatency(r) {
		this.latencies.push(r.assignedBlock - r.createdBlock);
		if (this.latencies.length > LATENCIES_MAX) this.latencies.shift();
	}

	// ---- questions

	medianLatency() {
		if (!this.latencies.length) return null;
		const sorted = [...this.latencies].sort((a, b) => a - b);
		return sorted[sorted.length >> 1];
	}

	quotesOf(market) {
		return [...this.quotes.values()]
			.filter((q) => q.market === market)
			.sort((a, b) => compare(a.price, b.price) || a.time - b.time || (a.generator < b.generator ? -1 : 1));
	}

	requestsOf(market, state) {
		return [...this.requests.values()].filter((r) => r.market === market && (!state || r.state === state));
	}

	count(state) {
		let n = 0;
		for (const r of this.requests.values()) if (r.state === state) n++;
		return n;
	}

	// As the gateway's `available`: matches that aren't on the chain yet don't count.
	isAvailable(q) {
		return this.whyNot(q) === null;
	}

	// Why a quote isn't available, in a word or two; null if it is.
	whyNot(q) {
		const g = this.generators.get(q.generator);
		const m = this.markets.get(q.market);
		if (!g || !m) return "unknown";
		if (m.closed) return "market closed";
		if (q.draining) return "leaving";
		if (m.confidential && !q.hasKey) return "no key";
		if (g.stake - g.unstaking - g.locked < m.penalty) return "short of stake";
		return g.used + q.compute > g.compute ? "busy" : null;
	}
}

export const quoteKey = (generator, market) => `${generator} ${market}`;

function compare(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

// Strangers choose it: keep it short.
function nameOf(m) {
	const name = m.metadata?.name;
	return typeof name === "string" && name.trim() ? name.trim().slice(0, 40) : `market ${m.market_id}`;
}

function newRequest(r) {
	return {
		id: r.request_id,
		market: r.market_id,
		requester: r.requester,
		maxPrice: BigInt(r.max_price),
		maxTime: r.max_response_time,
		expiry: time(r.expiry),
		preference: r.preference,
		state: "open",
	};
}

// ---- how things are written

export function amount(units, decimals, digits = 2) {
	const text = units.toString().padStart(decimals + 1, "0");
	const whole = text.slice(0, text.length - decimals);
	const part = text.slice(text.length - decimals).slice(0, digits);
	const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
	if (units > 0n && BigInt(whole) === 0n && !/[1-9]/.test(part)) return `<0.${"0".repeat(digits - 1)}1`;
	return part ? `${grouped}.${part.padEnd(digits, "0")}` : grouped;
}

export const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;

export function seconds(s) {
	const n = Math.max(0, Math.round(s));
	if (n < 100) return `${n} s`;
	if (n < 6000) return `${Math.round(n / 60)} min`;
	return n < 172800 ? `${Math.round(n / 3600)} h` : `${Math.round(n / 86400)} d`;
}
