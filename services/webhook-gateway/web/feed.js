// Keeps a model in step with the gateway: loads it from the API, follows the feed, resumes after a lost connection.

import { Model } from "./model.js";

const LOGS = ["chain", "book", "match"];
const PAGES_MAX = 20; // of a thousand
const PAST = 150; // entries of the chain log to begin with: the newest blocks
const WAIT_MS = [500, 1000, 2000, 5000, 10000];

async function ask(path) {
	const answer = await fetch(path, { headers: { accept: "application/json" } });
	if (!answer.ok) {
		const problem = await answer.json().catch(() => ({}));
		throw new Error(problem.detail ?? `${path}: ${answer.status}`);
	}
	return answer.json();
}

async function askAll(path, key) {
	const all = [];
	let seq = null;
	let after = "";
	for (let i = 0; i < PAGES_MAX; i++) {
		const page = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=1000${after}`);
		seq ??= page.as_of?.seq ?? 0;
		all.push(...page[key]);
		if (!page.next) break;
		after = `&after=${page.next}`;
	}
	return { all, seq };
}

export class Feed {
	// onChange(model) after every change; onState(state, text) when the connection changes.
	constructor({ onChange, onState }) {
		Object.assign(this, { onChange, onState, tries: 0, model: null });
	}

	async start() {
		try {
			this.onState(this.model ? "loading" : "first", "");
			await this.load();
			this.connect();
		} catch (error) {
			this.again(error.message);
		}
	}

	// A fresh model, and the numbers that it is good for.
	async load() {
		const model = new Model();
		const [chain, markets, generators, open, assigned, closed] = await Promise.all([
			ask("/v1/chain"),
			askAll("/v1/markets", "markets"),
			askAll("/v1/generators", "generators"),
			askAll("/v1/requests?state=open", "requests"),
			askAll("/v1/requests?state=assigned", "requests"),
			ask("/v1/requests?state=closed&limit=40"),
		]);
		model.loadChain(chain);
		for (const m of markets.all) model.loadMarket(m);
		for (const g of generators.all) model.loadGenerator(g);
		for (const r of [...closed.requests].reverse()) model.loadRequest(r);
		for (const r of [...open.all, ...assigned.all]) model.loadRequest(r);
		// Deltas are applied again from the oldest answer on: they say what is, so twice does no harm.
		model.countedSeq = Math.max(markets.seq, generators.seq);
		const book = Math.min(...[markets, generators, open, assigned].map((a) => a.seq), closed.as_of?.seq ?? 0);
		this.from = { book, chain: Math.max(0, chain.logs.chain.seq - PAST), match: chain.logs.match.seq };
		this.model = model;
		this.onChange(model);
	}

	connect() {
		const url = new URL("/v1/feed", location.href);
		url.protocol = url.protocol.replace("http", "ws");
		const socket = new WebSocket(url);
		this.socket = socket;
		socket.onopen = () =>
			socket.send(JSON.stringify({ op: "subscribe", epoch: this.model.epoch, logs: LOGS, from: this.from }));
		socket.onmessage = ({ data }) => socket === this.socket && this.hear(JSON.parse(data));
		socket.onclose = ({ code }) => {
			if (socket !== this.socket) return;
			this.socket = null;
			// 4008: too slow, 4009: the logs began anew, 4010: they were trimmed. What we have is no good any more.
			if (code >= 4008 && code <= 4010) this.model = null;
			this.again("");
		};
	}

	hear(message) {
		this.heard = Date.now();
		if (message.op === "subscribed") {
			this.tries = 0;
			this.onState("live", "");
		} else if (message.log) {
			this.from[message.log] = message.seq;
			if (this.model.take(message.log, message.seq, message.entry)) this.onChange(this.model);
			if (this.model.stale) this.reload();
		}
	}

	// The book was rolled back: what it is now is quicker asked than undone.
	reload() {
		const socket = this.socket;
		this.socket = null;
		socket?.close();
		this.start();
	}

	again(text) {
		const ms = WAIT_MS[Math.min(this.tries++, WAIT_MS.length - 1)];
		this.onState("lost", text, ms);
		setTimeout(() => (this.model ? this.connect() : this.start()), ms);
	}

	// Heartbeats come every second: silence means that the connection is dead.
	watch() {
		if (this.socket?.readyState === WebSocket.OPEN && Date.now() - this.heard > 5000) this.socket.close();
	}
}
