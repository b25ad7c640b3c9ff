// A recording proxy between the services and their node: stamps when a block was announced and when a batch was sent.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";

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

class Recorder {
	announced = new Map(); // block hash -> ms, when we passed the node's announcement on
	sent = []; // {ms, raw}: transactions handed over

	async serveHttp(to) {
		const agent = new Agent({ keepAlive: true, noDelay: true });
		this.http = createServer({ noDelay: true }, (request, response) => {
			const chunks = [];
			request.on("data", (chunk) => chunks.push(chunk));
			request.on("end", () => {
				const ms = nowMs();
				const body = Buffer.concat(chunks);
				if (body.includes("eth_sendRawTransaction")) this.noteSent(ms, body);
				const headers = { "content-type": "application/json", "content-length": body.length };
				const on = httpRequest({ host: to.hostname, port: to.port, method: "POST", agent, headers }, (answer) => {
					response.writeHead(answer.statusCode, { "content-type": "application/json" });
					answer.pipe(response);
				});
				on.on("error", () => response.destroy());
				on.end(body);
			});
		});
		this.rpc = `http://127.0.0.1:${await listen(this.http)}`;
	}

	noteSent(ms, body) {
		for (const call of [JSON.parse(body)].flat())
			if (call.method === "eth_sendRawTransaction") this.sent.push({ ms, raw: call.params[0] });
	}

	async serveWs(to) {
		this.wsHttp = createServer();
		const server = new WebSocketServer({ server: this.wsHttp, perMessageDeflate: false });
		server.on("connection", (client) => {
			const node = new WebSocket(to, { perMessageDeflate: false });
			const waiting = [];
			client.on("message", (data) => (node.readyState === 1 ? node.send(data.toString()) : waiting.push(data.toString())));
			node.on("open", () => waiting.splice(0).forEach((text) => node.send(text)));
			node.on("message", (data) => {
				const ms = nowMs();
				const text = data.toString();
				client.send(text);
				const hash = text.includes("eth_subscription") && JSON.parse(text).params.result.hash;
				if (hash && !this.announced.has(hash)) this.announced.set(hash, ms);
			});
			for (const [one, other] of [[node, client], [client, node]]) {
				one.on("close", () => other.close());
				one.on("error", () => other.terminate());
			}
		});
		this.ws = `ws://127.0.0.1:${await listen(this.wsHttp)}`;
	}
}

function listen(server) {
	return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

if (process.argv[1] === FILE) {
	const [url, ws] = process.argv.slice(2);
	const recorder = new Recorder();
	await recorder.serveHttp(new URL(url));
	await recorder.serveWs(ws);
	process.on("disconnect", () => process.exit());
	process.on("message", () => process.send({ announced: [...recorder.announced], sent: recorder.sent }));
	process.send({ rpc: recorder.rpc, ws: recorder.ws });
}
