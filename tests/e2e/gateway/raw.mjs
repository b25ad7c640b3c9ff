// A client that writes bytes, not HTTP: what it sends is what the gateway has to live with.
import { once } from "node:events";
import { connect } from "node:net";

export class Raw {
	constructor(url) {
		this.url = new URL(url);
		this.bytes = Buffer.alloc(0);
		this.ended = false;
	}

	async open() {
		this.socket = connect(Number(this.url.port), this.url.hostname);
		this.socket.on("error", () => {}); // its end is what counts
		this.socket.on("data", (data) => (this.bytes = Buffer.concat([this.bytes, data])));
		this.closed = new Promise((resolve) => this.socket.once("close", resolve)).then(() => (this.ended = true));
		await once(this.socket, "connect");
		return this;
	}

	say(data) {
		if (!this.ended) this.socket.write(data);
		return this;
	}

	get text() {
		return this.bytes.toString("latin1");
	}

	// The answers so far: {status, headers, body}; a body has the length that its headers say.
	get answers() {
		const all = [];
		for (let at = 0; ; ) {
			const end = this.text.indexOf("\r\n\r\n", at);
			if (end < 0) return all;
			const [first, ...lines] = this.text.slice(at, end).split("\r\n");
			const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
			const status = Number(first.split(" ")[1]);
			at = end + 4 + (status === 304 || status === 204 ? 0 : Number(headers["content-length"] ?? 0));
			if (at > this.bytes.length) return all;
			all.push({ status, headers, body: this.bytes.subarray(end + 4, at).toString() });
		}
	}

	end() {
		this.socket.destroy();
		return this.closed;
	}
}
