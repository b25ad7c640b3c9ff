// A client of the feed that keeps a book of its own from the book log, through every reconnection and roll-back.
import { Feed } from "../e2e/gateway/client.mjs";
import { sleep, until } from "../../deploy/local/processes.mjs";

const AGAIN_MS = 50;
const UNDO_BLOCKS = 300;

// The book log folded: open requests, quotes, generators. Written from docs/messages.md.
class Book {
	constructor() {
		this.requests = new Map();
		this.quotes = new Map();
		this.generators = new Map();
		this.changes = []; // of this block: [map, key, what was there]
		this.blocks = []; // {number, changes}
		this.seq = 0; // newest entry
		this.closed = 0; // newest that ends a block
	}

	set(map, key, value) {
		this.changes.push([map, key, map.get(key)]);
		value === undefined ? map.delete(key) : map.set(key, value);
	}

	totals(e) {
		const quote = `${e.generator} ${e.market_id}`;
		const { used_compute, locked, stake } = e;
		if (this.quotes.has(quote)) this.set(this.quotes, quote, { ...this.quotes.get(quote), tasks: e.tasks });
		const before = this.generators.get(e.generator);
		this.set(this.generators, e.generator, { ...before, used_compute, locked, stake: stake ?? before.stake });
	}

	undo(changes) {
		for (const [map, key, was] of changes.reverse()) was === undefined ? map.delete(key) : map.set(key, was);
	}

	fold(seq, e) {
		this.seq = seq;
		switch (e.type) {
			case "request_opened":
				return this.set(this.requests, e.request_id, e);
			case "request_closed":
				return this.set(this.requests, e.request_id, undefined);
			case "task_started":
				this.set(this.requests, e.request_id, undefined);
				return this.totals(e);
			case "task_ended":
				return this.totals(e);
			case "quote_set":
				return this.set(this.quotes, `${e.generator} ${e.market_id}`, e);
			case "quote_removed":
				return this.set(this.quotes, `${e.generator} ${e.market_id}`, undefined);
			case "generator_set":
				return this.set(this.generators, e.generator, e);
			case "generator_removed":
				return this.set(this.generators, e.generator, undefined);
			case "block_closed":
				this.blocks.push({ number: BigInt(e.block.number), changes: this.changes });
				this.changes = [];
				if (this.blocks.length > UNDO_BLOCKS) this.blocks.shift();
				this.closed = seq;
				return undefined;
			case "book_rolled_back":
				this.undo(this.changes);
				this.changes = [];
				while (this.blocks.length && this.blocks.at(-1).number > BigInt(e.to.number)) this.undo(this.blocks.pop().changes);
				this.closed = seq;
				return undefined;
		}
		return undefined;
	}

	// What /v1/markets/ID/book has to show.
	of(marketId) {
		const at = ({ market_id }) => market_id === String(marketId);
		const quotes = [...this.quotes.values()].filter(at);
		const requests = [...this.requests.values()].filter(at);
		return {
			quotes: quotes.map((q) => [q.generator, q.price, q.response_time, q.compute, q.tasks, q.draining].join()).sort(),
			requests: requests.map((r) => [r.request_id, r.max_price, r.max_response_time, r.expiry, r.requester].join()).sort(),
		};
	}
}

class BookFeed extends Feed {
	constructor(url, book) {
		super(url);
		this.book = book;
	}

	// Entries are folded, not kept. Whoever hears them hears them checked: in order, none missing, of their schema.
	hear(message) {
		super.hear(message);
		for (const { seq, entry } of this.entries.splice(0)) this.book.fold(seq, entry);
	}
}

export class BookClient {
	constructor(scene) {
		Object.assign(this, { scene, book: new Book(), reconnected: 0, begun: 0, wrong: undefined });
	}

	// Connect, and again whenever the connection ends, until end().
	async connect() {
		const feed = (this.feed = new BookFeed(this.scene.gateway, this.book));
		const opened = feed.open();
		const closed = feed.closed.catch(() => {}); // also if it never opened
		closed.then(async () => {
			this.wrong ??= feed.wrong;
			if (this.ended) return;
			await sleep(AGAIN_MS);
			this.reconnected++;
			await this.connect();
		});
		try {
			await opened;
			const { epoch } = await fetch(`${this.scene.gateway}/v1/chain`).then((r) => r.json());
			// Another life of the logs has other numbers: begin anew.
			if (this.epoch !== undefined && epoch !== this.epoch) {
				feed.book = this.book = new Book();
				this.begun++;
			}
			this.epoch = epoch;
			await feed.subscribe({ logs: ["book"], from: { book: this.book.seq }, epoch });
		} catch {
			feed.socket.terminate();
		}
	}

	// Drop the connection: it comes back.
	cut() {
		this.feed.socket.terminate();
	}

	// Wait until it has what the gateway's newest heartbeat names.
	inStep() {
		return until("the feed's client to have everything", async () => {
			if (this.wrong) throw Object.assign(this.wrong, { fatal: true });
			const { logs } = await fetch(`${this.scene.gateway}/v1/chain`).then((r) => r.json());
			return this.book.seq === logs.book.newest;
		}, { timeoutMs: 15_000 });
	}

	end() {
		this.ended = true;
		this.feed?.socket?.terminate();
	}
}
