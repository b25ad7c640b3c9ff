// A websocket whose user believes nothing: every message that comes is held against protocol/http/feed.asyncapi.yaml.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import Ajv2020 from "ajv/dist/2020.js";
import WebSocket from "ws";
import { parse } from "yaml";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { until } from "../world.mjs";

export const asyncapi = parse(readFileSync(join(ROOT, "protocol/http/feed.asyncapi.yaml"), "utf8"));

const ajv = new Ajv2020({ strict: false }).addSchema(asyncapi, "feed");
const said = Object.fromEntries(
	asyncapi.operations.say.messages.map(({ $ref }) => {
		const name = $ref.split("/").at(-1);
		return [name, ajv.compile({ $ref: `feed${asyncapi.components.messages[name].payload.$ref}` })];
	}),
);
const heard = ajv.compile({
	anyOf: asyncapi.operations.hear.messages.map(({ $ref }) => ({
		$ref: `feed${asyncapi.components.messages[$ref.split("/").at(-1)].payload.$ref}`,
	})),
});

export const seen = new Map(); // how many messages of each op were held against it
export const isRequest = (message) => heard(message);

export function check(message) {
	const validate = said[message.op];
	assert.ok(validate, `no message has the op ${message.op}`);
	assert.ok(validate(message), `${ajv.errorsText(validate.errors)}: ${JSON.stringify(message).slice(0, 800)}`);
	seen.set(message.op, (seen.get(message.op) ?? 0) + 1);
}

export class CheckedWebSocket extends WebSocket {
	constructor(...args) {
		super(...args);
		this.on("message", (data) => {
			try {
				check(JSON.parse(data));
			} catch (error) {
				CheckedWebSocket.wrong ??= error;
			}
		});
	}

	static finish() {
		if (CheckedWebSocket.wrong) throw CheckedWebSocket.wrong;
	}
}

// A connection as it is: what was said, in order.
export class Plain {
	static async open(url, protocol) {
		const plain = new Plain();
		Object.assign(plain, { messages: [], code: undefined });
		plain.socket = new WebSocket(url, protocol ? [protocol] : []);
		plain.socket.on("message", (data, isBinary) => {
			const message = isBinary ? decode(data) : JSON.parse(data);
			if (message.log === undefined) check(message);
			plain.messages.push(message);
		});
		plain.socket.on("error", () => {});
		plain.closed = new Promise((done) => plain.socket.on("close", (code) => done((plain.code = code))));
		await until("a connection", () => plain.socket.readyState === WebSocket.OPEN || plain.code !== undefined);
		return plain;
	}

	say(message) {
		this.socket.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message));
	}

	// Wait for a message for which ask() is true; it.
	until(what, ask) {
		return until(what, () => this.messages.find(ask));
	}

	of(op) {
		return this.messages.filter((m) => m.op === op);
	}

	async end() {
		this.socket.terminate();
		await this.closed;
	}
}
