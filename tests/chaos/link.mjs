// A wire between two parties that can be cut, in one direction or both, made slow, or pulled: bytes are passed on as they
// come, through an optional filter.
import { createConnection, createServer } from "node:net";

export const UP = "up"; // from whoever connected to whom he wanted
export const DOWN = "down";

export class Link {
	// at: what to listen on, {path} or {port}; to: where the other side is, {path} or {port}.
	// filter: (way, write, close) => ({take(chunk), end()}), one for each connection and way.
	static async start({ at, to, filter }) {
		const link = new Link();
		Object.assign(link, { to, filter, pairs: new Set(), held: new Set(), refusing: false, delayMs: 0 });
		link.server = createServer({ allowHalfOpen: false }, (socket) => link.accept(socket));
		await new Promise((resolve, reject) => {
			link.server.once("error", reject);
			link.server.listen(at, resolve);
		});
		link.port = link.server.address().port;
		return link;
	}

	accept(near) {
		if (this.refusing) return near.destroy();
		const far = createConnection(this.to);
		const pair = { near, far };
		this.pairs.add(pair);
		const end = () => {
			near.destroy();
			far.destroy();
			this.pairs.delete(pair);
		};
		for (const socket of [near, far]) {
			socket.setNoDelay?.(true);
			socket.on("error", end);
			socket.on("close", end);
		}
		this.pump(UP, near, far, end);
		this.pump(DOWN, far, near, end);
		this.apply();
	}

	pump(way, from, to, end) {
		const write = (bytes) => {
			if (to.destroyed || !bytes.length) return;
			if (to.write(bytes)) return;
			from.pause();
			to.once("drain", () => this.held.has(way) || from.resume());
		};
		const filter = this.filter?.(way, write, end);
		const pass = (chunk) => (filter ? filter.take(chunk) : write(chunk));
		// A delay keeps the order: timers of equal length fire as they were set.
		from.on("data", (chunk) => (this.delayMs ? setTimeout(pass, this.delayMs, chunk) : pass(chunk)));
	}

	apply() {
		for (const { near, far } of this.pairs) {
			this.held.has(UP) ? near.pause() : near.resume();
			this.held.has(DOWN) ? far.pause() : far.resume();
		}
	}

	// Nothing gets through, and nobody is told: what is sent meanwhile arrives after heal().
	cut(...ways) {
		for (const way of ways.length ? ways : [UP, DOWN]) this.held.add(way);
		this.apply();
	}

	// Every connection ends, and new ones are refused until heal().
	pull() {
		this.refusing = true;
		this.drop();
	}

	// Every connection ends.
	drop() {
		for (const { near, far } of this.pairs) {
			near.destroy();
			far.destroy();
		}
	}

	heal() {
		this.held.clear();
		this.refusing = false;
		this.delayMs = 0;
		this.apply();
	}

	stop() {
		this.drop();
		this.server.close();
	}
}
