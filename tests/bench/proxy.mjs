// What passed between the services and their node, and when: runs proxy.c, and reads its records.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../deploy/local/chain.mjs";

const PROGRAM = join(ROOT, "build/bench/proxy"); // make bench builds it
const [HTTP, WS] = [0, 1];
const FROM_NODE = 1;

export class Proxy {
	// url, ws: of the node. Has rpc and ws, for the services.
	static async start(url, ws) {
		const proxy = new Proxy();
		proxy.folder = mkdtempSync(join(tmpdir(), "kalypso-bench-"));
		proxy.file = join(proxy.folder, "records");
		const doors = [new URL(url).port, HTTP, new URL(ws).port, WS].map(String);
		proxy.child = spawn(PROGRAM, [proxy.file, ...doors], { stdio: ["ignore", "pipe", "inherit"] });
		const failed = once(proxy.child, "error").then(([error]) => Promise.reject(error));
		const [text] = await Promise.race([once(proxy.child.stdout, "data"), failed]);
		const [rpcPort, wsPort] = text.toString().trim().split(" ");
		return Object.assign(proxy, { rpc: `http://127.0.0.1:${rpcPort}`, ws: `ws://127.0.0.1:${wsPort}` });
	}

	// Ends it. {announced: Map of block hash -> ms, when the node's announcement began to come;
	// sent: [{ms, raw}], transactions and when their last bytes came}.
	async records() {
		this.child.kill("SIGTERM");
		await once(this.child, "exit");
		const found = { announced: new Map(), sent: [] };
		const watchers = new Map();
		for (const { connection, kind, side, ms, bytes } of read(readFileSync(this.file))) {
			if ((kind === WS) !== (side === FROM_NODE)) continue;
			if (!watchers.has(connection)) watchers.set(connection, kind === WS ? new Announcements(found) : new Requests(found));
			watchers.get(connection).push(ms, bytes);
		}
		return found;
	}

	stop() {
		this.child.kill("SIGKILL");
		rmSync(this.folder, { recursive: true, force: true });
	}
}

function* read(all) {
	for (let at = 0; at < all.length; ) {
		const [connection, kind, side, size] = [8, 12, 16, 20].map((offset) => all.readUInt32LE(at + offset));
		yield { ms: all.readDoubleLE(at), connection, kind, side, bytes: all.subarray(at + 24, at + 24 + size) };
		at += 24 + size;
	}
}

// The bodies of the HTTP requests on a connection; ours have a Content-Length.
class Requests {
	bytes = Buffer.alloc(0);

	constructor(found) {
		this.found = found;
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

	note(ms, body) {
		if (!body.includes("eth_sendRawTransaction")) return;
		for (const call of [JSON.parse(body)].flat())
			if (call.method === "eth_sendRawTransaction") this.found.sent.push({ ms, raw: call.params[0] });
	}
}

// The block hashes in a node's websocket messages, which are neither masked nor compressed.
class Announcements {
	rest = "";

	constructor(found) {
		this.found = found;
	}

	push(ms, chunk) {
		const text = this.rest + chunk.toString("latin1");
		const { announced } = this.found;
		let end = 0;
		for (const match of text.matchAll(/"hash":"(0x[0-9a-f]{64})"/g)) {
			if (!announced.has(match[1])) announced.set(match[1], this.since ?? ms);
			end = match.index + match[0].length;
		}
		this.rest = text.slice(end).slice(-4096);
		// A notification that has begun and isn't there yet.
		if (!this.rest.includes("eth_subscription")) this.since = undefined;
		else if (end || this.since === undefined) this.since = ms;
	}
}
