// A recording proxy between the services and their node: stamps when a block was announced and when a batch was sent.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(import.meta.url);
const nowMs = () => Number(process.hrtime.bigint() / 1000n) / 1000;

// In a process of its own: what else the benchmark does must not delay what passes through.
export class Proxy {
	// url, ws: of the node. Has rpc and ws, for the services.
	static async start(url, ws) {
		const proxy = new Proxy();
		proxy.child = fork(FILE, [url, ws]);
		const [addresses] = await once(proxy.child, "message");
		return Object.assign(proxy, addresses);
	}

	// {announced: Map of block hash -> ms, sent: [{ms, raw}]}: what has passed.
	async records() {
		this.child.send("records");
		const [{ announced, sent }] = await once(this.child, "message");
		return { announced: new Map(announced), sent };
	}

	stop() {
		this.child.kill();
	}
}

// Passes bytes on as they come and looks at them afterwards: what is measured is not to be the proxy.
class Recorder {
	announced = new Map(); // block hash -> ms, when the first bytes of the node's announcement were here
	sent = []; // {ms, raw}: transactions, when their last bytes were here

	async serveHttp({ hostname, port, pathname }) {
		const watch = () => new Requests((ms, body) => this.noteSent(ms, body));
		this.rpc = `http://127.0.0.1:${await passOn(hostname, port, watch, () => undefined)}${pathname}`;
	}

	async serveWs({ hostname, port, pathname }) {
		const watch = () => new Announcements((ms, hash) => this.announced.has(hash) || this.announced.set(hash, ms));
		this.ws = `ws://127.0.0.1:${await passOn(hostname, port, () => undefined, watch)}${pathname}`;
	}

	noteSent(ms, body) {
		if (!body.includes("eth_sendRawTransaction")) return;
		for (const call of [JSON.parse(body)].flat())
			if (call.method === "eth_sendRawTransaction") this.sent.push({ ms, raw: call.params[0] });
	}
}

// The bodies of the HTTP requests on a connection; ours have a Content-Length.
class Requests {
	bytes = Buffer.alloc(0);

	constructor(note) {
		this.note = note;
	}

	push(ms, chunk) {
		this.bytes = Buffer.concat([this.bytes, chunk]);
		for (;;) {
			const head = this.bytes.indexOf("\r\n\r\n");
			if (head < 0) return;
			const length = Number(/content-length: *(\d+)/i.exec(this.bytes.toString("latin1", 0, head))?.[1] ?? 0);
			const end = head + 4 + length;
			if (this.bytes.length < end) return;
			this.note(ms, this.bytes.toString("utf8", head + 4, end));
			this.bytes = this.bytes.subarray(end);
		}
	}
}

// The block hashes in a node's websocket messages, which are neither masked nor compressed.
class Announcements {
	rest = "";

	constructor(note) {
		this.note = note;
	}

	push(ms, chunk) {
		const text = this.rest + chunk.toString("latin1");
		let end = 0;
		for (const match of text.matchAll(/"hash":"(0x[0-9a-f]{64})"/g)) {
			this.note(this.since ?? ms, match[1]);
			end = match.index + match[0].length;
		}
		this.rest = text.slice(end).slice(-4096);
		// A notification that has begun and isn't there yet.
		if (!this.rest.includes("eth_subscription")) this.since = undefined;
		else if (end || this.since === undefined) this.since = ms;
	}
}

// Serve a port that is the other's; each connection has a watcher for what comes from either side.
function passOn(host, port, fromClient, fromNode) {
	const server = createServer({ noDelay: true }, (client) => {
		const node = connect({ host, port, noDelay: true });
		for (const [from, to, watcher] of [[client, node, fromClient()], [node, client, fromNode()]]) {
			from.on("data", (chunk) => {
				const ms = nowMs();
				to.write(chunk);
				if (watcher) setImmediate(() => watcher.push(ms, chunk));
			});
			from.on("end", () => to.end());
			from.on("error", () => to.destroy());
			from.on("close", () => to.destroy());
		}
	});
	return listen(server);
}

function listen(server) {
	return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

if (process.argv[1] === FILE) {
	const [url, ws] = process.argv.slice(2);
	const recorder = new Recorder();
	await recorder.serveHttp(new URL(url));
	await recorder.serveWs(new URL(ws));
	process.on("disconnect", () => process.exit());
	process.on("message", () => process.send({ announced: [...recorder.announced], sent: recorder.sent }));
	process.send({ rpc: recorder.rpc, ws: recorder.ws });
}
