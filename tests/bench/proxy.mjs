// A recording proxy between the services and their node: stamps when a block was announced and when a batch was sent.
import { Agent, createServer, request as httpRequest } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const nowMs = () => Number(process.hrtime.bigint() / 1000n) / 1000;

export class Proxy {
	// url, ws: of the node.
	static async start(url, ws) {
		const proxy = new Proxy();
		proxy.announced = new Map(); // block hash -> ms, when we passed the node's announcement on
		proxy.sent = []; // {ms, raw}: transactions handed over
		await proxy.serveHttp(new URL(url));
		await proxy.serveWs(ws);
		return proxy;
	}

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

	stop() {
		for (const server of [this.http, this.wsHttp]) {
			server.close();
			server.closeAllConnections();
		}
	}
}

function listen(server) {
	return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}
