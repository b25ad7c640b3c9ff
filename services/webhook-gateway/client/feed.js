// Follows a Kalypso market in a browser or in Node: keeps the rows of each channel, resumes by itself after a lost
// connection, and checks that nothing is missing. docs/feed.md is the guide.
//
//	const feed = new Feed("wss://gateway.example/v1/feed");
//	const book = feed.subscribe({ name: "book", market: "1" });
//	book.addEventListener("block", () => console.log(book.seq, book.sorted("quotes")[0]));
//
// Node before 22 has no WebSocket: new Feed(url, { WebSocket }) with that of the package ws.

const KEPT = 256; // rows of channels that only grow
const GROWING = ["blocks", "slashes"];
const WAITS_MS = [100, 250, 500, 1000, 2000, 5000];
const SILENCE_MS = 5000; // heartbeats come every second
const FATAL = [4000, 4002]; // it would be the same again

// ---- the canonical text of a book, and its checksum

// Decimal numbers as text, without zeros in front.
const byNumber = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const byQuote = (a, b) =>
	byNumber(a.price, b.price) ||
	a.response_time - b.response_time ||
	byText(a.generator.toLowerCase(), b.generator.toLowerCase());

const CRC = new Uint32Array(256).map((_, i) => {
	for (let bit = 0; bit < 8; bit++) i = i & 1 ? (i >>> 1) ^ 0x82f63b78 : i >>> 1;
	return i;
});

// CRC-32C (RFC 3720, B.4) of ASCII text, eight hex digits.
export function crc32c(text) {
	let crc = 0xffffffff;
	for (let i = 0; i < text.length; i++) crc = CRC[(crc ^ text.charCodeAt(i)) & 255] ^ (crc >>> 8);
	return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

export function bookText(quotes, requests) {
	const lines = [...quotes].sort(byQuote).map((q) => ["q", q.generator, q.price, q.response_time, q.compute, q.tasks, q.draining, q.has_key]);
	for (const r of [...requests].sort((a, b) => byNumber(a.request_id, b.request_id)))
		lines.push(["r", r.request_id, r.requester, r.max_price, r.max_response_time, r.expiry]);
	return lines.map((line) => `${line.join(" ")}\n`).join("");
}

// ---- a subscription

const keyOf = (row) => Object.values(row)[0];

// Events: "snapshot", "change", "rollback", "lagging" with the message as detail, and "block" when the rows fit together:
// they are as of the end of a block.
export class Subscription extends EventTarget {
	constructor(feed, channel) {
		super();
		Object.assign(this, { feed, channel, rows: {}, sub: undefined });
		this.forget();
	}

	// There is no state until the next snapshot.
	forget() {
		this.ready = false; // rows are there
		this.whole = false; // and are those of the end of a block
		this.prev = undefined; // the number that the next message continues
		this.seq = undefined; // everything up to it is in the rows
	}

	// Rows of a table in the order of the book: quotes cheapest first, what has a number by it.
	sorted(table) {
		const rows = [...this.rows[table].values()];
		return table === "quotes" ? rows.sort(byQuote) : rows.sort((a, b) => byNumber(keyOf(a), keyOf(b)));
	}

	checksum() {
		return crc32c(bookText(this.rows.quotes.values(), this.rows.requests.values()));
	}

	emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	take(message) {
		this[`take_${message.op}`]?.(message);
	}

	take_snapshot(message) {
		this.rows = {};
		for (const [table, rows] of Object.entries(message.rows)) this.rows[table] = new Map(rows.map((row) => [keyOf(row), row]));
		this.prev = this.seq = message.seq;
		this.ready = this.whole = true;
		if (message.checksum !== undefined) this.take_checksum(message);
		this.emit("snapshot", message);
		this.emit("block", message);
	}

	// Whether it continues what is there.
	follows({ prev, seq }) {
		if (prev !== this.prev || !this.ready) throw new Error(`a gap: change ${seq} follows ${prev}, not ${this.prev}`);
		this.prev = this.seq = seq;
	}

	take_change(message) {
		this.follows(message);
		for (const [table, rows] of Object.entries(message.set ?? {})) for (const row of rows) this.table(table).set(keyOf(row), row);
		for (const [table, parts] of Object.entries(message.patch ?? {}))
			for (const part of parts) {
				const row = this.table(table).get(keyOf(part));
				if (row) this.table(table).set(keyOf(part), { ...row, ...part });
			}
		for (const [table, keys] of Object.entries(message.gone ?? {})) for (const key of keys) this.table(table).delete(key);
		this.whole = message.last;
		this.emit("change", message);
		if (this.whole) this.emit("block", message);
	}

	table(name) {
		const table = (this.rows[name] ??= new Map());
		if (GROWING.includes(name) && table.size > KEPT) table.delete(table.keys().next().value);
		return table;
	}

	// If it undid something a snapshot follows.
	take_rollback(message) {
		this.follows(message);
		this.ready = this.whole = message.undone?.length === 0;
		this.emit("rollback", message);
	}

	take_lagging(message) {
		this.ready = this.whole = false;
		this.emit("lagging", message);
	}

	take_checksum({ seq, checksum }) {
		const own = this.checksum();
		if (own !== checksum) throw new Error(`the book at ${seq} has checksum ${own}, not ${checksum}`);
		this.feed.checked++;
	}

	// Everything up to the log's number @seq has come.
	beat(seq) {
		if (this.ready && seq > this.seq) this.seq = seq;
	}
}

// ---- the connection

// Events: "state" with connecting, live, lost or closed, "heartbeat" and "error" (what was wrong; it begins anew by itself
// unless the state is closed).
export class Feed extends EventTarget {
	constructor(url, { WebSocket = globalThis.WebSocket } = {}) {
		super();
		Object.assign(this, { url, WebSocket, subs: new Set(), byNumber: new Map(), tries: 0, connections: 0, checked: 0 });
	}

	emit(type, detail) {
		if (type === "state") this.state = detail;
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	// A channel as the guide has it: { name: "requests", requester: "0x…" }.
	subscribe(channel) {
		const sub = new Subscription(this, channel);
		this.subs.add(sub);
		if (!this.state) this.connect();
		else this.ask({ op: "subscribe", of: [sub] });
		return sub;
	}

	unsubscribe(sub) {
		if (this.subs.delete(sub)) this.ask({ op: "unsubscribe", of: [sub] });
	}

	close() {
		this.ended = true;
		clearTimeout(this.timer);
		clearTimeout(this.silence);
		this.socket?.close();
		this.emit("state", "closed");
	}

	connect() {
		const socket = new this.WebSocket(this.url, "kalypso.v1.json");
		this.emit("state", "connecting");
		this.socket = socket;
		this.byNumber.clear();
		this.asked = [];
		this.asking = undefined;
		socket.onopen = () => {
			this.connections++;
			if (this.subs.size) this.ask({ op: "subscribe", of: [...this.subs] });
			this.listen();
		};
		socket.onmessage = ({ data }) => socket === this.socket && this.hear(data);
		socket.onerror = () => {}; // its end follows
		socket.onclose = ({ code, reason }) => socket === this.socket && this.lose(code, reason);
		this.listen();
	}

	// A connection that says nothing is dead, whatever TCP believes.
	listen() {
		clearTimeout(this.silence);
		this.silence = setTimeout(() => this.lose(0, "silence"), SILENCE_MS);
	}

	lose(code, reason) {
		const socket = this.socket;
		clearTimeout(this.silence);
		this.socket = undefined;
		if (this.ended) return;
		socket?.close();
		if (FATAL.includes(code)) return this.close();
		this.emit("state", "lost");
		const most = WAITS_MS[Math.min(this.tries++, WAITS_MS.length - 1)];
		this.timer = setTimeout(() => this.connect(), most * (0.5 + Math.random() / 2));
		this.reason = reason;
	}

	// ---- what we say: one thing at a time

	ask(command) {
		if (this.socket?.readyState !== 1) return; // all is asked for when there is a connection
		this.asked.push(command);
		if (!this.asking) this.say();
	}

	say() {
		this.asking = this.asked.shift();
		if (!this.asking) return;
		const { op, of } = this.asking;
		if (op === "subscribe") {
			const channels = of.map((sub) => (sub.ready ? { ...sub.channel, from: sub.seq } : sub.channel));
			this.socket.send(JSON.stringify({ op, epoch: this.epoch, channels }));
		} else {
			const subs = of.map(({ sub }) => sub).filter((n) => this.byNumber.has(n));
			if (subs.length) this.socket.send(JSON.stringify({ op, subs }));
			else this.say();
		}
	}

	// ---- what we are told

	hear(data) {
		this.listen();
		try {
			this.take(JSON.parse(data));
		} catch (error) {
			// What we have is not to be trusted: begin anew, with snapshots.
			for (const sub of this.subs) sub.forget();
			this.emit("error", error);
			this.lose(0, error.message);
		}
	}

	take(message) {
		if (message.sub !== undefined) return this.byNumber.get(message.sub)?.take(message);
		if (message.op === "subscribed") this.begin(message);
		else if (message.op === "unsubscribed") {
			for (const number of message.subs) this.byNumber.delete(number);
			this.say();
		} else if (message.op === "heartbeat") {
			for (const sub of this.byNumber.values()) sub.beat(message.logs[sub.log]);
			this.emit("heartbeat", message);
		} else this.emit("error", new Error(message.text));
	}

	begin({ epoch, subs }) {
		this.epoch = epoch;
		this.tries = 0;
		this.asking.of.forEach((sub, i) => {
			sub.sub = subs[i].sub;
			sub.log = subs[i].log;
			this.byNumber.set(sub.sub, sub);
			if (subs[i].resumed) sub.prev = sub.seq;
			else sub.forget();
		});
		this.emit("state", "live");
		this.say();
	}
}
