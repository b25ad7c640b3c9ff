// Keeps a model in step with the gateway: loads it from the API, follows the feed, resumes after a lost connection.

import { ask, askAll } from "./ask.js";
import { Model } from "./model.js";

const LOGS = ["book", "match"];
const PAST = 100; // entries of the book log before what was loaded: the newest blocks
const CLOSED = 40; // requests that ended, to begin with; charts ask for more
const WAIT_MS = [500, 1000, 2000, 5000, 10000];
const SILENCE_MS = 5000; // heartbeats come every second

export class Feed {
	// onChange(model) after every change; onState(state, text, ms) when the connection changes: first, loading, live,
	// lost (and when it is tried again).
	constructor({ onChange, onState }) {
		Object.assign(this, { onChange, onState, tries: 0, model: null, past: PAST });
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
		const take = (r) => model.loadRequest(r);
		const [chain, markets, generators] = await Promise.all([
			ask("/v1/chain"),
			askAll("/v1/markets", "markets", (m) => model.loadMarket(m)),
			askAll("/v1/generators", "generators", (g) => model.loadGenerator(g)),
		]);
		model.loadChain(chain);
		model.countedSeq = { markets, generators };
		if (!this.model) this.onChange(model, true); // something to look at while the requests come
		const requests = await Promise.all([
			askAll(`/v1/requests?state=closed`, "requests", take, 1, CLOSED),
			askAll("/v1/requests?state=open", "requests", take),
			askAll("/v1/requests?state=assigned", "requests", take),
		]);
		model.loaded();
		// Entries are applied again from the oldest answer on: they say what is, so twice does no harm.
		model.loadedSeq = Math.min(markets, generators, ...requests);
		this.from = { book: Math.max(0, model.loadedSeq - this.past), match: chain.logs.match.seq };
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
			if (code === 4010) this.past = 0;
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
		this.timer = setTimeout(() => this.now(), ms);
	}

	// Try again without waiting any longer.
	now() {
		clearTimeout(this.timer);
		if (this.model) this.connect();
		else this.start();
	}

	// Silence means that the connection is dead.
	watch() {
		if (this.socket?.readyState === WebSocket.OPEN && Date.now() - this.heard > SILENCE_MS) this.socket.close();
	}
}
