// What the gateway does with those who ask too much, too slowly, or nothing that makes sense: a defined answer, and
// nobody else notices.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";
import { ROOT } from "../../deploy/local/chain.mjs";
import { Api, openapi } from "./gateway/client.mjs";
import { Raw } from "./gateway/raw.mjs";
import { World, until } from "./gateway/world.mjs";
import { description as webhooks } from "./webhooks/description.mjs";

const world = new World();
const TIGHT = ["--rate-limit=20", "--rate-window=4", "--trusted-proxy=127.0.0.1/32", "--header-timeout=2", "--idle-timeout=2", "--header-bytes=2048"];
// What is used up stays so while a test lasts.
const STRICT = ["--rate-limit=20", "--rate-window=3600", "--trusted-proxy=127.0.0.0/8"];
const ALONE = ["--rate-limit=3", "--rate-window=3600"];

// A request as bytes.
const get = (path, ...headers) => ["GET " + path + " HTTP/1.1", "Host: gateway", ...headers, "", ""].join("\r\n");
const post = (...headers) => ["POST /v1/markets HTTP/1.1", "Host: gateway", ...headers, "", ""].join("\r\n");

async function raw(said, url = world.a.url) {
	const socket = await new Raw(url).open();
	return socket.say(said);
}

// The first answer to these bytes.
async function answerTo(said, url) {
	const socket = await raw(said, url);
	const answer = await until("an answer", () => socket.answers[0]);
	await socket.end();
	return answer;
}

// These bytes end their connection; what was answered before.
async function endedBy(said, url) {
	const socket = await raw(said, url);
	await until("its end", () => socket.ended);
	return socket;
}

// Somebody else, who reads all the while: each answer has to be there and soon.
function watchOther() {
	const api = new Api(world.a.url);
	const seen = { count: 0, slowest: 0 };
	let going = true;
	const done = (async () => {
		while (going) {
			const began = performance.now();
			await api.get("/v1/markets/1");
			seen.slowest = Math.max(seen.slowest, performance.now() - began);
			seen.count++;
			await sleep(5);
		}
	})();
	const stop = async () => {
		going = false;
		await done;
		assert.ok(seen.count > 0);
		assert.ok(seen.slowest < 1500, `somebody else waited ${seen.slowest} ms`);
	};
	return { seen, stop };
}

// A test during which somebody else is served as ever.
const undisturbed = (name, fn) =>
	test(name, async () => {
		const { seen, stop } = watchOther();
		try {
			await fn(seen);
		} finally {
			await stop();
		}
	});

describe("who asks", () => {
	before(async () => {
		await world.start();
		world.tight = await world.addGateway("tight", TIGHT);
		world.strict = await world.addGateway("strict", STRICT);
		world.alone = await world.addGateway("alone", ALONE);
	});
	after(() => world.stop());

	describe("names of requests", () => {
		test("are the client's if they are sane, and the gateway's if not", async () => {
			for (const id of ["a", "3f2c-Ab_9.1:x", "x".repeat(64)]) {
				const { headers, json } = await world.api.ask("/v1/markets/99", { headers: { "x-request-id": id } });
				assert.deepEqual([headers.get("x-request-id"), json.request_id], [id, id]);
			}
			const made = new Set();
			for (const id of ["", "x".repeat(65), "x".repeat(1500), "a b", "a\"b", "<b>", "ä", undefined]) {
				const { headers, json } = await world.api.ask("/v1/markets/99", { headers: id === undefined ? {} : { "x-request-id": id } });
				assert.match(headers.get("x-request-id"), /^[0-9a-f]{16}$/, id);
				assert.equal(json.request_id, headers.get("x-request-id"));
				made.add(json.request_id);
			}
			assert.equal(made.size, 8);
		});

		test("are in every answer", async () => {
			for (const path of ["/", "/v1/chain", "/v1/status", "/v1/events?log=book", "/v1/feed", "/nothing", `/${"x".repeat(2000)}`])
				for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) {
					const answer = await fetch(new URL(path, world.a.url), { method, headers: { "x-request-id": "mine" } });
					await answer.text();
					assert.equal(answer.headers.get("x-request-id"), "mine", `${method} ${path.slice(0, 30)}`);
				}
			const socket = new WebSocket(`${world.a.url.replace("http", "ws")}/nowhere`, { headers: { "x-request-id": "feed" } });
			socket.on("error", () => {});
			const [, response] = await once(socket, "unexpected-response");
			assert.deepEqual([response.statusCode, response.headers["x-request-id"]], [404, "feed"]);
		});

		test("may be read by other sites' pages, as may the rest", async () => {
			const { headers } = await world.api.ask("/v1/markets");
			const exposed = headers.get("access-control-expose-headers").split(", ");
			for (const name of ["etag", "retry-after", "x-request-id", "ratelimit", "ratelimit-policy", "ratelimit-remaining"]) assert.ok(exposed.includes(name), name);
			const options = await world.api.ask("/v1/markets", { method: "OPTIONS" });
			for (const name of ["if-none-match", "x-request-id", "idempotency-key"]) assert.ok(options.headers.get("access-control-allow-headers").split(", ").includes(name), name);
		});
	});

	describe("a client's quota", () => {
		const limits = ({ headers }) => ["policy", "limit", "remaining", "reset"].map((name) => headers.get(`ratelimit-${name}`));
		const as = (client) => ({ headers: { "x-forwarded-for": client } });
		let tight;

		before(() => (tight = new Api(world.tight.url)));

		test("is told in every answer, and who has used it up is told when to come back", async () => {
			for (let left = 19; left >= 0; left--) {
				const answer = await tight.ask("/v1/chain", as("10.1.1.1"));
				assert.equal(answer.status, 200);
				const [policy, limit, remaining] = limits(answer);
				assert.deepEqual([policy, limit], ['"client";q=20;w=4', "20"]);
				// It fills up meanwhile.
				assert.ok(Number(remaining) >= left && Number(remaining) < 20, `${remaining} of ${left}`);
				assert.match(answer.headers.get("ratelimit"), new RegExp(`^"client";r=${remaining};t=[1-4]$`));
			}
			const refused = await until("a refusal", async () => {
				const answer = await tight.ask("/v1/chain", as("10.1.1.1"));
				return answer.status === 429 && answer;
			}, { everyMs: 0 });
			assert.equal(refused.json.type, "urn:kalypso:problem:too-many-requests");
			assert.equal(refused.headers.get("retry-after"), "1");
			assert.equal(limits(refused)[2], "0");
			await sleep(1000 * Number(refused.headers.get("retry-after")));
			assert.equal((await tight.ask("/v1/chain", as("10.1.1.1"))).status, 200);
		});

		test("is each client's own: the one that our proxy names", async () => {
			const strict = new Api(world.strict.url);
			const status = async (client) => (await strict.ask("/v1/chain", as(client))).status;
			const spend = async (client) => {
				for (let i = 0; i < 20; i++) assert.equal(await status(client), 200, `${client} ${i}`);
				assert.equal(await status(client), 429, client);
			};
			await spend("10.2.2.2");
			// What a client says before what the proxy says doesn't help it.
			assert.equal(await status("10.9.9.9, 10.2.2.2"), 429);
			assert.equal(await status("10.2.2.2, 10.3.3.3"), 200);
			await spend("2001:db8:1:2::1");
			// In its own network it may have any address.
			assert.equal(await status("2001:db8:1:2:ffff::9"), 429);
			assert.equal(await status("2001:db8:1:3::1"), 200);
			// What is no address is the proxy's own.
			const nobodies = ["", "unknown", "10.2.2.2.2", "10.5.5.5,", "x".repeat(700)];
			for (let i = 0; i < 20; i++) assert.equal(await status(nobodies[i % nobodies.length]), 200);
			for (const nobody of nobodies) assert.equal(await status(nobody), 429, nobody);
		});

		test("is that of the address that connects, where no proxy is named", async () => {
			const alone = new Api(world.alone.url);
			const statuses = [];
			for (const client of ["10.2.2.2", "10.4.4.4", "10.6.6.6", "10.8.8.8"]) statuses.push((await alone.ask("/v1/chain", as(client))).status);
			assert.deepEqual(statuses, [200, 200, 200, 429]);
		});
	});

	describe("the descriptions", () => {
		const served = (path, headers = {}) => fetch(new URL(path, world.a.url), { headers });

		test("are served as they are, and others may read them", async () => {
			const files = { "openapi.yaml": "gateway.openapi.yaml", "webhooks.yaml": "webhooks.openapi.yaml", "asyncapi.yaml": "feed.asyncapi.yaml" };
			for (const [path, file] of Object.entries(files)) {
				const answer = await served(`/v1/${path}`);
				assert.equal(answer.headers.get("content-type"), "application/yaml");
				assert.equal(answer.headers.get("access-control-allow-origin"), "*");
				assert.equal(await answer.text(), readFileSync(join(ROOT, "protocol/http", file), "utf8"));
				const again = await served(`/v1/${path}`, { "if-none-match": answer.headers.get("etag") });
				assert.equal(again.status, 304);
			}
		});

		test("have a page with every operation and schema, made of nothing from elsewhere", async () => {
			const answer = await served("/docs");
			const page = await answer.text();
			assert.match(answer.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'; style-src 'self';/);
			const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
			assert.equal(new Set(ids).size, ids.length, "an id stands twice");
			for (const [prefix, { paths, webhooks: told = {}, components }] of [["", openapi], ["kalypso-webhooks-", webhooks]]) {
				const operations = [...Object.values(paths), ...Object.values(told)].flatMap((item) => Object.values(item)).map(({ operationId }) => operationId).filter(Boolean);
				const wanted = [...operations, ...Object.keys(components.schemas).map((name) => `${prefix}schema-${name}`)];
				for (const id of wanted) assert.ok(ids.includes(id.toLowerCase()), id);
			}
			for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.includes(target), `#${target}`);
			assert.ok(!/<script|<style| style=|https?:\/\/(?!127)/.test(page), "only our own");
			assert.equal((await served("/docs.css")).headers.get("content-type"), "text/css; charset=utf-8");
		});
	});

	describe("bad input", () => {
		const problem = ({ status, body }) => [status, JSON.parse(body).type.split(":").at(-1)];

		undisturbed("what is no request is refused, and ends its connection", async () => {
			for (const said of [Buffer.alloc(300, 0xff), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "BREW /v1/markets HTTP/1.1\r\n\r\n", get("http://gateway/v1/markets")]) {
				const socket = await endedBy(said);
				assert.deepEqual(socket.answers.map(({ status }) => status), [403], String(said).slice(0, 40));
			}
			assert.deepEqual((await endedBy("CONNECT gateway:80 HTTP/1.1\r\nHost: gateway\r\n\r\n")).text, "");
		});

		undisturbed("an escape that isn't one is refused", async () => {
			for (const path of ["/v1/markets/%zz", "/v1/markets/%", "/v1/markets/1%", "/v1/markets?limit=%zz", "/v1/markets?limit=%"]) {
				const socket = await endedBy(get(path));
				assert.deepEqual(socket.answers.map(({ status }) => status), [403], path);
			}
			for (const path of ["/v1/markets/1%00x", "/v1/markets?limit=1%002"]) assert.equal((await endedBy(get(path))).text, "", path);
		});

		undisturbed("bytes that aren't UTF-8 are answered with some that are", async () => {
			for (const [said, what] of [
				[get("/v1/markets/%ff%fe"), "bad-id"],
				[get("/v1/markets/%c0%af"), "bad-id"],
				[get("/v1/requests?state=%ff%fe"), "bad-parameter"],
				[get("/v1/requests?requester=%ed%a0%80"), "bad-parameter"],
				[Buffer.from(get("/v1/markets/\xff\xfe"), "latin1"), "bad-id"],
				[Buffer.from(get("/v1/\xf0\x9f"), "latin1"), "not-found"],
			]) {
				const answer = await answerTo(said);
				assert.equal(problem(answer)[1], what);
				assert.ok(!answer.body.includes("\ufffd"), "not UTF-8");
			}
		});

		undisturbed("a path that tries to leave stays", async () => {
			for (const path of ["/v1/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/..%2f..%2fetc/passwd", "/..%5c..%5cetc"]) assert.equal(problem(await answerTo(get(path)))[0], 404, path);
		});

		undisturbed("more parameters than there are, or than fit", async () => {
			const query = (n) => Array.from({ length: n }, (_, i) => `a${i}=1`).join("&");
			for (const n of [9, 50, 90]) assert.deepEqual(problem(await answerTo(get(`/v1/markets?${query(n)}`))), [400, "too-many-parameters"]);
			assert.deepEqual(problem(await answerTo(get(`/v1/markets?limit=${"1".repeat(200)}`))), [400, "too-many-parameters"]);
			for (const n of [100, 900]) assert.equal((await endedBy(get(`/v1/markets?${query(n)}`))).text, "");
		});

		undisturbed("headers of many bytes", async () => {
			const header = (n) => get("/v1/markets/1", `Cookie: ${"y".repeat(n)}`);
			assert.equal((await answerTo(header(7000))).status, 200);
			for (const n of [9000, 200_000]) assert.equal((await endedBy(header(n))).text, "");
			assert.equal((await answerTo(header(1500), world.tight.url)).status, 200);
			assert.equal((await endedBy(header(3000), world.tight.url)).text, "");
			assert.equal((await answerTo(get("/v1/markets/1", ...Array.from({ length: 300 }, (_, i) => `x-${i}: 1`)))).status, 200);
			assert.deepEqual(problem(await answerTo(get(`/v1/markets/${"1".repeat(5000)}`))), [414, "path-too-long"]);
		});

		undisturbed("requests on top of each other are answered in their order", async () => {
			const paths = Array.from({ length: 100 }, (_, i) => `/v1/markets/${1 + (i % 4)}`);
			const socket = await raw(paths.map((path) => get(path, `X-Request-Id: ${path.at(-1)}`)).join(""));
			const answers = await until("all of them", () => socket.answers.length === 100 && socket.answers);
			assert.deepEqual(answers.map(({ headers }) => headers["x-request-id"]), paths.map((path) => path.at(-1)));
			assert.deepEqual(answers.map(({ status }) => status), paths.map((path) => ("12".includes(path.at(-1)) ? 200 : 404)));
			await socket.end();
		});

		undisturbed("a body where none is taken is read and forgotten, if it is small and says so", async () => {
			const sent = await raw(post("Content-Length: 5") + "{nope" + get("/v1/markets/1"));
			const answers = await until("both answers", () => sent.answers.length === 2 && sent.answers);
			assert.deepEqual(problem(answers[0]), [405, "method-not-allowed"]);
			assert.equal(answers[1].status, 200);
			await sent.end();
		});

		undisturbed("a body that is too large, or doesn't say how large, ends its connection", async () => {
			for (const [said, ...what] of [
				[post("Content-Length: 99999999999999999999") + "{}", 413, "body-too-large"],
				[post("Content-Length: -1") + "{}", 413, "body-too-large"],
				[post("Content-Length: 5, 5") + "{}{}", 413, "body-too-large"],
				[post("Transfer-Encoding: chunked") + "zz\r\n", 411, "length-required"],
				[post("Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n", 411, "length-required"],
				[post(), 411, "length-required"],
			]) assert.deepEqual(problem((await endedBy(said)).answers[0]), what, said.slice(0, 90));
			// A request in the body of another isn't one.
			const smuggled = await endedBy(get("/v1/markets/77", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n" + get("/v1/markets/1"));
			assert.deepEqual(smuggled.answers.map(({ status }) => status), [404]);
			// Whether the answer is read before the connection breaks is the network's business.
			const sixteen = Buffer.alloc(16 << 20, "x");
			for (const first of [post(`Content-Length: ${sixteen.length}`), get("/v1/markets/77", `Content-Length: ${sixteen.length}`)]) await endedBy(Buffer.concat([Buffer.from(first), sixteen]));
		});

		undisturbed("a body that comes byte by byte has so long and no longer", async () => {
			const slow = await raw(post("Content-Length: 9000"), world.tight.url);
			const dripping = setInterval(() => slow.say("y"), 50);
			await until("its end", () => slow.ended);
			clearInterval(dripping);
			assert.equal(slow.text, "");
		});

		undisturbed("who sends headers byte by byte, or nothing, has so long and no longer", async () => {
			const began = performance.now();
			const slow = await new Raw(world.tight.url).open();
			const dripping = setInterval(() => slow.say("y"), 50);
			slow.say("GET /v1/markets HTTP/1.1\r\nCookie: ");
			const silent = await new Raw(world.tight.url).open();
			const crowd = await Promise.all(Array.from({ length: 50 }, () => raw("GET /v1/markets HTTP/1.1\r\n", world.tight.url)));
			await until("their end", () => [slow, silent, ...crowd].every(({ ended }) => ended));
			clearInterval(dripping);
			assert.equal(slow.text + silent.text, "");
			assert.ok(performance.now() - began > 1000, "it has its time");
		});

		undisturbed("who says nothing after an answer is let go", async () => {
			const socket = await raw(get("/v1/markets/1"), world.tight.url);
			await until("its end", () => socket.ended);
			assert.deepEqual(socket.answers.map(({ status }) => status), [200]);
		});

		undisturbed("another protocol isn't spoken", async () => {
			const h2c = await endedBy(get("/v1/markets", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"));
			assert.equal(h2c.text, "");
			const key = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
			assert.deepEqual(problem((await endedBy(get("/v1/markets", "Sec-WebSocket-Version: 13", ...key))).answers[0]), [404, "not-found"]);
			assert.equal((await endedBy(get("/v1/feed", "Sec-WebSocket-Version: 13", ...key.slice(0, 2)))).text, "");
		});

		undisturbed("who asks for a lot and takes none of it waits for itself", async (other) => {
			const greedy = await Promise.all(Array.from({ length: 40 }, async () => {
				const socket = await new Raw(world.a.url).open();
				socket.socket.pause();
				return socket.say(get("/v1/events?log=chain&limit=1000").repeat(20));
			}));
			const before = other.count;
			await until("others to be served", () => other.count > before + 50);
			for (const socket of greedy) await socket.end();
		});
	});
});
