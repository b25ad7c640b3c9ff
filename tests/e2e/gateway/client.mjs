// Outside clients of the gateway that believe nothing: every answer and every message is held against
// protocol/http/gateway.openapi.yaml, and every entry of a log has to follow the one before it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import WebSocket from "ws";
import { parse } from "yaml";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { until } from "../../../deploy/local/processes.mjs";

export const openapi = parse(readFileSync(join(ROOT, "protocol/http/gateway.openapi.yaml"), "utf8"));
// A websocket, and a file.
export const NOT_ROUTES = ["/v1/feed", "/v1/openapi.yaml"];
export const LOGS = ["chain", "book", "match", "task", "slash"];

const ajv = new Ajv2020({ strict: false }).addSchema(openapi, "gateway");
const pointer = (parts) => parts.map((p) => p.replaceAll("~", "~0").replaceAll("/", "~1")).map(encodeURIComponent).join("/");

export function schemaAt(...parts) {
	const validate = ajv.compile({ $ref: `gateway#/${pointer(parts)}` });
	return (value, what) => assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value).slice(0, 600)}`);
}

const follow = (node) => (node?.$ref ? node.$ref.slice(2).split("/").reduce((at, part) => at[part], openapi) : node);
const schemas = new Map();

// Compiled once.
function check(parts, value, what) {
	const key = parts.join(" ");
	if (!schemas.has(key)) schemas.set(key, schemaAt(...parts));
	schemas.get(key)(value, what);
}

const camel = (name) => name.split("_").map((part) => part[0].toUpperCase() + part.slice(1)).join("");

// The entry by its own schema: faster than to try all, and it says what is wrong.
function checkEntry(message, what) {
	const { log, seq, entry, ...rest } = message;
	assert.deepEqual(rest, {}, what);
	check(["components", "schemas", "LogName"], log, what);
	assert.ok(Number.isSafeInteger(seq) && seq > 0, what);
	assert.notEqual(entry.type, "unknown", what);
	check(["components", "schemas", `Entry${camel(entry.type)}`], entry, `${what} ${entry.type}`);
}

// The template of a path in the description; undefined if it has none.
export function templateOf(path) {
	const parts = path.split("/");
	const fits = (template) => {
		const other = template.split("/");
		return other.length === parts.length && other.every((part, i) => part.startsWith("{") || part === parts[i]);
	};
	return Object.keys(openapi.paths).find(fits);
}

// An answer has to be one of those that the description has for its path and status.
function checkAnswer({ url, status, headers, text, json }) {
	const template = templateOf(url.pathname);
	if (!template) return assert.equal(status, 404, String(url));
	const { responses } = openapi.paths[template].get;
	const key = responses[status] ? String(status) : "default";
	const response = follow(responses[key]);
	const what = `${url} ${status}`;
	assert.ok(response, what);
	assert.match(headers.get("x-request-id"), /^[0-9A-Za-z._:-]{1,64}$/, what);
	for (const [name, described] of Object.entries(response.headers ?? {})) {
		const value = headers.get(name);
		const { schema, required } = follow(described);
		if (!required && value === null) continue;
		assert.ok(ajv.validate(schema, value), `${what}: ${name} is ${value}`);
	}
	if (!response.content) return assert.equal(text, "", what);
	const [[type, { schema }]] = Object.entries(response.content);
	assert.equal(headers.get("content-type"), type, what);
	assert.equal(headers.get("cache-control"), type.includes("problem") || url.pathname === "/v1/status" ? "no-store" : "no-cache", what);
	if (url.pathname === "/v1/events" && status === 200) {
		const { events, ...rest } = json;
		for (const event of events) checkEntry(event, what);
		return check(["components", "schemas", "EventPage"], { ...rest, events: [] }, what);
	}
	const place = schema.$ref.slice(2).split("/");
	check(place, json, what);
	if (type.includes("problem")) assert.equal(json.status, status, what);
}

export class Api {
	constructor(url) {
		this.url = url;
		this.asked = new Set(); // templates of paths that answered 200
	}

	// An answer, checked: {status, headers, text, json}.
	async ask(path, { method = "GET", headers = {}, body } = {}) {
		const url = new URL(path, this.url);
		const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(20_000) });
		const text = await answer.text();
		const json = text && method !== "HEAD" ? JSON.parse(text) : undefined;
		const all = { url, status: answer.status, headers: answer.headers, text, json };
		if (method === "GET") checkAnswer(all);
		if (answer.status === 200) this.asked.add(templateOf(url.pathname));
		return all;
	}

	// The document; it has to be there.
	async get(path) {
		const { status, json, text } = await this.ask(path);
		assert.equal(status, 200, `${path}: ${text}`);
		return json;
	}

	// All items of a list, page by page.
	async all(path, key, limit = 1000) {
		const items = [];
		for (let next = ""; next !== null; ) {
			const at = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${next && `&after=${next}`}`;
			const page = await this.get(at);
			assert.ok(page[key].length <= limit, at);
			items.push(...page[key]);
			next = page.next;
		}
		return items;
	}

	// Wait until it shows the block that the chain has as its newest; the answer's as_of.
	reaches(block) {
		return until(`${this.url} to show block ${block}`, async () => {
			const { as_of, logs } = await this.get("/v1/chain");
			const there = [as_of?.block, logs.chain.block?.number, logs.match.block?.number];
			return there.every((n) => n !== undefined && BigInt(n) >= block) && as_of;
		});
	}
}

// A client of the feed.
export class Feed {
	constructor(url) {
		this.url = url.replace("http", "ws") + "/v1/feed";
		this.entries = []; // as they came
		this.newest = {}; // of each log
		this.said = []; // what isn't an entry
		this.beats = {};
	}

	async open(options) {
		this.code = undefined;
		this.socket = new WebSocket(this.url, options);
		this.closed = once(this.socket, "close").then(([code]) => (this.code = code));
		this.socket.on("message", (data) => {
			try {
				this.hear(JSON.parse(data));
			} catch (error) {
				this.wrong ??= error;
			}
		});
		this.socket.on("error", () => {}); // its end is what counts
		await Promise.race([
			once(this.socket, "open"),
			this.closed.then(() => Promise.reject(new Error(`no connection to ${this.url}`))),
		]);
		return this;
	}

	say(message) {
		this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
	}

	async subscribe(message = {}) {
		const heard = this.said.length;
		this.say({ op: "subscribe", ...message });
		this.answer = await this.until("an answer", () => this.said.slice(heard).find(({ op }) => op !== "heartbeat"));
		return this.answer;
	}

	// Go on where it was.
	resume(message = {}) {
		return this.subscribe({ from: this.newest, ...message });
	}

	hear(message) {
		if (message.log === undefined) {
			check(["components", "schemas", "FeedMessage"], message, "the feed");
			if (message.op === "heartbeat") {
				this.beats = message.logs;
			} else this.said.push(message);
			if (message.op === "subscribed")
				for (const [log, { next }] of Object.entries(message.logs)) this.newest[log] = next - 1;
			return;
		}
		checkEntry(message, `feed ${message.log} ${message.seq}`);
		assert.equal(message.seq, this.newest[message.log] + 1, `a gap in ${message.log}`);
		this.newest[message.log] = message.seq;
		this.entries.push(message);
	}

	until(what, ask, options) {
		return until(
			`${what} on the feed`,
			() => {
				if (this.wrong) throw Object.assign(this.wrong, { fatal: true });
				return ask();
			},
			{ everyMs: 20, ...options },
		);
	}

	// Wait for an entry of this type for which ask() is true.
	untilEntry(type, ask = () => true) {
		return this.until(type, () => this.entries.find(({ entry }) => entry.type === type && ask(entry)));
	}

	// Wait until it has what the newest heartbeat names.
	inStep() {
		const began = this.beats;
		return this.until("everything", () => this.beats !== began && Object.entries(this.beats).every(([log, n]) => this.newest[log] >= n));
	}

	texts(log) {
		return this.entries.filter((e) => e.log === log).map((e) => JSON.stringify(e));
	}

	async end() {
		this.socket.terminate();
		await this.closed;
		if (this.wrong) throw this.wrong;
	}
}
