// A receiver of webhooks that believes nothing: every message is verified by the public package `standardwebhooks` or, if it
// is signed with ed25519 only, by Node's own crypto.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Webhook } from "standardwebhooks";
import { until } from "../world.mjs";
import { check } from "./description.mjs";

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/; // of requests
const DER = Buffer.from("302a300506032b6570032100", "hex"); // what stands before an ed25519 key (RFC 8410)

// Whether one of the v1a signatures is by the key "whpk_…".
export function verifiesV1a(text, headers, publicKey) {
	const key = createPublicKey({ key: Buffer.concat([DER, Buffer.from(publicKey.slice(5), "base64")]), format: "der", type: "spki" });
	const content = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`);
	const signatures = headers["webhook-signature"].split(" ").filter((s) => s.startsWith("v1a,"));
	return signatures.some((s) => verify(null, content, key, Buffer.from(s.slice(4), "base64")));
}

export class Receiver {
	constructor() {
		this.heard = []; // {text, message, headers, at}, in the order of coming
		this.answer = undefined; // what to do instead of 200: async (request, response, message) => true if it answered
		this.wrong = undefined;
	}

	// tls: {key, cert} of an https server.
	async listen({ host = "127.0.0.1", port = 0, tls } = {}) {
		const hear = (request, response) => this.hear(request, response).catch((e) => (this.wrong ??= e));
		this.server = tls ? createTlsServer(tls, hear) : createServer(hear);
		await new Promise((resolve) => this.server.listen(port, host, resolve));
		this.url = `http://127.0.0.1:${this.server.address().port}/hook`;
		return this;
	}

	close() {
		this.server.closeAllConnections();
		return new Promise((resolve) => this.server.close(resolve));
	}

	async hear(request, response) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const text = Buffer.concat(chunks).toString();
		const message = JSON.parse(text);
		const { headers } = request;
		check("Message", message, message.type);
		assert.equal(request.method, "POST");
		assert.equal(headers["content-type"], "application/json");
		assert.equal(headers["webhook-id"], message.id);
		assert.equal(TRACEPARENT.test(headers.traceparent), Boolean(message.data.request_id), headers.traceparent);
		if (this.secret) new Webhook(this.secret).verify(text, headers);
		if (this.publicKey) assert.ok(verifiesV1a(text, headers, this.publicKey));
		this.heard.push({ text, message, headers, at: Date.now() });
		if (await this.answer?.(request, response, message)) return;
		if (message.type === "webhook.challenge") response.end(JSON.stringify({ challenge: message.data.challenge }));
		else response.end("thanks");
	}

	get messages() {
		return this.heard.map(({ message }) => message).filter((m) => m.sequence !== null);
	}

	until(what, ask, options) {
		return until(`${what} at a receiver`, () => {
			if (this.wrong) throw Object.assign(this.wrong, { fatal: true });
			return ask();
		}, options);
	}

	untilMessage(type, ask = () => true) {
		return this.until(type, () => this.heard.map(({ message }) => message).find((m) => m.type === type && ask(m)));
	}

	// Every sequence from 1 to the newest, each at least once; first comings of a subject in order.
	check() {
		if (this.wrong) throw this.wrong;
		const first = new Map();
		for (const m of this.messages) if (!first.has(m.sequence)) first.set(m.sequence, m);
		const sequences = [...first.keys()].sort((a, b) => a - b);
		assert.deepEqual(sequences, sequences.map((_, i) => i + 1), "a sequence is missing");
		const newest = new Map();
		for (const [sequence, { data }] of first) {
			const subject = data.request_id ?? data.generator ?? data.market_id;
			assert.ok(sequence > (newest.get(subject) ?? 0), `${subject}: ${sequence} came after ${newest.get(subject)}`);
			newest.set(subject, sequence);
		}
	}
}
